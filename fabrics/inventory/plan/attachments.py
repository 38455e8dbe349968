"""Attachments to VPCs: VLANs on switch ports and LAGs, or the VRF of a port."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import IPv4Network
from typing import Final

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.ipam import VLAN, VRF
from fabrics.inventory.model.planned import Details, Ref
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.plan.cables import InterfacesByConnection
from fabrics.inventory.plan.connection_types import get_connection_type, require_connection
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import VPCAttachmentSpec, VPCSpec

P2P_LINK_ANNOTATION: Final = "fabric.githedgehog.com/p2p-link"


@dataclass(slots=True)
class _AttachedPort:
    """An interface with the attachments to it; a port may have thousands of VLANs."""

    port: Interface
    vrf: Ref | None
    untagged_vlan: Ref | None = None
    tagged_vlans: set[Ref] = field(default_factory=set)
    details: Details = field(default_factory=dict)

    def set_vrf(self, vrf: Ref) -> None:
        """Put a port of servers that speak BGP into its VPC's VRF, the port's only one."""
        if self.vrf not in (None, vrf):
            raise MappingError(f"would add a second VPC to {self.port.key}")
        self.vrf = vrf

    def add_vlan(self, vlan: Ref, *, native: bool) -> None:
        """Add a VLAN, an untagged one if it is `native`."""
        if not native:
            self.tagged_vlans.add(vlan)
        elif self.untagged_vlan not in (None, vlan):
            raise MappingError(f"would add a second untagged VLAN to {self.port.key}")
        else:
            self.untagged_vlan = vlan

    def build(self) -> Interface:
        """Return the interface with all that is attached."""
        access = "access" if self.untagged_vlan else None
        return replace(
            self.port,
            mode="tagged" if self.tagged_vlans else access,
            vrf=self.vrf,
            untagged_vlan=self.untagged_vlan,
            tagged_vlans=tuple(sorted(self.tagged_vlans)),
            details={**self.port.details, **self.details},
        )


type _Attach = Callable[[_AttachedPort], None]
"""Attaches something to an interface. Raises `MappingError` if other attachments rule it out."""


def attach_vpcs(builder: PlanBuilder, interfaces: InterfacesByConnection) -> None:
    """Set the VLANs of subnets, or their VRFs, on the interfaces of connections."""
    attached: dict[Ref, _AttachedPort] = {}
    for attachment in builder.live.list_kind(VPCAttachmentSpec):
        with builder.skip_unmappable(attachment.key):
            ports = _find_ports(builder, attachment, interfaces)
            attach, link_details = _resolve(builder, attachment), _p2p_link_details(attachment)
            for ref in ports:
                if ref not in attached:
                    port = builder.get(Interface, ref)
                    attached[ref] = _AttachedPort(port, port.vrf)
                with builder.skip_unmappable(f"{attachment.key}#{ref.key}"):
                    attach(attached[ref])
                    attached[ref].details = {**attached[ref].details, **link_details}
    for ref, attached_port in attached.items():
        with builder.skip_unmappable(ref.key):
            builder.update(attached_port.build())


def _find_ports(
    builder: PlanBuilder,
    attachment: LiveObject[VPCAttachmentSpec],
    interfaces: InterfacesByConnection,
) -> tuple[Ref, ...]:
    name = attachment.spec.connection
    connection = require_connection(builder, attachment.namespace, name)
    if not get_connection_type(connection).accepts_vpcs:
        raise MappingError(f"refers to the Connection {name}, which does not connect servers")
    ports = interfaces.get(connection.key, ())
    if not ports:
        raise MappingError(f"refers to the Connection {name}, which has no switch port")
    return ports


def _resolve(builder: PlanBuilder, attachment: LiveObject[VPCAttachmentSpec]) -> _Attach:
    vpc_name, _, subnet_name = attachment.spec.subnet.partition("/")
    vpc = builder.require_live(VPCSpec, attachment.namespace, vpc_name)
    subnet = vpc.spec.subnets.get(subnet_name or "default")
    if subnet is None:
        raise builder.missing_error(vpc.key, f"the subnet {attachment.spec.subnet}")
    if subnet.host_bgp and not subnet.vlan:
        vrf = builder.require_ref(VRF, VPCSpec, attachment.namespace, vpc_name)
        return partial(_AttachedPort.set_vrf, vrf=vrf)
    vlan = Ref(VLAN.MODEL, f"{vpc.key}#{subnet_name or 'default'}")
    if vlan not in builder.objects:
        raise MappingError(f"refers to the subnet {attachment.spec.subnet}, which has no VLAN")
    return partial(_AttachedPort.add_vlan, vlan=vlan, native=attachment.spec.native_vlan)


def _p2p_link_details(attachment: LiveObject[VPCAttachmentSpec]) -> Details:
    """Return the /31 network between servers and switch, if the attachment has one.

    It is not an address of the switch: of Hedgehog's agents, only the one for Cumulus Linux gives the switch
    the odd address of the two (`pkg/agent/cmls` of fabric v0.126); the others ignore it.
    """
    try:
        network = IPv4Network(attachment.annotations.get(P2P_LINK_ANNOTATION, ""), strict=False)
    except ValueError:
        return {}
    return {"p2pLink": str(network)}
