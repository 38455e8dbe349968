"""What a fabric as a whole has, and the namespaces that VPCs take networks and VLANs from."""

from collections.abc import Iterable

from fabrics.inventory.model.dcim import Site
from fabrics.inventory.model.ipam import VRF, Space, VLANGroup
from fabrics.inventory.model.naming import DESCRIPTION, SITE, fit, slug
from fabrics.inventory.plan.addresses import add_prefix
from fabrics.inventory.plan.builder import Draft, Unmapped
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.vpc import IPv4NamespaceSpec
from fabrics.inventory.specs.wiring import VLANNamespaceSpec


def add_fabric(draft: Draft) -> None:
    """The site, unless it is shared, and the VRF of the addresses that devices have among themselves."""
    fabric = draft.fabric
    if not fabric.site:
        name = fit(fabric.name, SITE)
        draft.add(Site(key=fabric.site_ref.key, name=name, slug=fabric.fabric_id))
    name = f"{fabric.fabric_id}:underlay"
    draft.add(VRF(key=fabric.underlay.key, name=name, description="Switches and gateways"))


def add_ipv4_namespace(draft: Draft, namespace: Object[IPv4NamespaceSpec]) -> None:
    """A VRF with the networks that subnets are taken from; the subnets are in the VRFs of VPCs."""
    description = fit(f"IPv4 namespace {namespace.name}", DESCRIPTION)
    name = draft.fabric.vrf("ipns", namespace.name)
    vrf = draft.add(VRF(key=namespace.key, name=name, description=description))
    for network in sorted({each.network for each in namespace.spec.subnets}):
        key = f"{namespace.key}#{network}"
        container = Space(
            key=key, vrf=vrf, prefix=network, status="container", description=description
        )
        with draft.part(key):
            add_prefix(draft, container)


def add_vlan_namespace(draft: Draft, namespace: Object[VLANNamespaceSpec]) -> None:
    """A VLAN group. NetBox refuses ranges that overlap, which Hedgehog does not mind."""
    ranges = _merged(each.bounds for each in namespace.spec.ranges)
    if not ranges:
        raise Unmapped("states no range of VLANs")
    name = draft.fabric.vlan_group(namespace.name)
    draft.add(VLANGroup(key=namespace.key, name=name, slug=slug(name), vid_ranges=ranges))


def _merged(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The ranges in order, with those that overlap made one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
