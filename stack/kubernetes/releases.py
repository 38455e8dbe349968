"""The releases of Hedgehog that an emulated API plays, and the kinds of each."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from enum import Enum
from typing import Any, Final

from fabrics.agents.table import AGENT, GATEWAY_AGENT
from fabrics.resources.kinds import LATER_KINDS, LISTED_KINDS, Kind, get_kind
from stack.kubernetes.manifests import Manifest
from stack.kubernetes.topology import add_topology

FABRIC: Final = get_kind("Fabric")
VPC_INTERCONNECT: Final = get_kind("VPCInterconnect")

AGENT_KINDS: Final = (AGENT, GATEWAY_AGENT)

_NEXT_KINDS: Final = (*LISTED_KINDS, *AGENT_KINDS)
_CURRENT_KINDS: Final = tuple(kind for kind in _NEXT_KINDS if kind not in LATER_KINDS)

DEFAULT_FABRIC: Final[Manifest] = {
    "apiVersion": FABRIC.api_version,
    "kind": FABRIC.name,
    "metadata": {"name": "default", "namespace": "default"},
    "spec": {
        "leafASNStart": 65101,
        "leafASNEnd": 65533,
        "domains": {"default": {"spineASN": 65100, "gatewayASN": 65534}},
    },
}
"""What the controller makes after an upgrade, of the numbers of a fabric without a Fabric."""


class HedgehogRelease(Enum):
    """A release of Hedgehog.

    Its API serves `kinds`, and `admit` returns the object that its webhooks make of a manifest. The
    controller makes `initial_objects` after an upgrade if there are none of their kind.
    """

    CURRENT = _CURRENT_KINDS, deepcopy, ()
    NEXT = _NEXT_KINDS, add_topology, (DEFAULT_FABRIC,)

    def __init__(
        self,
        kinds: tuple[Kind, ...],
        admit: Callable[[Manifest], Manifest],
        initial_objects: tuple[Manifest, ...],
    ) -> None:
        self.kinds = kinds
        self.admit = admit
        self.initial_objects = initial_objects


def get_served_kind(manifest: Mapping[str, Any]) -> Kind:
    """Return a manifest's kind. Raises ValueError for one that no release serves."""
    group, _, _ = str(manifest["apiVersion"]).rpartition("/")
    for kind in HedgehogRelease.NEXT.kinds:
        if (kind.group, kind.name) == (group, manifest["kind"]):
            return kind
    raise ValueError(f"The kind {manifest['kind']} of {manifest['apiVersion']} is not served.")
