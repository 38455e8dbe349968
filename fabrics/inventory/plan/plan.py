"""The plan: everything that NetBox should hold of a fabric, from its live state."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from fabrics.drift import Live
from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.naming import Fabric
from fabrics.inventory.model.planned import Model, Ref, Wanted
from fabrics.inventory.plan.attachments import attach_vpc
from fabrics.inventory.plan.builder import Draft
from fabrics.inventory.plan.connections import Ports, add_connections
from fabrics.inventory.plan.devices import add_gateway, add_server, add_switch
from fabrics.inventory.plan.externals import add_external, attach_external
from fabrics.inventory.plan.links import ports_named
from fabrics.inventory.plan.namespaces import add_fabric, add_ipv4_namespace, add_vlan_namespace
from fabrics.inventory.plan.peerings import (
    add_external_peering,
    add_gateway_peering,
    add_vpc_peering,
)
from fabrics.inventory.plan.vpcs import add_vpc
from fabrics.inventory.specs.gateway import GatewayPeeringSpec, GatewaySpec
from fabrics.inventory.specs.parse import Object, Skipped, key_of, read
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

type Used = Mapping[str, frozenset[str]]
"""The ports that connections name, by the `hh_key` of the device."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What NetBox should hold of a fabric, in the order in which it is written.

    Every object comes after those that it refers to, except in its `LATE` fields; within a model
    objects are ordered by key, after LAGs and ports come their members and subinterfaces.
    `unprofiled` are the switches that may have more ports than it says, with the ports of which they
    state how these are divided; `unread` are the keys of live objects that may have more than it says,
    since they, or what they need, could not be read.
    """

    fabric: Fabric
    objects: tuple[Wanted, ...]
    skipped: tuple[Skipped, ...]
    unprofiled: Mapping[Ref, frozenset[str]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    @property
    def counts(self) -> Mapping[Model, int]:
        """How many objects of each model, shared ones included; none of a model is 0."""
        counted = Counter(each.MODEL for each in self.objects)
        return {model: counted[model] for model in Model}


def make_plan(live: Live, fabric: Fabric) -> Plan:
    """The plan for a fabric. It never fails: what cannot be mapped is `skipped`, with the reason.

    Switch profiles among the live objects tell the ports and the types of switches; without them,
    the ports are those that breakouts and connections name.
    """
    objects = read(live)
    draft = Draft(fabric, objects, unread=set(objects.unread))
    add_fabric(draft)
    _map(draft, IPv4NamespaceSpec, add_ipv4_namespace)
    _map(draft, VLANNamespaceSpec, add_vlan_namespace)
    _map(draft, VPCSpec, add_vpc)
    _map(draft, ExternalSpec, add_external)
    ports = _add_devices(draft)
    points = add_connections(draft, ports)
    _map(draft, VPCAttachmentSpec, partial(attach_vpc, points=points))
    _map(draft, ExternalAttachmentSpec, partial(attach_external, points=points))
    _map(draft, VPCPeeringSpec, add_vpc_peering)
    _map(draft, ExternalPeeringSpec, add_external_peering)
    _map(draft, GatewayPeeringSpec, add_gateway_peering)
    skipped = sorted({*draft.live.skipped, *draft.skipped})
    wanted = tuple(sorted(draft.wanted.values(), key=_order))
    unprofiled = {
        Ref(Model.DEVICE, key): each.divided for key, each in ports.items() if not each.are_known
    }
    return Plan(fabric, wanted, tuple(skipped), unprofiled, frozenset(draft.unread))


def _map[S: LiveSpec](
    draft: Draft, spec: type[S], work: Callable[[Draft, Object[S]], None]
) -> None:
    for each in draft.live.of(spec):
        with draft.part(each.key):
            work(draft, each)


def _add_devices(draft: Draft) -> Ports:
    used = _used(draft)
    ports = {}
    for switch in draft.live.of(SwitchSpec):
        with draft.part(switch.key):
            ports[switch.key] = add_switch(draft, switch, used.get(switch.key, frozenset()))
    for server in draft.live.of(ServerSpec):
        with draft.part(server.key):
            add_server(draft, server, used.get(server.key, frozenset()))
    for gateway in draft.live.of(GatewaySpec):
        with draft.part(gateway.key):
            add_gateway(draft, gateway, used.get(gateway.key, frozenset()))
    return ports


def _used(draft: Draft) -> Used:
    used: dict[str, set[str]] = {}
    for connection in draft.live.of(ConnectionSpec):
        for kind, device, port in ports_named(connection):
            used.setdefault(key_of(kind, connection.namespace, device), set()).add(port)
    return {device: frozenset(ports) for device, ports in used.items()}


def _order(wanted: Wanted) -> tuple[int, bool, str]:
    dependent = isinstance(wanted, Interface) and bool(wanted.lag or wanted.parent)
    return list(Model).index(wanted.MODEL), dependent, wanted.key
