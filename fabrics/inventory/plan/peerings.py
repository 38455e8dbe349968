"""Who peers with whom. NetBox has no model for that, so it is told on the VRFs of both sides."""

from collections.abc import Iterable
from dataclasses import replace

from fabrics.inventory.model.ipam import VRF
from fabrics.inventory.model.planned import Ref, omit_empty
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.specs.gateway import GatewayPeeringSpec
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.vpc import ExternalPeeringSpec, ExternalSpec, VPCPeeringSpec, VPCSpec
from fabrics.resources.json_types import Json

_EXTERNAL_PREFIX = "ext."
"""What the names of externals begin with in a gateway's peering."""


def add_vpc_peering(builder: PlanBuilder, peering: LiveObject[VPCPeeringSpec]) -> None:
    """VPCs that reach each other, all their subnets or some."""
    namespace, permits = peering.namespace, peering.spec.permit
    names = sorted({name for each in permits for name in each})
    sides = [builder.require_ref(VRF, VPCSpec, namespace, name) for name in names]
    permit: list[Json] = [
        {name: list[Json](peered.subnets) for name, peered in sorted(each.items())}
        for each in permits
    ]
    _add_peering(builder, peering, sides, omit_empty(permit=permit, remote=peering.spec.remote))


def add_external_peering(builder: PlanBuilder, peering: LiveObject[ExternalPeeringSpec]) -> None:
    """A VPC that reaches an external."""
    vpc, external = peering.spec.permit.vpc, peering.spec.permit.external
    sides = [
        builder.require_ref(VRF, VPCSpec, peering.namespace, vpc.name),
        builder.require_ref(VRF, ExternalSpec, peering.namespace, external.name),
    ]
    prefixes: list[Json] = [each.prefix for each in external.prefixes]
    _add_peering(
        builder, peering, sides, omit_empty(subnets=list[Json](vpc.subnets), prefixes=prefixes)
    )


def add_gateway_peering(builder: PlanBuilder, peering: LiveObject[GatewayPeeringSpec]) -> None:
    """VPCs and externals that reach each other through a gateway."""
    sides = [
        _find_gateway_side(builder, peering.namespace, name)
        for name in sorted(peering.spec.peering)
    ]
    expose: dict[str, Json] = {name: dict(facts) for name, facts in peering.spec.peering.items()}
    facts = omit_empty(gatewayGroup=peering.spec.gateway_group, peering=expose)
    _add_peering(builder, peering, sides, facts)


def _find_gateway_side(builder: PlanBuilder, namespace: str, name: str) -> Ref:
    if name.startswith(_EXTERNAL_PREFIX):
        return builder.require_ref(
            VRF, ExternalSpec, namespace, name.removeprefix(_EXTERNAL_PREFIX)
        )
    return builder.require_ref(VRF, VPCSpec, namespace, name)


def _add_peering[S: LiveSpec](
    builder: PlanBuilder, peering: LiveObject[S], sides: Iterable[Ref], details: dict[str, Json]
) -> None:
    """Tell every side of the peering."""
    told = list(sides)
    if len(told) < 2:
        raise MappingError("does not name two sides")
    entry: dict[str, Json] = {"key": peering.key, **details}
    for side in told:
        vrf = builder.get(VRF, side)
        peerings = vrf.details.get("peerings")
        known = peerings if isinstance(peerings, list) else []
        builder.update(replace(vrf, details={**vrf.details, "peerings": [*known, entry]}))
