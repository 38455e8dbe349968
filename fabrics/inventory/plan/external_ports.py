"""Ports that lead out of the fabric, and what is set on them."""

from dataclasses import replace
from typing import NamedTuple

from fabrics.inventory.model.dcim import VIRTUAL, Interface
from fabrics.inventory.model.ipam import VRF
from fabrics.inventory.model.planned import Details, Ref, stated
from fabrics.inventory.plan.addresses import add_address
from fabrics.inventory.plan.builder import Draft, Unmapped
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.vpc import VPCSpec
from fabrics.inventory.specs.wiring import ConnectionSpec, EndSpec
from fabrics.resources.json_types import Json


class Routing(NamedTuple):
    """How a port leads outwards: `key` is for the subinterface, which only a VLAN asks for."""

    key: str
    vlan: int
    vrf: Ref | None
    details: Details


def lead_outwards(draft: Draft, port: Ref, connection: Object[ConnectionSpec]) -> None:
    """Mark a port as connected, although it is not known to what. Raises `Unmapped`."""
    leading = draft.get(Interface, port)
    if leading.mark_connected:
        raise Unmapped(
            f"needs {port.key}, which the Connection {leading.details['connection']} has"
        )
    details = stated(connection=connection.name)
    draft.amend(replace(leading, mark_connected=True, details=details))


def add_static_external(
    draft: Draft, port: Ref, connection: Object[ConnectionSpec], end: EndSpec
) -> None:
    """The address of a port to a system with static routes, in a VPC or in the fabric itself."""
    within, namespace = connection.spec.body.within_vpc, connection.namespace
    vrf = draft.named(VRF, VPCSpec, namespace, within) if within else None
    details = stated(nextHop=str(end.next_hop or ""), subnets=list[Json](end.subnets))
    routed = route(draft, port, Routing(f"{connection.key}#vlan", end.vlan, vrf, details))
    if end.ip:
        add_address(draft, routed, end.ip, vrf or draft.fabric.underlay)


def route(draft: Draft, port: Ref, routing: Routing) -> Ref:
    """The subinterface of a port for a VLAN; without one, the port itself. Raises `Unmapped`."""
    key, vlan, vrf, details = routing
    parent = draft.get(Interface, port)
    if vlan:
        return draft.add(
            Interface(
                key=key,
                device=parent.device,
                name=f"{parent.name}.{vlan}",
                type=VIRTUAL,
                parent=port,
                vrf=vrf,
                details=details,
            )
        )
    if parent.vrf or parent.details.keys() - {"connection"}:
        raise Unmapped(f"needs {port.key} without a VLAN, as something else does already")
    draft.amend(replace(parent, vrf=vrf, details={**parent.details, **details}))
    return port
