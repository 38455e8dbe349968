"""What a fabric as a whole has, and the namespaces that VPCs take networks and VLANs from."""

from collections.abc import Iterable

from fabrics.inventory.model.dcim import Site
from fabrics.inventory.model.ipam import VRF, PrefixWithoutVLAN, VLANGroup
from fabrics.inventory.model.naming import (
    MAX_DESCRIPTION_CHARS,
    MAX_SITE_NAME_CHARS,
    shorten,
    slugify,
)
from fabrics.inventory.plan.addresses import add_prefix
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import IPv4NamespaceSpec
from fabrics.inventory.specs.wiring import VLANNamespaceSpec


def add_fabric(builder: PlanBuilder) -> None:
    """The site, unless it is shared, and the VRF of the addresses that devices have among themselves."""
    fabric = builder.fabric
    if not fabric.shared_site:
        name = shorten(fabric.name, MAX_SITE_NAME_CHARS)
        builder.add(Site(key=fabric.site_ref.key, name=name, slug=fabric.fabric_id))
    name = f"{fabric.fabric_id}:underlay"
    builder.add(VRF(key=fabric.underlay_ref.key, name=name, description="Switches and gateways"))


def add_ipv4_namespace(builder: PlanBuilder, namespace: LiveObject[IPv4NamespaceSpec]) -> None:
    """A VRF with the networks that subnets are taken from; the subnets are in the VRFs of VPCs."""
    description = shorten(f"IPv4 namespace {namespace.name}", MAX_DESCRIPTION_CHARS)
    name = builder.fabric.vrf_name("ipns", namespace.name)
    vrf = builder.add(VRF(key=namespace.key, name=name, description=description))
    for network in sorted({each.network for each in namespace.spec.subnets}):
        key = f"{namespace.key}#{network}"
        container = PrefixWithoutVLAN(
            key=key, vrf=vrf, prefix=network, status="container", description=description
        )
        with builder.skip_unmappable(key):
            add_prefix(builder, container)


def add_vlan_namespace(builder: PlanBuilder, namespace: LiveObject[VLANNamespaceSpec]) -> None:
    """A VLAN group. NetBox refuses ranges that overlap, which Hedgehog does not mind."""
    ranges = _merge_ranges(each.bounds for each in namespace.spec.ranges)
    if not ranges:
        raise MappingError("states no range of VLANs")
    name = builder.fabric.vlan_group_name(namespace.name)
    builder.add(VLANGroup(key=namespace.key, name=name, slug=slugify(name), vid_ranges=ranges))


def _merge_ranges(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The ranges in order, with those that overlap made one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
