"""The plan: everything that NetBox should hold of a fabric, from its live state."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from fabrics.drift import LiveState
from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from fabrics.inventory.plan.attachments import attach_vpc
from fabrics.inventory.plan.builder import PlanBuilder
from fabrics.inventory.plan.connections import PortsBySwitch, add_connections
from fabrics.inventory.plan.devices import add_gateway, add_server, add_switch
from fabrics.inventory.plan.externals import add_external, attach_external
from fabrics.inventory.plan.links import list_used_ports
from fabrics.inventory.plan.namespaces import add_fabric, add_ipv4_namespace, add_vlan_namespace
from fabrics.inventory.plan.peerings import (
    add_external_peering,
    add_gateway_peering,
    add_vpc_peering,
)
from fabrics.inventory.plan.vpcs import add_vpc
from fabrics.inventory.specs.gateway import GatewayPeeringSpec, GatewaySpec
from fabrics.inventory.specs.parse import LiveObject, SkippedObject, make_key, parse_live
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.vpc import (
    ExternalAttachmentSpec,
    ExternalPeeringSpec,
    ExternalSpec,
    IPv4NamespaceSpec,
    VPCAttachmentSpec,
    VPCPeeringSpec,
    VPCSpec,
)
from fabrics.inventory.specs.wiring import ConnectionSpec, ServerSpec, SwitchSpec, VLANNamespaceSpec

type UsedPorts = Mapping[str, frozenset[str]]
"""The ports that connections name, by the `hh_key` of the device."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What NetBox should hold of a fabric, in the order in which it is written.

    Every object comes after those that it refers to, except in its `DEFERRED_FIELDS` fields; within a model
    objects are ordered by key, after LAGs and ports come their members and subinterfaces.
    `switches_without_profile` are the switches that may have more ports than it says, with the ports of which they
    state how these are divided; `unread` are the keys of live objects that may have more than it says,
    since they, or what they need, could not be read.
    """

    fabric: FabricIdentity
    objects: tuple[PlannedObject, ...]
    skipped: tuple[SkippedObject, ...]
    switches_without_profile: Mapping[Ref, frozenset[str]] = field(default_factory=dict)
    incomplete: frozenset[str] = frozenset()

    @property
    def counts(self) -> Mapping[Model, int]:
        """How many objects of each model, shared ones included; none of a model is 0."""
        counted = Counter(each.MODEL for each in self.objects)
        return {model: counted[model] for model in Model}


def make_plan(live: LiveState, fabric: FabricIdentity) -> Plan:
    """The plan for a fabric. It never fails: what cannot be mapped is `skipped`, with the reason.

    Switch profiles among the live objects tell the ports and the types of switches; without them,
    the ports are those that breakouts and connections name.
    """
    objects = parse_live(live)
    draft = PlanBuilder(fabric, objects, incomplete=set(objects.unparsable))
    add_fabric(draft)
    _map_kind(draft, IPv4NamespaceSpec, add_ipv4_namespace)
    _map_kind(draft, VLANNamespaceSpec, add_vlan_namespace)
    _map_kind(draft, VPCSpec, add_vpc)
    _map_kind(draft, ExternalSpec, add_external)
    ports = _add_devices(draft)
    points = add_connections(draft, ports)
    _map_kind(draft, VPCAttachmentSpec, partial(attach_vpc, interfaces=points))
    _map_kind(draft, ExternalAttachmentSpec, partial(attach_external, interfaces=points))
    _map_kind(draft, VPCPeeringSpec, add_vpc_peering)
    _map_kind(draft, ExternalPeeringSpec, add_external_peering)
    _map_kind(draft, GatewayPeeringSpec, add_gateway_peering)
    skipped = sorted({*draft.live.skipped, *draft.skipped})
    wanted = tuple(sorted(draft.objects.values(), key=_sort_key))
    unprofiled = {
        Ref(Model.DEVICE, key): each.ports_with_breakout
        for key, each in ports.items()
        if not each.has_profile
    }
    return Plan(fabric, wanted, tuple(skipped), unprofiled, frozenset(draft.incomplete))


def _map_kind[S: LiveSpec](
    builder: PlanBuilder, spec: type[S], add: Callable[[PlanBuilder, LiveObject[S]], None]
) -> None:
    for each in builder.live.list_kind(spec):
        with builder.skip_unmappable(each.key):
            add(builder, each)


def _add_devices(builder: PlanBuilder) -> PortsBySwitch:
    used = _find_used_ports(builder)
    ports = {}
    for switch in builder.live.list_kind(SwitchSpec):
        with builder.skip_unmappable(switch.key):
            ports[switch.key] = add_switch(builder, switch, used.get(switch.key, frozenset()))
    for server in builder.live.list_kind(ServerSpec):
        with builder.skip_unmappable(server.key):
            add_server(builder, server, used.get(server.key, frozenset()))
    for gateway in builder.live.list_kind(GatewaySpec):
        with builder.skip_unmappable(gateway.key):
            add_gateway(builder, gateway, used.get(gateway.key, frozenset()))
    return ports


def _find_used_ports(builder: PlanBuilder) -> UsedPorts:
    used: dict[str, set[str]] = {}
    for connection in builder.live.list_kind(ConnectionSpec):
        for kind, device, port in list_used_ports(connection):
            used.setdefault(make_key(kind, connection.namespace, device), set()).add(port)
    return {device: frozenset(ports) for device, ports in used.items()}


def _sort_key(planned: PlannedObject) -> tuple[int, bool, str]:
    dependent = isinstance(planned, Interface) and bool(planned.lag or planned.parent)
    return list(Model).index(planned.MODEL), dependent, planned.key
