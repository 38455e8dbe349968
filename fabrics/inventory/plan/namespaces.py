"""The site and underlay of a fabric, and the namespaces of networks and VLANs."""

from collections.abc import Iterable

from fabrics.inventory.model.dcim import Site
from fabrics.inventory.model.ipam import VRF, PrefixWithoutVLAN, VLANGroup
from fabrics.inventory.model.naming import MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, shorten, slugify
from fabrics.inventory.model.planned import Details, omit_empty
from fabrics.inventory.plan.addresses import add_prefix
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import IPv4NamespaceSpec
from fabrics.inventory.specs.wiring import FabricSpec, VLANNamespaceSpec
from fabrics.resources.json_types import Json


def add_fabric(builder: PlanBuilder) -> None:
    """Add the site, unless it is shared, and the VRF of the underlay addresses.

    The VRF shows what the API states about its fabrics, since NetBox has no other object for a fabric.
    """
    fabric = builder.fabric
    if not fabric.shared_site:
        name = shorten(fabric.name, MAX_NAME_CHARS)
        builder.add(Site(key=fabric.site_ref.key, name=name, slug=fabric.fabric_id))
    name = f"{fabric.fabric_id}:underlay"
    builder.add(
        VRF(
            key=fabric.underlay_ref.key,
            name=name,
            description="Switches and gateways",
            details=_fabric_details(builder),
        )
    )


def _fabric_details(builder: PlanBuilder) -> Details:
    """Return the ASNs, domains and BFD of each fabric of the API that states any."""
    fabrics: dict[str, Json] = {}
    for live_object in builder.live.list_kind(FabricSpec):
        spec = live_object.spec
        domains: dict[str, Json] = {
            name: omit_empty(spineASN=domain.spine_asn, gatewayASN=domain.gateway_asn)
            for name, domain in sorted(spec.domains.items())
        }
        fabrics[live_object.name] = omit_empty(
            leafASNStart=spec.leaf_asn_start,
            leafASNEnd=spec.leaf_asn_end,
            disableBFD=spec.disable_bfd,
            domains=domains,
        )
    return omit_empty(fabrics=omit_empty(**fabrics))


def add_ipv4_namespace(builder: PlanBuilder, namespace: LiveObject[IPv4NamespaceSpec]) -> None:
    """Add a VRF with the networks that VPCs take their subnets from."""
    description = shorten(f"IPv4 namespace {namespace.name}", MAX_DESCRIPTION_CHARS)
    name = builder.fabric.vrf_name("ipns", namespace.name)
    vrf = builder.add(VRF(key=namespace.key, name=name, description=description))
    for network in sorted({subnet.network for subnet in namespace.spec.subnets}):
        key = f"{namespace.key}#{network}"
        container = PrefixWithoutVLAN(
            key=key, vrf=vrf, prefix=network, status="container", description=description
        )
        with builder.skip_unmappable(key):
            add_prefix(builder, container)


def add_vlan_namespace(builder: PlanBuilder, namespace: LiveObject[VLANNamespaceSpec]) -> None:
    """Add a VLAN group. NetBox refuses overlapping ranges, which Hedgehog accepts."""
    ranges = _merge_ranges(vlans.bounds for vlans in namespace.spec.ranges)
    if not ranges:
        raise MappingError("has no VLAN ranges")
    name = builder.fabric.vlan_group_name(namespace.name)
    builder.add(VLANGroup(key=namespace.key, name=name, slug=slugify(name), vid_ranges=ranges))


def _merge_ranges(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the ranges in order, with overlapping ones merged."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
