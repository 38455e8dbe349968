"""Plans of all live sets, compared with independently derived inventories."""

from collections.abc import Iterator
from functools import cache

from fabrics.drift.compare import find_drift
from fabrics.inventory.model.dcim import Cable, Device, Interface
from fabrics.inventory.model.ipam import VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.resources.kinds import ALL_COMPARED_KINDS, SWITCH_PROFILE
from fabrics.resources.manifests.files import build_desired_state
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.inventory.expected_inventory import (
    Hardware,
    Membership,
    PortOf,
    Reader,
    ports_of,
)
from tests.support.inventory.live_samples import (
    SKIPPED,
    LiveSet,
    each_sample,
    parse_live_state,
    profiles,
)

DC1 = FabricIdentity("dc1", "DC 1")

pytestmark = each_sample


class NamedPlan:
    """A plan by the names that people see, not by keys."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.by_ref: dict[Ref, PlannedObject] = {planned.ref: planned for planned in plan.objects}

    def of[W: PlannedObject](self, kind: type[W]) -> Iterator[W]:
        return (planned for planned in self.plan.objects if isinstance(planned, kind))

    def get[W: PlannedObject](self, kind: type[W], ref: Ref | None) -> W:
        assert ref is not None
        planned = self.by_ref[ref]
        assert isinstance(planned, kind)
        return planned

    def port(self, ref: Ref | None) -> PortOf:
        interface = self.get(Interface, ref)
        return self.get(Device, interface.device).name, interface.name

    def vrf(self, ref: Ref | None) -> str:
        return self.get(VRF, ref).name.removeprefix("dc1:")


@cache
def named_plan(sample: LiveSet) -> NamedPlan:
    return NamedPlan(make_plan(parse_live_state(sample.items()), DC1))


@cache
def expected_for(sample: LiveSet) -> Reader:
    return Reader(sample.items())


def test_only_listed_objects_are_skipped(sample: LiveSet) -> None:
    skipped = named_plan(sample).plan.skipped
    assert expected_for(sample).skipped() == SKIPPED.get(sample.name, {})
    assert {skip.key: skip.reason for skip in skipped} == SKIPPED.get(sample.name, {})
    assert len({skip.key for skip in skipped}) == len(skipped)


def test_every_model_has_the_expected_count(sample: LiveSet) -> None:
    expected, counts = expected_for(sample), named_plan(sample).plan.counts
    profiles_used = {spec["profile"] for spec in expected.of["Switch"].values()}
    other_makers = {"Server": "generic", "Gateway": "hedgehog"}
    makers = {{"vs": "hedgehog"}.get(profile, profile.split("-")[0]) for profile in profiles_used}
    makers |= {maker for kind, maker in other_makers.items() if expected.of[kind]}
    assert counts == expected.counts() | {
        Model.MANUFACTURER: len(makers),
        Model.DEVICE_TYPE: len(profiles_used)
        + sum(bool(expected.of[kind]) for kind in other_makers),
        Model.DEVICE_ROLE: len(set(expected.devices().values())),
        Model.PLATFORM: 0,
        **dict.fromkeys((Model.MODULE_TYPE, Model.MODULE_BAY, Model.MODULE), 0),
    }


def test_every_device_has_its_role(sample: LiveSet) -> None:
    devices = {device.name: device.role.key for device in named_plan(sample).of(Device)}
    assert devices == expected_for(sample).devices()


def test_every_device_has_its_hardware(sample: LiveSet) -> None:
    hardware = {
        device.name: Hardware(
            device.device_type.key,
            device.serial,
            device.platform.key if device.platform else "",
            device.status,
        )
        for device in named_plan(sample).of(Device)
    }
    assert hardware == expected_for(sample).hardware()


def test_every_interface_has_its_vrf_mtu_and_speed(sample: LiveSet) -> None:
    plan = named_plan(sample)
    assert {plan.port(port.ref) for port in plan.of(Interface)} == expected_for(sample).interfaces()
    marked = {plan.port(port.ref) for port in plan.of(Interface) if port.mark_connected}
    assert marked == expected_for(sample).external_ports()
    routed = [port for port in plan.of(Interface) if port.parent or port.vrf]
    vrfs = {plan.port(port.ref): plan.vrf(port.vrf) if port.vrf else "" for port in routed}
    assert vrfs == expected_for(sample).routed()
    for port in routed:
        device, name = plan.port(port.ref)
        parent = port.parent or port.ref
        assert plan.port(parent) == (device, name.partition(".")[0])
    mtus = {plan.port(port.ref): port.mtu for port in plan.of(Interface) if port.mtu}
    assert mtus == expected_for(sample).mtus()
    speeds = {
        plan.port(port.ref): (port.type, port.speed)
        for port in plan.of(Interface)
        if port.speed or port.type not in ("lag", "virtual", "other")
    }
    assert speeds == expected_for(sample).speeds()


def test_every_cable_joins_its_two_ports(sample: LiveSet) -> None:
    plan = named_plan(sample)
    cables = {
        frozenset(map(plan.port, cable.terminations)): cable.label for cable in plan.of(Cable)
    }
    assert cables == expected_for(sample).cables()


def test_every_lag_has_its_members(sample: LiveSet) -> None:
    plan = named_plan(sample)
    members = {plan.port(port.ref): plan.port(port.lag) for port in plan.of(Interface) if port.lag}
    expected = expected_for(sample).members()
    assert members == {port: (port[0], name) for port, name in expected.items()}
    lags = {plan.port(port.ref) for port in plan.of(Interface) if port.type == "lag"}
    assert lags == set(members.values())


def test_every_port_has_its_vlans(sample: LiveSet) -> None:
    plan = named_plan(sample)
    memberships = {}
    for port in plan.of(Interface):
        tagged = frozenset(plan.get(VLAN, ref).vid for ref in port.tagged_vlans)
        untagged = plan.get(VLAN, port.untagged_vlan).vid if port.untagged_vlan else None
        assert port.mode == ("tagged" if tagged else "access" if untagged else None)
        if port.mode:
            memberships[plan.port(port.ref)] = Membership(untagged, tagged)
    assert memberships == expected_for(sample).memberships()


def test_every_vlan_is_in_its_group(sample: LiveSet) -> None:
    plan = named_plan(sample)
    vlans = {
        (plan.get(VLANGroup, vlan.group).name.removeprefix("dc1:"), vlan.vid): vlan.name
        for vlan in plan.of(VLAN)
    }
    assert vlans == expected_for(sample).vlans()


def test_every_vrf_has_its_prefixes_and_ranges(sample: LiveSet) -> None:
    plan = named_plan(sample)
    assert {plan.vrf(vrf.ref) for vrf in plan.of(VRF)} == expected_for(sample).vrfs()
    prefixes = {(plan.vrf(prefix.vrf), str(prefix.prefix)) for prefix in plan.of(Prefix)}
    assert prefixes == expected_for(sample).prefixes()
    networks = {
        (plan.vrf(prefix.vrf), str(prefix.prefix)): (
            prefix.status,
            plan.get(VLAN, prefix.vlan).vid if prefix.vlan else None,
        )
        for prefix in plan.of(Prefix)
    }
    assert networks == expected_for(sample).networks()
    ranges = {
        (plan.vrf(pool.vrf), str(pool.start_address), str(pool.end_address))
        for pool in plan.of(IPRange)
    }
    assert ranges == expected_for(sample).ranges()


def test_every_address_is_on_its_interface(sample: LiveSet) -> None:
    plan = named_plan(sample)
    addresses = {
        (
            plan.vrf(ip.vrf),
            str(ip.address),
            *(plan.port(ip.assigned_object) if ip.assigned_object else ("", "")),
        ): (ip.status, ip.role or "")
        for ip in plan.of(IPAddress)
    }
    assert addresses.keys() == expected_for(sample).addresses()
    assert addresses == expected_for(sample).uses()


def test_every_peering_is_on_all_its_vrfs(sample: LiveSet) -> None:
    plan = named_plan(sample)
    peered: dict[str, set[str]] = {}
    for vrf in plan.of(VRF):
        peerings = vrf.details.get("peerings", [])
        assert isinstance(peerings, list)
        for entry in peerings:
            assert isinstance(entry, dict)
            peered.setdefault(str(entry["key"]), set()).add(plan.vrf(vrf.ref))
    assert peered == expected_for(sample).peerings()


@needs_samples
def test_profiles_give_switches_all_their_ports(sample: LiveSet) -> None:
    profile_specs = {profile["metadata"]["name"]: profile["spec"] for profile in profiles()}
    plan = NamedPlan(make_plan(parse_live_state([*sample.items(), *profiles()]), DC1))
    assert plan.plan.skipped == named_plan(sample).plan.skipped
    ports: dict[str, set[str]] = {}
    for port in plan.of(Interface):
        if port.type not in ("lag", "virtual"):
            ports.setdefault(plan.port(port.ref)[0], set()).add(port.name)
    for name, switch in expected_for(sample).of["Switch"].items():
        assert ports[name] == ports_of(switch, profile_specs[switch["profile"]])
    speeds = [port for port in plan.of(Interface) if port.type not in ("lag", "virtual", "other")]
    assert all(port.speed for port in speeds)


@needs_samples
def test_profiles_do_not_count_as_drift(sample: LiveSet) -> None:
    without, with_profiles = (
        parse_live_state(sample.items()),
        parse_live_state([*sample.items(), *profiles()]),
    )
    assert len(with_profiles.resources[SWITCH_PROFILE]) == len(profiles())
    drifts = [
        find_drift(build_desired_state([]), live, ALL_COMPARED_KINDS)
        for live in (without, with_profiles)
    ]
    assert drifts[0] == drifts[1]
