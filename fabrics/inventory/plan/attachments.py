"""What is attached to VPCs: the VLANs on the ports and LAGs of switches, or the VRF of a port."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network
from typing import Final

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.ipam import VLAN, VRF
from fabrics.inventory.model.planned import Details, Ref
from fabrics.inventory.plan.builder import Draft, Unmapped
from fabrics.inventory.plan.connections import Points
from fabrics.inventory.plan.links import TYPES
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.vpc import VPCAttachmentSpec, VPCSpec
from fabrics.inventory.specs.wiring import ConnectionSpec

P2P_LINK: Final = "fabric.githedgehog.com/p2p-link"

type Join = Callable[[Interface], Interface]
"""What an attachment makes of an interface. Raises `Unmapped` where it cannot be."""


def attach_vpc(draft: Draft, attachment: Object[VPCAttachmentSpec], points: Points) -> None:
    """The VLAN of a subnet, or its VRF, on every interface that the connection's servers come in on."""
    connection = draft.find(ConnectionSpec, attachment.namespace, attachment.spec.connection)
    kind = TYPES.get(connection.spec.type)
    if kind is None or not kind.takes_vpcs:
        raise Unmapped(f"names the Connection {connection.name}, which leads to no server")
    ports = points.get(connection.key, ())
    if not ports:
        raise Unmapped(f"names the Connection {connection.name}, which ends on no switch")
    join, link = _join(draft, attachment), _link(attachment)
    for port in ports:
        with draft.part(f"{attachment.key}#{port.key}"):
            joined = join(draft.get(Interface, port))
            draft.amend(replace(joined, details={**joined.details, **link}))


def _join(draft: Draft, attachment: Object[VPCAttachmentSpec]) -> Join:
    name, _, subnet = attachment.spec.subnet.partition("/")
    vpc = draft.find(VPCSpec, attachment.namespace, name)
    found = vpc.spec.subnets.get(subnet or "default")
    if found is None:
        raise Unmapped(f"names the subnet {attachment.spec.subnet}, which is not there")
    if found.host_bgp and not found.vlan:
        return partial(_routed, vrf=draft.named(VRF, VPCSpec, attachment.namespace, name))
    vlan = Ref(VLAN.MODEL, f"{vpc.key}#{subnet or 'default'}")
    if vlan not in draft.wanted:
        raise Unmapped(f"names the subnet {attachment.spec.subnet}, which has no VLAN")
    return partial(_tagged, vlan=vlan, native=attachment.spec.native_vlan)


def _link(attachment: Object[VPCAttachmentSpec]) -> Details:
    """The network for two that servers reach their switch by, where one is stated.

    A detail, no address: of Hedgehog's agents only that for Cumulus Linux gives the switch the odd one of
    the two (`pkg/agent/cmls` of fabric v0.126); others pass it over.
    """
    try:
        network = IPv4Network(attachment.annotations.get(P2P_LINK, ""), strict=False)
    except ValueError:
        return {}
    return {"p2pLink": str(network)}


def _routed(port: Interface, vrf: Ref) -> Interface:
    """The port of servers that speak BGP with their switch: without a VLAN it is of one VPC."""
    if port.vrf not in (None, vrf):
        raise Unmapped(f"would be the second VPC of {port.key}")
    return replace(port, vrf=vrf)


def _tagged(port: Interface, vlan: Ref, *, native: bool) -> Interface:
    if native and port.untagged_vlan not in (None, vlan):
        raise Unmapped(f"would be the second untagged VLAN of {port.key}")
    untagged = vlan if native else port.untagged_vlan
    tagged = set(port.tagged_vlans) if native else {*port.tagged_vlans, vlan}
    return replace(
        port,
        mode="tagged" if tagged else "access",
        untagged_vlan=untagged,
        tagged_vlans=tuple(sorted(tagged)),
    )
