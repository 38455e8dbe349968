"""The plan: the objects that NetBox should hold for a fabric's live state."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

from fabrics.agents.facts import NO_FACTS, FactsBySwitch
from fabrics.drift.ages import decode_times, make_object_id, parse_time
from fabrics.drift.model import LiveState
from fabrics.inventory.model.dcim import Cable, Device, Interface
from fabrics.inventory.model.ipam import VLAN, VRF, Prefix
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.plan import peerings
from fabrics.inventory.plan.attachments import attach_vpcs
from fabrics.inventory.plan.builder import PlanBuilder
from fabrics.inventory.plan.cables import PortsBySwitch, add_connections
from fabrics.inventory.plan.connection_types import find_used_ports
from fabrics.inventory.plan.devices import add_gateway, add_server, add_switch
from fabrics.inventory.plan.externals import add_external, attach_external
from fabrics.inventory.plan.namespaces import add_fabric, add_ipv4_namespace, add_vlan_namespace
from fabrics.inventory.plan.observed import add_modules, list_unexpected_switches
from fabrics.inventory.plan.vpcs import add_vpc
from fabrics.inventory.specs import gateway, vpc, wiring
from fabrics.inventory.specs.parse import LiveObject, SkippedObject, parse_live, strip_part
from fabrics.inventory.specs.values import LiveSpec
from fabrics.resources.json_types import Json
from fabrics.times import format_time


@dataclass(frozen=True, slots=True)
class Plan:
    """The objects that NetBox should hold for a fabric, in the order of writing.

    Every object follows those that it refers to, except through its `DEFERRED_FIELDS`. Objects are sorted by
    model and key, but LAG members and subinterfaces follow all other interfaces.
    `switches_without_profile` maps each switch that may have more ports than the plan shows to the ports whose
    breakout it states. `incomplete` holds the keys of live objects that the plan does not show in full,
    because they, or objects that they need, could not be read.
    `unobserved` holds the switches whose facts are not known, and the modules of transceivers that cannot be
    identified. `unexpected_switches` are keys of switches that are others than expected, with the reason.
    """

    fabric: FabricIdentity
    objects: tuple[PlannedObject, ...]
    skipped: tuple[SkippedObject, ...]
    switches_without_profile: Mapping[Ref, frozenset[str]] = field(default_factory=dict)
    incomplete: frozenset[str] = frozenset()
    unobserved: frozenset[Ref] = frozenset()
    unexpected_switches: tuple[tuple[str, str], ...] = ()

    @property
    def counts(self) -> Mapping[Model, int]:
        """The number of objects of every model, with shared ones; 0 where there is none."""
        counts = Counter(planned.MODEL for planned in self.objects)
        return {model: counts[model] for model in Model}


def make_plan(
    live: LiveState,
    fabric: FabricIdentity,
    facts: FactsBySwitch = MappingProxyType({}),
    cabling: Mapping[str, str] | None = None,
    drifted: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan for a fabric; what cannot be mapped is `skipped`.

    Switch profiles among the live objects give the ports and the types of switches. Without profiles,
    the ports are those that breakouts and connections name. `facts` are what switches observe, `cabling`
    sentences on cables, by key, that are plugged in otherwise; None if nobody knows. `drifted` are the ids of resources
    that differ from Git, by the time since then; None if nobody knows.
    """
    objects = parse_live(live)
    builder = PlanBuilder(fabric, objects, incomplete=set(objects.unparsable))
    add_fabric(builder)
    _map_kind(builder, vpc.IPv4NamespaceSpec, add_ipv4_namespace)
    _map_kind(builder, wiring.VLANNamespaceSpec, add_vlan_namespace)
    _map_kind(builder, vpc.VPCSpec, add_vpc)
    _map_kind(builder, vpc.ExternalSpec, add_external)
    switches = _add_devices(builder, facts)
    unobserved = frozenset(_add_modules(builder, switches, facts))
    _add_other_fabrics(builder, live)
    interfaces = add_connections(builder, switches)
    _add_observed_cabling(builder, cabling)
    attach_vpcs(builder, interfaces)
    _map_kind(builder, vpc.ExternalAttachmentSpec, partial(attach_external, interfaces=interfaces))
    _add_peerings(builder)
    times = None if drifted is None else decode_times(drifted)
    ordered = sorted(builder.objects.values(), key=_sort_key)
    return Plan(
        fabric,
        objects=tuple(_state_drift(planned, times, fabric.fabric_id) for planned in ordered),
        skipped=tuple(sorted({*objects.skipped, *builder.skipped})),
        switches_without_profile={
            Ref(Model.DEVICE, key): ports.ports_with_breakout
            for key, ports in switches.items()
            if not ports.has_profile
        },
        incomplete=frozenset(builder.incomplete),
        unobserved=unobserved,
        unexpected_switches=tuple(list_unexpected_switches(objects, facts)),
    )


def _add_other_fabrics(builder: PlanBuilder, live: LiveState) -> None:
    """Say on each device which other fabrics of the API have it, too."""
    for key, names in live.shared_with.items():
        ref = Ref(Model.DEVICE, str(key))
        if ref in builder.objects:
            device = builder.get(Device, ref)
            others: dict[str, Json] = {"also_in_fabrics": list[Json](names)}
            builder.update(replace(device, details={**device.details, **others}))


def _add_observed_cabling(builder: PlanBuilder, cabling: Mapping[str, str] | None) -> None:
    if cabling is None:
        return  # NetBox keeps what it says
    for planned in list(builder.objects.values()):
        if isinstance(planned, Cable):
            sentence = cabling.get(planned.key)
            details: dict[str, Json] = {"observed": sentence} if sentence else {}
            builder.update(replace(planned, details=details))


def _state_drift(
    planned: PlannedObject, times: Mapping[str, str] | None, fabric_id: str
) -> PlannedObject:
    """Return the object with whether its resource differs from Git, if that is known."""
    if times is None or not isinstance(planned, Device | VRF | VLAN | Prefix):
        return planned
    time = times.get(make_object_id(strip_part(planned.key)))
    return replace(planned, drift="" if time is None else _describe_drift(time, fabric_id))


def _describe_drift(time: str, fabric_id: str) -> str:
    since = f" since {format_time(parse_time(time))}" if time else ""
    return f"Differs from Git{since}. To see how, run: starter.py diff {fabric_id}"


def _map_kind[S: LiveSpec](
    builder: PlanBuilder, spec: type[S], add: Callable[[PlanBuilder, LiveObject[S]], None]
) -> None:
    for resource in builder.live.list_kind(spec):
        with builder.skip_unmappable(resource.key):
            add(builder, resource)


def _add_peerings(builder: PlanBuilder) -> None:
    lists = peerings.PeeringLists(builder)
    _map_kind(builder, vpc.VPCPeeringSpec, partial(peerings.add_vpc_peering, lists=lists))
    _map_kind(builder, vpc.ExternalPeeringSpec, partial(peerings.add_external_peering, lists=lists))
    _map_kind(
        builder, gateway.GatewayPeeringSpec, partial(peerings.add_gateway_peering, lists=lists)
    )
    lists.write()


def _add_devices(builder: PlanBuilder, facts: FactsBySwitch) -> PortsBySwitch:
    used_ports = find_used_ports(builder)
    switches = {}
    for switch in builder.live.list_kind(wiring.SwitchSpec):
        with builder.skip_unmappable(switch.key):
            switch_facts = facts.get(switch.name, NO_FACTS)
            switches[switch.key] = add_switch(builder, switch, used_ports, switch_facts)
    _map_kind(builder, wiring.ServerSpec, partial(add_server, used_ports=used_ports))
    _map_kind(builder, gateway.GatewaySpec, partial(add_gateway, used_ports=used_ports))
    return switches


def _add_modules(
    builder: PlanBuilder, switches: PortsBySwitch, facts: FactsBySwitch
) -> Iterator[Ref]:
    """Add the transceivers of all switches; yield what is not known of them."""
    for switch in builder.live.list_kind(wiring.SwitchSpec):
        if switch.key in switches:
            device = Ref(Model.DEVICE, switch.key)
            yield from add_modules(builder, device, facts.get(switch.name, NO_FACTS))


def _sort_key(planned: PlannedObject) -> tuple[int, bool, str]:
    is_dependent = isinstance(planned, Interface) and bool(planned.lag or planned.parent)
    return list(Model).index(planned.MODEL), is_dependent, planned.key
