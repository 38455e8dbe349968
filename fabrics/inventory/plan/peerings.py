"""Peerings between VPCs and externals; NetBox lists them in the VRFs' details."""

from dataclasses import dataclass, field, replace

from fabrics.inventory.model.ipam import VRF
from fabrics.inventory.model.planned import Ref, omit_empty
from fabrics.inventory.plan.builder import (
    MappingError,
    PlanBuilder,
    check_details_size,
    measure_details,
)
from fabrics.inventory.specs.gateway import GatewayPeeringSpec
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import ExternalPeeringSpec, ExternalSpec, VPCPeeringSpec, VPCSpec
from fabrics.resources.json_types import Json


@dataclass(frozen=True, slots=True)
class PeeringLists:
    """The peerings of each VRF, which may have a thousand: each is measured once.

    `_sizes` are those of the VRFs' details with their peerings.
    """

    builder: PlanBuilder
    _entries: dict[Ref, list[Json]] = field(default_factory=dict)
    _sizes: dict[Ref, int] = field(default_factory=dict)

    def add(self, key: str, sides: list[Ref], details: dict[str, Json]) -> None:
        """Add a peering to the VRFs of all its sides, or raise `MappingError`."""
        if len(sides) < 2:
            raise MappingError("refers to fewer than two VPCs or externals")
        entry: dict[str, Json] = {"key": key, **details}
        sizes = {side: self._measure(side) + measure_details([entry]) for side in sides}
        check_details_size(max(sizes.values()))
        self._sizes.update(sizes)
        for side in sides:
            self._entries.setdefault(side, []).append(entry)

    def _measure(self, side: Ref) -> int:
        details = {**self.builder.get(VRF, side).details, "peerings": []}
        return self._sizes.get(side) or measure_details(details)

    def write(self) -> None:
        """Put the peerings into the details of their VRFs."""
        for side, entries in self._entries.items():
            vrf = self.builder.get(VRF, side)
            self.builder.update(replace(vrf, details={**vrf.details, "peerings": entries}))


def add_vpc_peering(
    builder: PlanBuilder, peering: LiveObject[VPCPeeringSpec], lists: PeeringLists
) -> None:
    """Add a peering of VPCs, with all their subnets or some of them."""
    namespace, permits = peering.namespace, peering.spec.permit
    names = sorted({name for peers in permits for name in peers})
    sides = [builder.require_ref(VRF, VPCSpec, namespace, name) for name in names]
    permit: list[Json] = [
        {name: list[Json](peer.subnets) for name, peer in sorted(peers.items())}
        for peers in permits
    ]
    lists.add(peering.key, sides, omit_empty(permit=permit, remote=peering.spec.remote))


def add_external_peering(
    builder: PlanBuilder, peering: LiveObject[ExternalPeeringSpec], lists: PeeringLists
) -> None:
    """Add a peering of a VPC with an external."""
    vpc, external = peering.spec.permit.vpc, peering.spec.permit.external
    sides = [
        builder.require_ref(VRF, VPCSpec, peering.namespace, vpc.name),
        builder.require_ref(VRF, ExternalSpec, peering.namespace, external.name),
    ]
    prefixes: list[Json] = [permitted.prefix for permitted in external.prefixes]
    details = omit_empty(subnets=list[Json](vpc.subnets), prefixes=prefixes)
    lists.add(peering.key, sides, details)


def add_gateway_peering(
    builder: PlanBuilder, peering: LiveObject[GatewayPeeringSpec], lists: PeeringLists
) -> None:
    """Add a peering of VPCs and externals through a gateway."""
    peers, namespace = peering.spec.peering, peering.namespace
    sides = [_find_gateway_side(builder, namespace, name) for name in sorted(peers)]
    exposed: dict[str, Json] = {name: dict(peer) for name, peer in peers.items()}
    details = omit_empty(gatewayGroup=peering.spec.gateway_group, peering=exposed)
    lists.add(peering.key, sides, details)


def _find_gateway_side(builder: PlanBuilder, namespace: str, name: str) -> Ref:
    if name.startswith("ext."):
        return builder.require_ref(VRF, ExternalSpec, namespace, name.removeprefix("ext."))
    return builder.require_ref(VRF, VPCSpec, namespace, name)
