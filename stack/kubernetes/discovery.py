"""The discovery documents of a Kubernetes API: groups, versions and resources.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#unaggregated-discovery
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

from fabrics.resources.kinds import Kind

type Document = dict[str, Any]

_VERBS: Final = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
_STATUS_VERBS: Final = ["get", "patch", "update"]


def make_group_list(kinds: Collection[Kind]) -> Document:
    """Return the document of `/apis`."""
    groups = dict.fromkeys(kind.group for kind in kinds)
    described = [_describe_group(kinds, group) for group in groups]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": described}


def make_group(kinds: Collection[Kind], group: str) -> Document | None:
    """Return the document of `/apis/<group>`, or None if no kind is in it."""
    if all(kind.group != group for kind in kinds):
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_describe_group(kinds, group)}


def make_resource_list(kinds: Iterable[Kind], group: str, version: str) -> Document | None:
    """Return the document of `/apis/<group>/<version>`, or None if no kind is in it."""
    served = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
    if not served:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}",
        "resources": [
            resource
            for kind in sorted(served, key=lambda kind: kind.plural)
            for resource in (_describe_kind(kind), _describe_status(kind))
        ],
    }


def _describe_group(kinds: Iterable[Kind], group: str) -> Document:
    names = dict.fromkeys(kind.version for kind in kinds if kind.group == group)
    versions = [{"groupVersion": f"{group}/{name}", "version": name} for name in names]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _describe_kind(kind: Kind) -> Document:
    return {
        "name": kind.plural,
        "singularName": kind.name.lower(),
        "namespaced": True,
        "kind": kind.name,
        "verbs": _VERBS,
    }


def _describe_status(kind: Kind) -> Document:
    return {
        "name": f"{kind.plural}/status",
        "singularName": "",
        "namespaced": True,
        "kind": kind.name,
        "verbs": _STATUS_VERBS,
    }
