"""Ports that lead out of the fabric: their marks, VLANs, VRFs and addresses."""

from dataclasses import replace
from typing import NamedTuple

from fabrics.inventory.model.dcim import INTERFACE_TYPE_VIRTUAL, Interface
from fabrics.inventory.model.ipam import VRF
from fabrics.inventory.model.planned import Details, Ref, omit_empty
from fabrics.inventory.plan.addresses import add_address
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.specs.connections import ConnectionSpec, EndSpec
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import VPCSpec
from fabrics.resources.json_types import Json


class Routing(NamedTuple):
    """The routing of a port that leads out; `key` is for a subinterface, if any."""

    key: str
    vlan: int
    vrf: Ref | None
    details: Details


def mark_external_port(builder: PlanBuilder, port: Ref, connection: str) -> None:
    """Mark a port as externally connected, or raise `MappingError` if it is already."""
    interface = builder.get(Interface, port)
    if interface.mark_connected:
        other = interface.details["connection"]
        raise MappingError(f"needs {port.key}, which the Connection {other} already uses")
    details = omit_empty(connection=connection)
    builder.update(replace(interface, mark_connected=True, details=details))


def add_static_external(
    builder: PlanBuilder, port: Ref, connection: LiveObject[ConnectionSpec], end: EndSpec
) -> None:
    """Route a port to a system with static routes, in a VPC or in the fabric itself."""
    vpc, namespace = connection.spec.body.within_vpc, connection.namespace
    vrf = builder.require_ref(VRF, VPCSpec, namespace, vpc) if vpc else None
    details = omit_empty(nextHop=str(end.next_hop or ""), subnets=list[Json](end.subnets))
    routed = apply_routing(builder, port, Routing(f"{connection.key}#vlan", end.vlan, vrf, details))
    if end.ip:
        add_address(builder, routed, end.ip, vrf or builder.fabric.underlay_ref)


def apply_routing(builder: PlanBuilder, port: Ref, routing: Routing) -> Ref:
    """Return the routed interface: a VLAN's subinterface, or the port itself.

    Raises `MappingError` if the interface is taken already.
    """
    key, vlan, vrf, details = routing
    parent = builder.get(Interface, port)
    if vlan:
        return builder.add(
            Interface(
                key=key,
                device=parent.device,
                name=f"{parent.name}.{vlan}",
                type=INTERFACE_TYPE_VIRTUAL,
                parent=port,
                vrf=vrf,
                details=details,
            )
        )
    if parent.vrf or parent.details.keys() - {"connection"}:
        raise MappingError(f"needs {port.key} without a VLAN, which another object already uses")
    builder.update(replace(parent, vrf=vrf, details={**parent.details, **details}))
    return port
