"""What is attached to VPCs: the VLANs on the ports and LAGs of switches, or the VRF of a port."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network
from typing import Final

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.ipam import VLAN, VRF
from fabrics.inventory.model.planned import Details, Ref
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.plan.connections import InterfacesByConnection
from fabrics.inventory.plan.links import CONNECTION_TYPES
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import VPCAttachmentSpec, VPCSpec
from fabrics.inventory.specs.wiring import ConnectionSpec

P2P_LINK_ANNOTATION: Final = "fabric.githedgehog.com/p2p-link"

type InterfaceChange = Callable[[Interface], Interface]
"""What an attachment makes of an interface. Raises `MappingError` where it cannot be."""


def attach_vpc(
    builder: PlanBuilder,
    attachment: LiveObject[VPCAttachmentSpec],
    interfaces: InterfacesByConnection,
) -> None:
    """The VLAN of a subnet, or its VRF, on every interface that the connection's servers come in on."""
    connection = builder.require_live(
        ConnectionSpec, attachment.namespace, attachment.spec.connection
    )
    kind = CONNECTION_TYPES.get(connection.spec.type)
    if kind is None or not kind.accepts_vpcs:
        raise MappingError(f"names the Connection {connection.name}, which leads to no server")
    ports = interfaces.get(connection.key, ())
    if not ports:
        raise MappingError(f"names the Connection {connection.name}, which ends on no switch")
    join, link = _resolve_change(builder, attachment), _p2p_link_details(attachment)
    for port in ports:
        with builder.skip_unmappable(f"{attachment.key}#{port.key}"):
            joined = join(builder.get(Interface, port))
            builder.update(replace(joined, details={**joined.details, **link}))


def _resolve_change(
    builder: PlanBuilder, attachment: LiveObject[VPCAttachmentSpec]
) -> InterfaceChange:
    name, _, subnet = attachment.spec.subnet.partition("/")
    vpc = builder.require_live(VPCSpec, attachment.namespace, name)
    found = vpc.spec.subnets.get(subnet or "default")
    if found is None:
        raise MappingError(f"names the subnet {attachment.spec.subnet}, which is not there")
    if found.host_bgp and not found.vlan:
        return partial(_set_vrf, vrf=builder.require_ref(VRF, VPCSpec, attachment.namespace, name))
    vlan = Ref(VLAN.MODEL, f"{vpc.key}#{subnet or 'default'}")
    if vlan not in builder.objects:
        raise MappingError(f"names the subnet {attachment.spec.subnet}, which has no VLAN")
    return partial(_add_vlan, vlan=vlan, native=attachment.spec.native_vlan)


def _p2p_link_details(attachment: LiveObject[VPCAttachmentSpec]) -> Details:
    """The network for two that servers reach their switch by, where one is stated.

    A detail, no address: of Hedgehog's agents only that for Cumulus Linux gives the switch the odd one of
    the two (`pkg/agent/cmls` of fabric v0.126); others pass it over.
    """
    try:
        network = IPv4Network(attachment.annotations.get(P2P_LINK_ANNOTATION, ""), strict=False)
    except ValueError:
        return {}
    return {"p2pLink": str(network)}


def _set_vrf(port: Interface, vrf: Ref) -> Interface:
    """The port of servers that speak BGP with their switch: without a VLAN it is of one VPC."""
    if port.vrf not in (None, vrf):
        raise MappingError(f"would be the second VPC of {port.key}")
    return replace(port, vrf=vrf)


def _add_vlan(port: Interface, vlan: Ref, *, native: bool) -> Interface:
    if native and port.untagged_vlan not in (None, vlan):
        raise MappingError(f"would be the second untagged VLAN of {port.key}")
    untagged = vlan if native else port.untagged_vlan
    tagged = set(port.tagged_vlans) if native else {*port.tagged_vlans, vlan}
    return replace(
        port,
        mode="tagged" if tagged else "access",
        untagged_vlan=untagged,
        tagged_vlans=tuple(sorted(tagged)),
    )
