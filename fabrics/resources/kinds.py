"""The kinds of Hedgehog custom resources, and which of them are compared.

Compared are the kinds that people write. Kinds that Hedgehog's own controllers write (`Agent`,
`Catalog`, `VPCInfo`, ...) say nothing about what an operator wants. Only their names are listed
here, to tell "not compared" from "not a Hedgehog kind at all".

A newer release may have more kinds that people write. Where Git defines some, they are compared
too, as far as that is possible without knowing them.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

WIRING_GROUP = "wiring.githedgehog.com"
VPC_GROUP = "vpc.githedgehog.com"
GATEWAY_GROUP = "gateway.githedgehog.com"


class Kind(NamedTuple):
    """One custom resource definition; `plural` is its name in API paths.

    Version and plural are "" for a kind that this version of Fabric Sync does not know: only the
    API says in which version it serves such a kind.
    """

    group: str
    name: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """The `apiVersion` of manifests: `group/version`."""
        return f"{self.group}/{self.version}"

    @property
    def is_known(self) -> bool:
        """True for the kinds in this module."""
        return bool(self.version)


COMPARED_KINDS: tuple[Kind, ...] = (
    Kind(WIRING_GROUP, "Fabric", "v1beta1", "fabrics"),
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
    Kind(VPC_GROUP, "VPCInterconnect", "v1beta1", "vpcinterconnects"),
    Kind(GATEWAY_GROUP, "GatewayGroup", "v1alpha1", "gatewaygroups"),
    Kind(GATEWAY_GROUP, "Gateway", "v1alpha1", "gateways"),
    Kind(GATEWAY_GROUP, "GatewayPeering", "v1alpha1", "gatewaypeerings"),
)
"""The 17 kinds that people write, in the order in which they depend on each other."""

ALL_COMPARED_KINDS: frozenset[Kind] = frozenset(COMPARED_KINDS)

KINDS_BY_NAME = {kind.name: kind for kind in COMPARED_KINDS}

LATER_KINDS = frozenset({KINDS_BY_NAME["Fabric"], KINDS_BY_NAME["VPCInterconnect"]})
"""Kinds that the API of release 26.03 does not serve."""

SWITCH_PROFILE = Kind(WIRING_GROUP, "SwitchProfile", "v1beta1", "switchprofiles")
"""Written by a controller, so not compared; it tells the inventory a switch's ports."""

LISTED_KINDS: tuple[Kind, ...] = (*COMPARED_KINDS, SWITCH_PROFILE)
"""The kinds that are read from a fabric's API."""

_NOT_COMPARED = {
    WIRING_GROUP: ("SwitchProfile", "ServerProfile"),
    GATEWAY_GROUP: ("VPCInfo",),
    "agent.githedgehog.com": ("Agent", "Catalog"),
    "dhcp.githedgehog.com": ("DHCPSubnet",),
    "gwint.githedgehog.com": ("GatewayAgent",),
    "fcint.githedgehog.com": ("FabricController",),
    "fabricator.githedgehog.com": ("Fabricator", "ControlNode", "FabNode"),
}
"""Hedgehog kinds, by API group, that controllers or the installer write, or that nobody uses."""

_GROUPS_THAT_GROW = (WIRING_GROUP, VPC_GROUP, GATEWAY_GROUP)
"""The API groups of the kinds that people write."""

NEVER_COMPARED_GROUPS = frozenset(_NOT_COMPARED) - frozenset(_GROUPS_THAT_GROW)
"""The API groups of controllers and of the installer, whatever kinds a newer release adds there."""

_KNOWN_NAMES = frozenset(KINDS_BY_NAME).union(*_NOT_COMPARED.values())

_KIND_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
"""As in custom resource definitions: a DNS label, in mixed case."""


def get_kind(name: str) -> Kind:
    """Return the compared kind of this name; raises `ValueError` if there is none."""
    if name not in KINDS_BY_NAME:
        names = ", ".join(sorted(KINDS_BY_NAME))
        raise ValueError(f"{name!r} is not a kind to compare; choose from {names}.")
    return KINDS_BY_NAME[name]


def get_kinds(names: Iterable[str]) -> frozenset[Kind]:
    """Return the compared kinds of these names; raises `ValueError` as `get_kind`."""
    return frozenset(map(get_kind, names))


def find_kind(group: str, name: str) -> Kind | None:
    """Return the compared kind of this API group and name, or None."""
    kind = KINDS_BY_NAME.get(name)
    return kind if kind and kind.group == group else None


def find_listed_kind(group: str, name: str) -> Kind | None:
    """Return the kind of this API group and name that is read from the API, or None."""
    return next((kind for kind in LISTED_KINDS if (kind.group, kind.name) == (group, name)), None)


def find_unknown_kind(group: str, name: object) -> Kind | None:
    """Return a kind that people may write and that is not known, or None.

    A known name in another group is a mistake, not an unknown kind.
    """
    if group not in _GROUPS_THAT_GROW or not isinstance(name, str) or name in _KNOWN_NAMES:
        return None
    return Kind(group, name, version="", plural="") if _KIND_NAME.fullmatch(name) else None


def find_kinds_in_group(group: str) -> frozenset[Kind]:
    """Return the compared kinds of an API group; none for other groups."""
    return frozenset(kind for kind in COMPARED_KINDS if kind.group == group)


def is_hedgehog_group(group: str) -> bool:
    """True if an API group is one of Hedgehog's, known here or not."""
    return group == "githedgehog.com" or group.endswith(".githedgehog.com")


def is_not_compared(group: str, name: str) -> bool:
    """True for a Hedgehog kind that exists but that nobody writes by hand."""
    return name in _NOT_COMPARED.get(group, ())


def is_made_by_controller(kind: Kind, name: str) -> bool:
    """True if a controller creates this object, without an owner reference."""
    return (kind.name, name) in {("GatewayGroup", "default"), ("Fabric", "default")}


def normalize_namespace(kind: Kind, namespace: str) -> str:
    """Return a namespace's current name: gateways used to be in `fab`."""
    return "default" if (kind.group, namespace) == (GATEWAY_GROUP, "fab") else namespace
