"""What holds for every plan there can be, by the rules of NetBox 4.7's models."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise

from fabrics.inventory.model.dcim import Cable, Device, Interface
from fabrics.inventory.model.ipam import VLAN, IPAddress, IPRange, Prefix, VLANGroup
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan

LONGEST = {
    "name": {Model.DEVICE: 64, Model.INTERFACE: 64, Model.VLAN: 64},
    "slug": {},
    "label": {},
    "model": {},
    "serial": {Model.DEVICE: 50},
    "description": {model: 200 for model in Model},
}
"""The longest texts; 100 characters where it is not said."""

HH_KEY = re.compile(r"[A-Za-z0-9]+/[a-z0-9.-]+/[a-z0-9.-]+(#.+)?")


def check(plan: Plan) -> None:
    """Assert all of it."""
    _keys_are_unique(plan)
    _references_resolve(plan)
    _texts_are_legal(plan)
    _cables_join_free_ports(plan)
    _interfaces_are_consistent(plan)
    _addresses_are_consistent(plan)


def _keys_are_unique(plan: Plan) -> None:
    for keys in (
        [each.ref for each in plan.objects],
        [(each.MODEL, each.natural_key) for each in plan.objects],
        [(each.group, each.name) for each in _of(plan, VLAN)],
    ):
        assert [key for key, count in Counter(keys).items() if count > 1] == []
    for each in plan.objects:
        assert each.SHARED or HH_KEY.fullmatch(each.key), each.key
    assert list(plan.skipped) == sorted(set(plan.skipped))
    assert all(each.key and each.reason for each in plan.skipped)


def _references_resolve(plan: Plan) -> None:
    """Within the plan or to the site; to what is written before, but for fields that are late."""
    known = {each.ref for each in plan.objects} | {plan.fabric.site_ref}
    written = {plan.fabric.site_ref}
    models = [list(Model).index(each.MODEL) for each in plan.objects]
    assert models == sorted(models)
    for each in plan.objects:
        for field, ref in each.references():
            assert ref in (known if field in each.DEFERRED_FIELDS else written), (
                each.key,
                field,
                ref,
            )
        written.add(each.ref)


def _texts_are_legal(plan: Plan) -> None:
    for each in plan.objects:
        fields = each.fields()
        for field, limits in LONGEST.items():
            text = fields.get(field, "x")
            assert isinstance(text, str)
            assert text.isprintable()
            assert text == text.strip()
            assert len(text) <= limits.get(each.MODEL, 100)
            assert text or field in ("description", "serial")
        assert re.fullmatch(r"[-a-zA-Z0-9_]+", str(fields.get("slug", "x")))


def _cables_join_free_ports(plan: Plan) -> None:
    ports = {each.ref: each for each in _of(plan, Interface)}
    ends = Counter(end for each in _of(plan, Cable) for end in each.terminations)
    assert [end for end, count in ends.items() if count > 1] == []
    for end in ends:
        assert ports[end].type not in ("virtual", "lag")
        assert not ports[end].mark_connected


def _interfaces_are_consistent(plan: Plan) -> None:
    ports = {each.ref: each for each in _of(plan, Interface)}
    for each in ports.values():
        for other in (each.lag, each.parent):
            assert other is None or ports[other].device == each.device
        assert each.lag is None or (ports[each.lag].type == "lag" and each.type != "virtual")
        assert each.parent is None or each.type == "virtual"
        assert not (each.mark_connected and each.type in ("virtual", "lag"))
        assert each.mode == (
            "tagged" if each.tagged_vlans else "access" if each.untagged_vlan else None
        )
        assert len(set(each.tagged_vlans)) == len(each.tagged_vlans)
        assert each.mtu is None or 1 <= each.mtu <= 65536
    names = Counter((each.site, each.name.lower()) for each in _of(plan, Device))
    assert all(count == 1 for count in names.values())


def _addresses_are_consistent(plan: Plan) -> None:
    groups = {each.ref: each for each in _of(plan, VLANGroup)}
    for vlan in _of(plan, VLAN):
        assert any(first <= vlan.vid <= last for first, last in groups[vlan.group].vid_ranges)
    for group in groups.values():
        assert all(before[1] < after[0] for before, after in pairwise(group.vid_ranges))
    assert all(each.prefix.prefixlen for each in _of(plan, Prefix))
    hosts: dict[tuple[Ref, object], list[str | None]] = {}
    for address in _of(plan, IPAddress):
        network = address.address.network
        assert network.prefixlen
        if address.assigned_object and network.prefixlen < 31:
            assert address.address.ip not in (network[0], network[-1])
        hosts.setdefault((address.vrf, address.address.ip), []).append(address.role)
    assert all(len(roles) == 1 or set(roles) == {"anycast"} for roles in hosts.values())
    for one, other in combinations(_of(plan, IPRange), 2):
        apart = (
            one.end_address.ip < other.start_address.ip
            or other.end_address.ip < one.start_address.ip
        )
        assert apart or one.vrf != other.vrf


def _of[W: PlannedObject](plan: Plan, kind: type[W]) -> Iterator[W]:
    return (each for each in plan.objects if isinstance(each, kind))
