"""Externals, which are networks outside of the fabric, and the ports that lead to them."""

from fabrics.inventory.model.ipam import VRF, Space
from fabrics.inventory.model.naming import DESCRIPTION, fit
from fabrics.inventory.model.planned import Details, stated
from fabrics.inventory.plan.addresses import add_address, add_prefix
from fabrics.inventory.plan.builder import Draft, Unmapped, Unread
from fabrics.inventory.plan.connections import Points
from fabrics.inventory.plan.external_ports import Routing, route
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.vpc import ExternalAttachmentSpec, ExternalSpec
from fabrics.inventory.specs.wiring import ConnectionSpec
from fabrics.resources.json_types import Json


def add_external(draft: Draft, external: Object[ExternalSpec]) -> None:
    """A VRF with what is reached by static routes. One that speaks BGP states no prefixes."""
    spec = external.spec
    networks = sorted({each.network for each in spec.static.prefixes})
    description = fit(f"External {external.name}", DESCRIPTION)
    vrf = draft.add(
        VRF(
            key=external.key,
            name=draft.fabric.vrf("ext", external.name),
            description=description,
            details=stated(
                ipv4Namespace=spec.ipv4_namespace,
                inboundCommunity=spec.inbound_community,
                outboundCommunity=spec.outbound_community,
                prefixes=[str(network) for network in networks],
            ),
        )
    )
    for network in networks:
        key = f"{external.key}#{network}"
        with draft.part(key):
            add_prefix(draft, Space(key=key, vrf=vrf, prefix=network, description=description))


def attach_external(
    draft: Draft, attachment: Object[ExternalAttachmentSpec], points: Points
) -> None:
    """The subinterface that leads to an external, in its VRF, with the switch's own address."""
    spec = attachment.spec
    vrf = draft.named(VRF, ExternalSpec, attachment.namespace, spec.external)
    connection = draft.find(ConnectionSpec, attachment.namespace, spec.connection)
    if connection.spec.type != "external":
        raise Unmapped(f"names the Connection {connection.name}, which is not external")
    ports = points.get(connection.key, ())
    if not ports and draft.is_unread(connection.key):
        raise Unread(f"names the Connection {connection.name}, whose switch cannot be read")
    if not ports:
        raise Unmapped(f"names the Connection {connection.name}, which ends on no switch")
    own = spec.static or spec.switch
    for port in ports:
        routed = route(draft, port, Routing(attachment.key, own.vlan, vrf, _details(spec)))
        if own.ip:
            add_address(draft, routed, own.ip, vrf)


def _details(spec: ExternalAttachmentSpec) -> Details:
    """How the far end is spoken to."""
    far, static = spec.neighbor, spec.static
    return stated(
        neighbor=stated(asn=far.asn, ip=str(far.ip or "")),
        remoteIP=str(static.remote_ip or "") if static else "",
        proxy=static.proxy if static else False,
        inboundACL=list[Json](spec.inbound_acl.statements),
    )
