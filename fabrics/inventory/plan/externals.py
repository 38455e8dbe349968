"""Externals, which are networks outside of the fabric, and the ports that lead to them."""

from fabrics.inventory.model.ipam import VRF, PrefixWithoutVLAN
from fabrics.inventory.model.naming import MAX_DESCRIPTION_CHARS, shorten
from fabrics.inventory.model.planned import Details, omit_empty
from fabrics.inventory.plan.addresses import add_address, add_prefix
from fabrics.inventory.plan.builder import IncompleteDependencyError, MappingError, PlanBuilder
from fabrics.inventory.plan.connections import InterfacesByConnection
from fabrics.inventory.plan.external_ports import Routing, apply_routing
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import ExternalAttachmentSpec, ExternalSpec
from fabrics.inventory.specs.wiring import ConnectionSpec
from fabrics.resources.json_types import Json


def add_external(builder: PlanBuilder, external: LiveObject[ExternalSpec]) -> None:
    """A VRF with what is reached by static routes. One that speaks BGP states no prefixes."""
    spec = external.spec
    networks = sorted({each.network for each in spec.static.prefixes})
    description = shorten(f"External {external.name}", MAX_DESCRIPTION_CHARS)
    vrf = builder.add(
        VRF(
            key=external.key,
            name=builder.fabric.vrf_name("ext", external.name),
            description=description,
            details=omit_empty(
                ipv4Namespace=spec.ipv4_namespace,
                inboundCommunity=spec.inbound_community,
                outboundCommunity=spec.outbound_community,
                prefixes=[str(network) for network in networks],
            ),
        )
    )
    for network in networks:
        key = f"{external.key}#{network}"
        with builder.skip_unmappable(key):
            add_prefix(
                builder,
                PrefixWithoutVLAN(key=key, vrf=vrf, prefix=network, description=description),
            )


def attach_external(
    builder: PlanBuilder,
    attachment: LiveObject[ExternalAttachmentSpec],
    interfaces: InterfacesByConnection,
) -> None:
    """The subinterface that leads to an external, in its VRF, with the switch's own address."""
    spec = attachment.spec
    vrf = builder.require_ref(VRF, ExternalSpec, attachment.namespace, spec.external)
    connection = builder.require_live(ConnectionSpec, attachment.namespace, spec.connection)
    if connection.spec.type != "external":
        raise MappingError(f"names the Connection {connection.name}, which is not external")
    ports = interfaces.get(connection.key, ())
    if not ports and builder.is_incomplete(connection.key):
        raise IncompleteDependencyError(
            f"names the Connection {connection.name}, whose switch cannot be read"
        )
    if not ports:
        raise MappingError(f"names the Connection {connection.name}, which ends on no switch")
    own = spec.static or spec.switch
    for port in ports:
        routed = apply_routing(
            builder, port, Routing(attachment.key, own.vlan, vrf, _attachment_details(spec))
        )
        if own.ip:
            add_address(builder, routed, own.ip, vrf)


def _attachment_details(spec: ExternalAttachmentSpec) -> Details:
    """How the far end is spoken to."""
    far, static = spec.neighbor, spec.static
    return omit_empty(
        neighbor=omit_empty(asn=far.asn, ip=str(far.ip or "")),
        remoteIP=str(static.remote_ip or "") if static else "",
        proxy=static.proxy if static else False,
        inboundACL=list[Json](spec.inbound_acl.statements),
    )
