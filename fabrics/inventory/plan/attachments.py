"""Attachments to VPCs: VLANs on switch ports and LAGs, or the VRF of a port."""

from collections.abc import Callable
from dataclasses import replace
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

type InterfaceChange = Callable[[Interface], Interface]
"""Returns an interface with an attachment. Raises `MappingError` if others rule it out."""


def attach_vpc(
    builder: PlanBuilder,
    attachment: LiveObject[VPCAttachmentSpec],
    interfaces: InterfacesByConnection,
) -> None:
    """Set a subnet's VLAN, or its VRF, on the switch interfaces of a connection."""
    name, namespace = attachment.spec.connection, attachment.namespace
    connection = require_connection(builder, namespace, name)
    if not get_connection_type(connection).accepts_vpcs:
        raise MappingError(f"refers to the Connection {name}, which does not connect servers")
    ports = interfaces.get(connection.key, ())
    if not ports:
        raise MappingError(f"refers to the Connection {name}, which has no switch port")
    attach, link_details = _resolve_change(builder, attachment), _p2p_link_details(attachment)
    for port in ports:
        with builder.skip_unmappable(f"{attachment.key}#{port.key}"):
            attached = attach(builder.get(Interface, port))
            details = {**attached.details, **link_details}
            builder.update(replace(attached, details=details))


def _resolve_change(
    builder: PlanBuilder, attachment: LiveObject[VPCAttachmentSpec]
) -> InterfaceChange:
    vpc_name, _, subnet_name = attachment.spec.subnet.partition("/")
    vpc = builder.require_live(VPCSpec, attachment.namespace, vpc_name)
    subnet = vpc.spec.subnets.get(subnet_name or "default")
    if subnet is None:
        raise builder.missing_error(vpc.key, f"the subnet {attachment.spec.subnet}")
    if subnet.host_bgp and not subnet.vlan:
        vrf = builder.require_ref(VRF, VPCSpec, attachment.namespace, vpc_name)
        return partial(_set_vrf, vrf=vrf)
    vlan = Ref(VLAN.MODEL, f"{vpc.key}#{subnet_name or 'default'}")
    if vlan not in builder.objects:
        raise MappingError(f"refers to the subnet {attachment.spec.subnet}, which has no VLAN")
    return partial(_add_vlan, vlan=vlan, native=attachment.spec.native_vlan)


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


def _set_vrf(port: Interface, vrf: Ref) -> Interface:
    """Put a port of servers that speak BGP into its VPC's VRF, the port's only one."""
    if port.vrf not in (None, vrf):
        raise MappingError(f"would add a second VPC to {port.key}")
    return replace(port, vrf=vrf)


def _add_vlan(port: Interface, vlan: Ref, *, native: bool) -> Interface:
    if native and port.untagged_vlan not in (None, vlan):
        raise MappingError(f"would add a second untagged VLAN to {port.key}")
    untagged = vlan if native else port.untagged_vlan
    tagged = set(port.tagged_vlans) if native else {*port.tagged_vlans, vlan}
    return replace(
        port,
        mode="tagged" if tagged else "access",
        untagged_vlan=untagged,
        tagged_vlans=tuple(sorted(tagged)),
    )
