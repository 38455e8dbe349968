"""Peerings between VPCs and externals; NetBox lists them in the VRFs' details."""

from dataclasses import replace

from fabrics.inventory.model.ipam import VRF
from fabrics.inventory.model.planned import Ref, omit_empty
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.specs.gateway import GatewayPeeringSpec
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.vpc import ExternalPeeringSpec, ExternalSpec, VPCPeeringSpec, VPCSpec
from fabrics.resources.json_types import Json


def add_vpc_peering(builder: PlanBuilder, peering: LiveObject[VPCPeeringSpec]) -> None:
    """Add a peering of VPCs, with all their subnets or some of them."""
    namespace, permits = peering.namespace, peering.spec.permit
    names = sorted({name for peers in permits for name in peers})
    sides = [builder.require_ref(VRF, VPCSpec, namespace, name) for name in names]
    permit: list[Json] = [
        {name: list[Json](peer.subnets) for name, peer in sorted(peers.items())}
        for peers in permits
    ]
    _add_peering(builder, peering, sides, omit_empty(permit=permit, remote=peering.spec.remote))


def add_external_peering(builder: PlanBuilder, peering: LiveObject[ExternalPeeringSpec]) -> None:
    """Add a peering of a VPC with an external."""
    vpc, external = peering.spec.permit.vpc, peering.spec.permit.external
    sides = [
        builder.require_ref(VRF, VPCSpec, peering.namespace, vpc.name),
        builder.require_ref(VRF, ExternalSpec, peering.namespace, external.name),
    ]
    prefixes: list[Json] = [permitted.prefix for permitted in external.prefixes]
    details = omit_empty(subnets=list[Json](vpc.subnets), prefixes=prefixes)
    _add_peering(builder, peering, sides, details)


def add_gateway_peering(builder: PlanBuilder, peering: LiveObject[GatewayPeeringSpec]) -> None:
    """Add a peering of VPCs and externals through a gateway."""
    peers, namespace = peering.spec.peering, peering.namespace
    sides = [_find_gateway_side(builder, namespace, name) for name in sorted(peers)]
    exposed: dict[str, Json] = {name: dict(peer) for name, peer in peers.items()}
    details = omit_empty(gatewayGroup=peering.spec.gateway_group, peering=exposed)
    _add_peering(builder, peering, sides, details)


def _find_gateway_side(builder: PlanBuilder, namespace: str, name: str) -> Ref:
    if name.startswith("ext."):
        return builder.require_ref(VRF, ExternalSpec, namespace, name.removeprefix("ext."))
    return builder.require_ref(VRF, VPCSpec, namespace, name)


def _add_peering[S: LiveSpec](
    builder: PlanBuilder, peering: LiveObject[S], sides: list[Ref], details: dict[str, Json]
) -> None:
    """Add the peering to the VRFs of all its sides."""
    if len(sides) < 2:
        raise MappingError("refers to fewer than two VPCs or externals")
    entry: dict[str, Json] = {"key": peering.key, **details}
    for side in sides:
        vrf = builder.get(VRF, side)
        peerings = vrf.details.get("peerings")
        others = peerings if isinstance(peerings, list) else []
        builder.update(replace(vrf, details={**vrf.details, "peerings": [*others, entry]}))
