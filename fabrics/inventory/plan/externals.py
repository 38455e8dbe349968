"""Externals: networks outside of the fabric, and the ports that lead to them."""

from fabrics.inventory.model.ipam import VRF, PrefixWithoutVLAN
from fabrics.inventory.model.naming import MAX_DESCRIPTION_CHARS, shorten
from fabrics.inventory.model.planned import Details, omit_empty
from fabrics.inventory.plan.addresses import add_address, add_prefix
from fabrics.inventory.plan.builder import MappingError, PlanBuilder, UnreadableError
from fabrics.inventory.plan.cables import InterfacesByConnection
from fabrics.inventory.plan.connection_types import require_connection
from fabrics.inventory.plan.external_ports import Routing, apply_routing
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import ExternalAttachmentSpec, ExternalSpec


def add_external(builder: PlanBuilder, external: LiveObject[ExternalSpec]) -> None:
    """Add a VRF with the prefixes of static routes, if there are any."""
    spec = external.spec
    networks = sorted({prefix.network for prefix in spec.static.prefixes})
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
                localASN=spec.local_asn,
                prefixes=[str(network) for network in networks],
            ),
        )
    )
    for network in networks:
        key = f"{external.key}#{network}"
        prefix = PrefixWithoutVLAN(key=key, vrf=vrf, prefix=network, description=description)
        with builder.skip_unmappable(key):
            add_prefix(builder, prefix)


def attach_external(
    builder: PlanBuilder,
    attachment: LiveObject[ExternalAttachmentSpec],
    interfaces: InterfacesByConnection,
) -> None:
    """Route a connection's port to an external, with the switch's own address."""
    spec = attachment.spec
    vrf = builder.require_ref(VRF, ExternalSpec, attachment.namespace, spec.external)
    connection = require_connection(builder, attachment.namespace, spec.connection)
    if connection.spec.type != "external":
        raise MappingError(f"refers to the Connection {connection.name}, which is not external")
    ports = interfaces.get(connection.key, ())
    if not ports and connection.key in builder.incomplete:
        raise UnreadableError(
            f"refers to the Connection {connection.name}, whose switch cannot be read"
        )
    if not ports:
        raise MappingError(f"refers to the Connection {connection.name}, which has no switch port")
    own = spec.static or spec.switch
    routing = Routing(attachment.key, own.vlan, vrf, _attachment_details(spec))
    for port in ports:
        routed = apply_routing(builder, port, routing)
        if own.ip:
            add_address(builder, routed, own.ip, vrf)


def _attachment_details(spec: ExternalAttachmentSpec) -> Details:
    """Return what NetBox has no field for; an empty `bfd` means BFD by default."""
    neighbor, static = spec.neighbor, spec.static
    details = omit_empty(
        neighbor=omit_empty(asn=neighbor.asn, ip=str(neighbor.ip or "")),
        remoteIP=str(static.remote_ip or "") if static else "",
        proxy=static.proxy if static else False,
        inboundACL=spec.inbound_acl.get("statements"),
    )
    if spec.bfd is None:
        return details
    return {**details, "bfd": spec.bfd.model_dump(by_alias=True, exclude_unset=True)}
