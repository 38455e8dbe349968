"""The custom resources that people write for a Hedgehog fabric: the kinds this project compares.

Hedgehog serves more kinds than these. Those that its own controllers write (`Agent`, `Catalog`,
`VPCInfo`, ...) say nothing about what an operator wants, so they are known here by name only, to
tell "not compared" from "not a Hedgehog kind at all".
"""

from collections.abc import Iterable
from typing import NamedTuple

WIRING = "wiring.githedgehog.com"
VPC = "vpc.githedgehog.com"
GATEWAY = "gateway.githedgehog.com"


class Kind(NamedTuple):
    """One custom resource definition. `plural` is the name in API paths; it is never guessed."""

    group: str
    name: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """`group/version`, as manifests state it."""
        return f"{self.group}/{self.version}"


KINDS: tuple[Kind, ...] = (
    Kind(WIRING, "VLANNamespace", "v1beta1", "vlannamespaces"),
    Kind(WIRING, "SwitchGroup", "v1beta1", "switchgroups"),
    Kind(WIRING, "Switch", "v1beta1", "switches"),
    Kind(WIRING, "Server", "v1beta1", "servers"),
    Kind(WIRING, "Connection", "v1beta1", "connections"),
    Kind(VPC, "IPv4Namespace", "v1beta1", "ipv4namespaces"),
    Kind(VPC, "VPC", "v1beta1", "vpcs"),
    Kind(VPC, "VPCAttachment", "v1beta1", "vpcattachments"),
    Kind(VPC, "VPCPeering", "v1beta1", "vpcpeerings"),
    Kind(VPC, "External", "v1beta1", "externals"),
    Kind(VPC, "ExternalAttachment", "v1beta1", "externalattachments"),
    Kind(VPC, "ExternalPeering", "v1beta1", "externalpeerings"),
    Kind(GATEWAY, "GatewayGroup", "v1alpha1", "gatewaygroups"),
    Kind(GATEWAY, "Gateway", "v1alpha1", "gateways"),
    Kind(GATEWAY, "GatewayPeering", "v1alpha1", "gatewaypeerings"),
)
"""The 15 kinds that people write, in the order in which they depend on each other."""

ALL_KINDS: frozenset[Kind] = frozenset(KINDS)

KINDS_BY_NAME = {kind.name: kind for kind in KINDS}
_BY_GROUP_AND_NAME = {(kind.group, kind.name): kind for kind in KINDS}

SWITCH_PROFILE = Kind(WIRING, "SwitchProfile", "v1beta1", "switchprofiles")
"""Written by a controller, so not compared; it tells the inventory what ports a switch has."""

READ_KINDS: tuple[Kind, ...] = (*KINDS, SWITCH_PROFILE)
"""All that is read of a fabric's API."""

_NOT_COMPARED = frozenset(
    {
        (WIRING, "SwitchProfile"),
        (WIRING, "ServerProfile"),
        (WIRING, "Fabric"),
        (GATEWAY, "VPCInfo"),
        ("agent.githedgehog.com", "Agent"),
        ("agent.githedgehog.com", "Catalog"),
        ("dhcp.githedgehog.com", "DHCPSubnet"),
        ("gwint.githedgehog.com", "GatewayAgent"),
        ("fcint.githedgehog.com", "FabricController"),
        ("fabricator.githedgehog.com", "Fabricator"),
        ("fabricator.githedgehog.com", "ControlNode"),
        ("fabricator.githedgehog.com", "FabNode"),
    }
)
"""Hedgehog kinds written by controllers or by the installer, or used by nobody."""

_MADE_BY_CONTROLLERS = frozenset({("GatewayGroup", "default")})
"""(kind, name) of objects which a controller creates without an owner reference."""


_NAMESPACES = {(GATEWAY, "fab"): "default"}
"""(API group, namespace) pairs that name one place: older releases kept gateways in `fab`."""


def kind_named(name: str) -> Kind:
    """The kind of this name; a `ValueError` that lists the names when there is none."""
    try:
        return KINDS_BY_NAME[name]
    except KeyError:
        known = ", ".join(sorted(KINDS_BY_NAME))
        raise ValueError(
            f"{name!r} is not a kind that is compared; known kinds: {known}."
        ) from None


def kinds_named(names: Iterable[str]) -> frozenset[Kind]:
    """The kinds of these names, as `kind_named` finds each."""
    return frozenset(map(kind_named, names))


def find_kind(group: str, name: str) -> Kind | None:
    """The compared kind of this API group and name, or None."""
    return _BY_GROUP_AND_NAME.get((group, name))


def find_live_kind(group: str, name: str) -> Kind | None:
    """The kind of this API group and name whose live objects are looked at, or None."""
    if (group, name) == (SWITCH_PROFILE.group, SWITCH_PROFILE.name):
        return SWITCH_PROFILE
    return find_kind(group, name)


def kinds_of(group: str) -> frozenset[Kind]:
    """All compared kinds of an API group; empty for any other group."""
    return frozenset(kind for kind in KINDS if kind.group == group)


def is_hedgehog(group: str) -> bool:
    """Whether an API group is one of Hedgehog's, known or not."""
    return group == "githedgehog.com" or group.endswith(".githedgehog.com")


def is_not_compared(group: str, name: str) -> bool:
    """Whether this is a Hedgehog kind that exists, but that nobody writes by hand."""
    return (group, name) in _NOT_COMPARED


def is_made_by_controller(kind: Kind, name: str) -> bool:
    """Whether a controller creates the object of this name by itself."""
    return (kind.name, name) in _MADE_BY_CONTROLLERS


def namespace_of(kind: Kind, namespace: str) -> str:
    """The namespace that tells objects of a kind apart, whatever the release calls it."""
    return _NAMESPACES.get((kind.group, namespace), namespace)
