"""Invariants of every plan, by the rules of NetBox 4.7's models."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise

from fabrics.inventory.model.dcim import Cable, Device, Interface
from fabrics.inventory.model.ipam import VLAN, IPAddress, IPRange, Prefix, VLANGroup
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan
from fabrics.texts import replace_unprintable

MAX_CHARS = {
    "name": {Model.DEVICE: 64, Model.INTERFACE: 64, Model.VLAN: 64, Model.MODULE_BAY: 64},
    "slug": {},
    "label": {},
    "model": {},
    "part_number": {Model.MODULE_TYPE: 50},
    "serial": {Model.DEVICE: 50, Model.MODULE: 50},
    "description": {model: 200 for model in Model},
}
"""The longest texts that NetBox accepts, 100 characters unless stated."""

HH_KEY = re.compile(r"[A-Za-z0-9]+/[a-z0-9.-]+/[a-z0-9.-]+(#.+)?")


def check(plan: Plan) -> None:
    """Assert all invariants."""
    _keys_are_unique(plan)
    _references_resolve(plan)
    _texts_are_legal(plan)
    _cables_join_free_ports(plan)
    _interfaces_are_consistent(plan)
    _addresses_are_consistent(plan)


def _keys_are_unique(plan: Plan) -> None:
    for keys in (
        [planned.ref for planned in plan.objects],
        [(planned.MODEL, planned.natural_key) for planned in plan.objects],
        [(planned.group, planned.name) for planned in _of(plan, VLAN)],
    ):
        assert [key for key, count in Counter(keys).items() if count > 1] == []
    for planned in plan.objects:
        assert planned.SHARED or HH_KEY.fullmatch(planned.key), planned.key
    assert list(plan.skipped) == sorted(set(plan.skipped))
    assert all(planned.key and planned.reason for planned in plan.skipped)


def _references_resolve(plan: Plan) -> None:
    """Assert that references name the site or earlier objects; deferred fields any."""
    planned_refs = {planned.ref for planned in plan.objects} | {plan.fabric.site_ref}
    written = {plan.fabric.site_ref}
    models = [list(Model).index(planned.MODEL) for planned in plan.objects]
    assert models == sorted(models)
    for planned in plan.objects:
        for field, ref in planned.references():
            assert ref in (planned_refs if field in planned.DEFERRED_FIELDS else written), (
                planned.key,
                field,
                ref,
            )
        written.add(planned.ref)


def _texts_are_legal(plan: Plan) -> None:
    for planned in plan.objects:
        fields = planned.fields()
        for field, limits in MAX_CHARS.items():
            text = fields.get(field, "x")
            assert isinstance(text, str)
            assert replace_unprintable(text) == text
            assert text == text.strip()
            assert len(text) <= limits.get(planned.MODEL, 100)
            assert text or field in ("description", "serial")
        assert re.fullmatch(r"[-a-zA-Z0-9_]+", str(fields.get("slug", "x")))


def _cables_join_free_ports(plan: Plan) -> None:
    ports = {port.ref: port for port in _of(plan, Interface)}
    ends = Counter(end for cable in _of(plan, Cable) for end in cable.terminations)
    assert [end for end, count in ends.items() if count > 1] == []
    for end in ends:
        assert ports[end].type not in ("virtual", "lag")
        assert not ports[end].mark_connected


def _interfaces_are_consistent(plan: Plan) -> None:
    ports = {port.ref: port for port in _of(plan, Interface)}
    for port in ports.values():
        for other in (port.lag, port.parent):
            assert other is None or ports[other].device == port.device
        assert port.lag is None or (ports[port.lag].type == "lag" and port.type != "virtual")
        assert port.parent is None or port.type == "virtual"
        assert not (port.mark_connected and port.type in ("virtual", "lag"))
        assert port.mode == (
            "tagged" if port.tagged_vlans else "access" if port.untagged_vlan else None
        )
        assert len(set(port.tagged_vlans)) == len(port.tagged_vlans)
        assert port.mtu is None or 1 <= port.mtu <= 65536
    names = Counter((device.site, device.name.lower()) for device in _of(plan, Device))
    assert all(count == 1 for count in names.values())


def _addresses_are_consistent(plan: Plan) -> None:
    groups = {group.ref: group for group in _of(plan, VLANGroup)}
    for vlan in _of(plan, VLAN):
        assert any(first <= vlan.vid <= last for first, last in groups[vlan.group].vid_ranges)
    for group in groups.values():
        assert all(before[1] < after[0] for before, after in pairwise(group.vid_ranges))
    assert all(prefix.prefix.prefixlen for prefix in _of(plan, Prefix))
    hosts: dict[tuple[Ref, object], list[str | None]] = {}
    for address in _of(plan, IPAddress):
        network = address.address.network
        assert network.prefixlen
        if address.assigned_object and network.prefixlen < 31:
            assert address.address.ip not in (network[0], network[-1])
        hosts.setdefault((address.vrf, address.address.ip), []).append(address.role)
    assert all(len(roles) == 1 or set(roles) == {"anycast"} for roles in hosts.values())
    for one, other in combinations(_of(plan, IPRange), 2):
        is_disjoint = (
            one.end_address.ip < other.start_address.ip
            or other.end_address.ip < one.start_address.ip
        )
        assert is_disjoint or one.vrf != other.vrf


def _of[W: PlannedObject](plan: Plan, kind: type[W]) -> Iterator[W]:
    return (planned for planned in plan.objects if isinstance(planned, kind))
