"""The custom resources that people write for a Hedgehog fabric: the kinds this project compares.

Hedgehog serves more kinds than these. Those that its own controllers write (`Agent`, `Catalog`,
`VPCInfo`, ...) say nothing about what an operator wants, so they are known here by name only, to
tell "not compared" from "not a Hedgehog kind at all".
"""

from collections.abc import Iterable
from typing import NamedTuple

WIRING_GROUP = "wiring.githedgehog.com"
VPC_GROUP = "vpc.githedgehog.com"
GATEWAY_GROUP = "gateway.githedgehog.com"


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


COMPARED_KINDS: tuple[Kind, ...] = (
    Kind(WIRING_GROUP, "VLANNamespace", "v1beta1", "vlannamespaces"),
    Kind(WIRING_GROUP, "SwitchGroup", "v1beta1", "switchgroups"),
    Kind(WIRING_GROUP, "Switch", "v1beta1", "switches"),
    Kind(WIRING_GROUP, "Server", "v1beta1", "servers"),
    Kind(WIRING_GROUP, "Connection", "v1beta1", "connections"),
    Kind(VPC_GROUP, "IPv4Namespace", "v1beta1", "ipv4namespaces"),
    Kind(VPC_GROUP, "VPC", "v1beta1", "vpcs"),
    Kind(VPC_GROUP, "VPCAttachment", "v1beta1", "vpcattachments"),
    Kind(VPC_GROUP, "VPCPeering", "v1beta1", "vpcpeerings"),
    Kind(VPC_GROUP, "External", "v1beta1", "externals"),
    Kind(VPC_GROUP, "ExternalAttachment", "v1beta1", "externalattachments"),
    Kind(VPC_GROUP, "ExternalPeering", "v1beta1", "externalpeerings"),
    Kind(GATEWAY_GROUP, "GatewayGroup", "v1alpha1", "gatewaygroups"),
    Kind(GATEWAY_GROUP, "Gateway", "v1alpha1", "gateways"),
    Kind(GATEWAY_GROUP, "GatewayPeering", "v1alpha1", "gatewaypeerings"),
)
"""The 15 kinds that people write, in the order in which they depend on each other."""

ALL_COMPARED_KINDS: frozenset[Kind] = frozenset(COMPARED_KINDS)

KINDS_BY_NAME = {kind.name: kind for kind in COMPARED_KINDS}
_KINDS_BY_GROUP_AND_NAME = {(kind.group, kind.name): kind for kind in COMPARED_KINDS}

SWITCH_PROFILE = Kind(WIRING_GROUP, "SwitchProfile", "v1beta1", "switchprofiles")
"""Written by a controller, so not compared; it tells the inventory what ports a switch has."""

LISTED_KINDS: tuple[Kind, ...] = (*COMPARED_KINDS, SWITCH_PROFILE)
"""All that is read of a fabric's API."""

_NOT_COMPARED = frozenset(
    {
        (WIRING_GROUP, "SwitchProfile"),
        (WIRING_GROUP, "ServerProfile"),
        (WIRING_GROUP, "Fabric"),
        (GATEWAY_GROUP, "VPCInfo"),
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


_NAMESPACE_ALIASES = {(GATEWAY_GROUP, "fab"): "default"}
"""(API group, namespace) pairs that name one place: older releases kept gateways in `fab`."""


def get_kind(name: str) -> Kind:
    """The kind of this name; a `ValueError` that lists the names when there is none."""
    try:
        return KINDS_BY_NAME[name]
    except KeyError:
        known = ", ".join(sorted(KINDS_BY_NAME))
        raise ValueError(
            f"{name!r} is not a kind that is compared; known kinds: {known}."
        ) from None


def get_kinds(names: Iterable[str]) -> frozenset[Kind]:
    """The kinds of these names, as `get_kind` finds each."""
    return frozenset(map(get_kind, names))


def find_kind(group: str, name: str) -> Kind | None:
    """The compared kind of this API group and name, or None."""
    return _KINDS_BY_GROUP_AND_NAME.get((group, name))


def find_listed_kind(group: str, name: str) -> Kind | None:
    """The kind of this API group and name whose live objects are looked at, or None."""
    if (group, name) == (SWITCH_PROFILE.group, SWITCH_PROFILE.name):
        return SWITCH_PROFILE
    return find_kind(group, name)


def find_kinds_in_group(group: str) -> frozenset[Kind]:
    """All compared kinds of an API group; empty for any other group."""
    return frozenset(kind for kind in COMPARED_KINDS if kind.group == group)


def is_hedgehog_group(group: str) -> bool:
    """Whether an API group is one of Hedgehog's, known or not."""
    return group == "githedgehog.com" or group.endswith(".githedgehog.com")


def is_not_compared(group: str, name: str) -> bool:
    """Whether this is a Hedgehog kind that exists, but that nobody writes by hand."""
    return (group, name) in _NOT_COMPARED


def is_made_by_controller(kind: Kind, name: str) -> bool:
    """Whether a controller creates the object of this name by itself."""
    return (kind.name, name) in _MADE_BY_CONTROLLERS


def normalize_namespace(kind: Kind, namespace: str) -> str:
    """The namespace that tells objects of a kind apart, whatever the release calls it."""
    return _NAMESPACE_ALIASES.get((kind.group, namespace), namespace)
