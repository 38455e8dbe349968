"""Who peers with whom. NetBox has no model for that, so it is told on the VRFs of both sides."""

from collections.abc import Iterable
from dataclasses import replace

from fabrics.inventory.model.ipam import VRF
from fabrics.inventory.model.planned import Ref, stated
from fabrics.inventory.plan.builder import Draft, Unmapped
from fabrics.inventory.specs.gateway import GatewayPeeringSpec
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.vpc import ExternalPeeringSpec, ExternalSpec, VPCPeeringSpec, VPCSpec
from fabrics.resources.json_types import Json

_EXTERNAL = "ext."
"""What the names of externals begin with in a gateway's peering."""


def add_vpc_peering(draft: Draft, peering: Object[VPCPeeringSpec]) -> None:
    """VPCs that reach each other, all their subnets or some."""
    namespace, permits = peering.namespace, peering.spec.permit
    names = sorted({name for each in permits for name in each})
    sides = [draft.named(VRF, VPCSpec, namespace, name) for name in names]
    permit: list[Json] = [
        {name: list[Json](peered.subnets) for name, peered in sorted(each.items())}
        for each in permits
    ]
    _join(draft, peering, sides, stated(permit=permit, remote=peering.spec.remote))


def add_external_peering(draft: Draft, peering: Object[ExternalPeeringSpec]) -> None:
    """A VPC that reaches an external."""
    vpc, external = peering.spec.permit.vpc, peering.spec.permit.external
    sides = [
        draft.named(VRF, VPCSpec, peering.namespace, vpc.name),
        draft.named(VRF, ExternalSpec, peering.namespace, external.name),
    ]
    prefixes: list[Json] = [each.prefix for each in external.prefixes]
    _join(draft, peering, sides, stated(subnets=list[Json](vpc.subnets), prefixes=prefixes))


def add_gateway_peering(draft: Draft, peering: Object[GatewayPeeringSpec]) -> None:
    """VPCs and externals that reach each other through a gateway."""
    sides = [_gateway_side(draft, peering.namespace, name) for name in sorted(peering.spec.peering)]
    expose: dict[str, Json] = {name: dict(facts) for name, facts in peering.spec.peering.items()}
    facts = stated(gatewayGroup=peering.spec.gateway_group, peering=expose)
    _join(draft, peering, sides, facts)


def _gateway_side(draft: Draft, namespace: str, name: str) -> Ref:
    if name.startswith(_EXTERNAL):
        return draft.named(VRF, ExternalSpec, namespace, name.removeprefix(_EXTERNAL))
    return draft.named(VRF, VPCSpec, namespace, name)


def _join[S: LiveSpec](
    draft: Draft, peering: Object[S], sides: Iterable[Ref], facts: dict[str, Json]
) -> None:
    """Tell every side of the peering."""
    told = list(sides)
    if len(told) < 2:
        raise Unmapped("does not name two sides")
    entry: dict[str, Json] = {"key": peering.key, **facts}
    for side in told:
        vrf = draft.get(VRF, side)
        peerings = vrf.details.get("peerings")
        known = peerings if isinstance(peerings, list) else []
        draft.amend(replace(vrf, details={**vrf.details, "peerings": [*known, entry]}))
