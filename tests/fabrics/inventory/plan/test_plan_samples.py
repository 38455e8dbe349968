"""Every live set, against a reader of its own: counts, devices, cable ends, LAG members, VLANs on ports."""

from collections.abc import Iterator
from functools import cache

from fabrics.drift import find_drift
from fabrics.inventory.model.dcim import Cable, Device, Interface
from fabrics.inventory.model.ipam import VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.resources.kinds import ALL_COMPARED_KINDS, SWITCH_PROFILE
from fabrics.resources.manifests import build_desired_state
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.inventory.expected_inventory import (
    Hardware,
    Membership,
    PortOf,
    Reader,
    ports_of,
)
from tests.support.inventory.live_samples import SKIPPED, LiveSet, each_sample, live_of, profiles

DC1 = FabricIdentity("dc1", "DC 1")

pytestmark = each_sample


class Shown:
    """A plan as people see it: by names, not by keys."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.by_ref: dict[Ref, PlannedObject] = {each.ref: each for each in plan.objects}

    def of[W: PlannedObject](self, kind: type[W]) -> Iterator[W]:
        return (each for each in self.plan.objects if isinstance(each, kind))

    def get[W: PlannedObject](self, kind: type[W], ref: Ref | None) -> W:
        assert ref is not None
        found = self.by_ref[ref]
        assert isinstance(found, kind)
        return found

    def port(self, ref: Ref | None) -> PortOf:
        interface = self.get(Interface, ref)
        return self.get(Device, interface.device).name, interface.name

    def vrf(self, ref: Ref | None) -> str:
        return self.get(VRF, ref).name.removeprefix("dc1:")


@cache
def shown(sample: LiveSet) -> Shown:
    return Shown(make_plan(live_of(sample.items()), DC1))


@cache
def reader(sample: LiveSet) -> Reader:
    return Reader(sample.items())


def test_what_is_skipped_is_documented(sample: LiveSet) -> None:
    skipped = shown(sample).plan.skipped
    assert reader(sample).skipped() == SKIPPED.get(sample.name, {})
    assert {each.key: each.reason for each in skipped} == SKIPPED.get(sample.name, {})
    assert len({each.key for each in skipped}) == len(skipped)


def test_counts_per_model(sample: LiveSet) -> None:
    expected, counts = reader(sample), shown(sample).plan.counts
    profiles_used = {spec["profile"] for spec in expected.of["Switch"].values()}
    odd = {"Server": "generic", "Gateway": "hedgehog"}
    makers = {{"vs": "hedgehog"}.get(each, each.split("-")[0]) for each in profiles_used}
    makers |= {maker for kind, maker in odd.items() if expected.of[kind]}
    assert counts == expected.counts() | {
        Model.MANUFACTURER: len(makers),
        Model.DEVICE_TYPE: len(profiles_used) + sum(bool(expected.of[kind]) for kind in odd),
        Model.DEVICE_ROLE: len(set(expected.devices().values())),
        Model.PLATFORM: 0,
    }


def test_each_device_with_its_role(sample: LiveSet) -> None:
    devices = {each.name: each.role.key for each in shown(sample).of(Device)}
    assert devices == reader(sample).devices()


def test_what_each_device_is(sample: LiveSet) -> None:
    hardware = {
        each.name: Hardware(
            each.device_type.key,
            each.serial,
            each.platform.key if each.platform else "",
            each.status,
        )
        for each in shown(sample).of(Device)
    }
    assert hardware == reader(sample).hardware()


def test_each_interface(sample: LiveSet) -> None:
    plan = shown(sample)
    assert {plan.port(each.ref) for each in plan.of(Interface)} == reader(sample).interfaces()
    marked = {plan.port(each.ref) for each in plan.of(Interface) if each.mark_connected}
    assert marked == reader(sample).outward()
    routed = [each for each in plan.of(Interface) if each.parent or each.vrf]
    vrfs = {plan.port(each.ref): plan.vrf(each.vrf) if each.vrf else "" for each in routed}
    assert vrfs == reader(sample).routed()
    for each in routed:
        device, name = plan.port(each.ref)
        parent = each.parent or each.ref
        assert plan.port(parent) == (device, name.partition(".")[0])
    mtus = {plan.port(each.ref): each.mtu for each in plan.of(Interface) if each.mtu}
    assert mtus == reader(sample).mtus()
    speeds = {
        plan.port(each.ref): (each.type, each.speed)
        for each in plan.of(Interface)
        if each.speed or each.type not in ("lag", "virtual", "other")
    }
    assert speeds == reader(sample).speeds()


def test_each_cable_on_the_right_interfaces(sample: LiveSet) -> None:
    plan = shown(sample)
    cables = {frozenset(map(plan.port, each.terminations)): each.label for each in plan.of(Cable)}
    assert cables == reader(sample).cables()


def test_each_lag_member(sample: LiveSet) -> None:
    plan = shown(sample)
    members = {plan.port(each.ref): plan.port(each.lag) for each in plan.of(Interface) if each.lag}
    expected = reader(sample).members()
    assert members == {port: (port[0], name) for port, name in expected.items()}
    lags = {plan.port(each.ref) for each in plan.of(Interface) if each.type == "lag"}
    assert lags == set(members.values())


def test_each_vlan_on_the_right_port(sample: LiveSet) -> None:
    plan = shown(sample)
    found = {}
    for each in plan.of(Interface):
        tagged = frozenset(plan.get(VLAN, ref).vid for ref in each.tagged_vlans)
        untagged = plan.get(VLAN, each.untagged_vlan).vid if each.untagged_vlan else None
        assert each.mode == ("tagged" if tagged else "access" if untagged else None)
        if each.mode:
            found[plan.port(each.ref)] = Membership(untagged, tagged)
    assert found == reader(sample).memberships()


def test_each_vlan_in_its_group(sample: LiveSet) -> None:
    plan = shown(sample)
    vlans = {
        (plan.get(VLANGroup, each.group).name.removeprefix("dc1:"), each.vid): each.name
        for each in plan.of(VLAN)
    }
    assert vlans == reader(sample).vlans()


def test_each_network_and_range(sample: LiveSet) -> None:
    plan = shown(sample)
    assert {plan.vrf(each.ref) for each in plan.of(VRF)} == reader(sample).vrfs()
    prefixes = {(plan.vrf(each.vrf), str(each.prefix)) for each in plan.of(Prefix)}
    assert prefixes == reader(sample).prefixes()
    networks = {
        (plan.vrf(each.vrf), str(each.prefix)): (
            each.status,
            plan.get(VLAN, each.vlan).vid if each.vlan else None,
        )
        for each in plan.of(Prefix)
    }
    assert networks == reader(sample).networks()
    ranges = {
        (plan.vrf(each.vrf), str(each.start_address), str(each.end_address))
        for each in plan.of(IPRange)
    }
    assert ranges == reader(sample).ranges()


def test_each_address_where_it_belongs(sample: LiveSet) -> None:
    plan = shown(sample)
    addresses = {
        (
            plan.vrf(a.vrf),
            str(a.address),
            *(plan.port(a.assigned_object) if a.assigned_object else ("", "")),
        ): (a.status, a.role or "")
        for a in plan.of(IPAddress)
    }
    assert addresses.keys() == reader(sample).addresses()
    assert addresses == reader(sample).uses()


def test_each_peering_on_both_sides(sample: LiveSet) -> None:
    plan = shown(sample)
    told: dict[str, set[str]] = {}
    for vrf in plan.of(VRF):
        peerings = vrf.details.get("peerings", [])
        assert isinstance(peerings, list)
        for entry in peerings:
            assert isinstance(entry, dict)
            told.setdefault(str(entry["key"]), set()).add(plan.vrf(vrf.ref))
    assert told == reader(sample).peerings()


@needs_samples
def test_profiles_tell_all_ports(sample: LiveSet) -> None:
    known = {each["metadata"]["name"]: each["spec"] for each in profiles()}
    plan = Shown(make_plan(live_of([*sample.items(), *profiles()]), DC1))
    assert plan.plan.skipped == shown(sample).plan.skipped
    ports: dict[str, set[str]] = {}
    for each in plan.of(Interface):
        if each.type not in ("lag", "virtual"):
            ports.setdefault(plan.port(each.ref)[0], set()).add(each.name)
    for name, switch in reader(sample).of["Switch"].items():
        assert ports[name] == ports_of(switch, known[switch["profile"]])
    speeds = [each for each in plan.of(Interface) if each.type not in ("lag", "virtual", "other")]
    assert all(each.speed for each in speeds)


@needs_samples
def test_profiles_are_no_drift(sample: LiveSet) -> None:
    without, beside = live_of(sample.items()), live_of([*sample.items(), *profiles()])
    assert len(beside.resources[SWITCH_PROFILE]) == len(profiles())
    drifts = [
        find_drift(build_desired_state([]), live, ALL_COMPARED_KINDS) for live in (without, beside)
    ]
    assert drifts[0] == drifts[1]
