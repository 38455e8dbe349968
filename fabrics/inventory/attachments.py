"""What is attached to VPCs: the VLANs on the ports and LAGs of switches."""

from dataclasses import replace

from fabrics.inventory.connections import Points
from fabrics.inventory.dcim import Interface
from fabrics.inventory.draft import Draft, Unmapped
from fabrics.inventory.ipam import VLAN
from fabrics.inventory.links import TYPES
from fabrics.inventory.reading import Object
from fabrics.inventory.specs.vpc import VPCAttachmentSpec, VPCSpec
from fabrics.inventory.specs.wiring import ConnectionSpec
from fabrics.inventory.wanted import Ref


def attach_vpc(draft: Draft, attachment: Object[VPCAttachmentSpec], points: Points) -> None:
    """The VLAN of a subnet on every interface that the connection's servers come in on."""
    connection = draft.find(ConnectionSpec, attachment.namespace, attachment.spec.connection)
    kind = TYPES.get(connection.spec.type)
    if kind is None or not kind.takes_vpcs:
        raise Unmapped(f"names the Connection {connection.name}, which leads to no server")
    ports = points.get(connection.key, ())
    if not ports:
        raise Unmapped(f"names the Connection {connection.name}, which ends on no switch")
    vlan = _vlan(draft, attachment)
    for port in ports:
        with draft.part(f"{attachment.key}#{port.key}"):
            _tag(draft, port, vlan, native=attachment.spec.native_vlan)


def _vlan(draft: Draft, attachment: Object[VPCAttachmentSpec]) -> Ref:
    name, _, subnet = attachment.spec.subnet.partition("/")
    vpc = draft.find(VPCSpec, attachment.namespace, name)
    found = vpc.spec.subnets.get(subnet or "default")
    if found is None:
        raise Unmapped(f"names the subnet {attachment.spec.subnet}, which is not there")
    vlan = Ref(VLAN.MODEL, f"{vpc.key}#{subnet or 'default'}")
    if vlan not in draft.wanted:
        raise Unmapped(f"names the subnet {attachment.spec.subnet}, which has no VLAN")
    return vlan


def _tag(draft: Draft, port: Ref, vlan: Ref, *, native: bool) -> None:
    held = draft.get(Interface, port)
    if native and held.untagged_vlan not in (None, vlan):
        raise Unmapped(f"would be the second untagged VLAN of {port.key}")
    untagged = vlan if native else held.untagged_vlan
    tagged = set(held.tagged_vlans) if native else {*held.tagged_vlans, vlan}
    draft.amend(
        replace(
            held,
            mode="tagged" if tagged else "access",
            untagged_vlan=untagged,
            tagged_vlans=tuple(sorted(tagged)),
        )
    )
