"""Discovery: in which version, and under which plural, an API serves a kind.

Asked only for kinds in Git that this version does not know. Every authenticated account may read discovery,
unless an administrator has removed that default.
Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from collections.abc import Collection
from typing import Final

import msgspec

from activities.kubernetes.paged_lists import CLUSTER_ROLE
from activities.kubernetes.requests import ApiRequests, NotFoundError
from activities.parsing import PARSING
from fabrics.resources.api_json import PARTIAL_LIMITS, ApiDecoder, TooLargeError
from fabrics.resources.kinds import Kind

MAX_VERSIONS: Final = 10
"""Versions of one group that are looked at, the preferred one first."""


class _Version(msgspec.Struct):
    version: str


class _ApiGroup(msgspec.Struct, rename="camel"):
    versions: list[_Version]
    preferred_version: _Version


class _ApiResource(msgspec.Struct):
    name: str
    kind: str
    verbs: list[str]
    namespaced: bool


class _ApiResourceList(msgspec.Struct):
    resources: list[_ApiResource]


_GROUP_DECODER = ApiDecoder(_ApiGroup, "a group", PARTIAL_LIMITS)
_KINDS_DECODER = ApiDecoder(_ApiResourceList, "a list of kinds", PARTIAL_LIMITS)


def find_served_kinds(
    requests: ApiRequests, group: str, names: Collection[str]
) -> dict[str, Kind | None]:
    """Return the kinds of these names that the API serves in a group, by name.

    Each is in the group's preferred version, or else in the first other one that has it; None if its objects
    are in no namespace or cannot be listed. Raises errors as `ApiRequests.get` does, but not for a group or a
    version that is not served.
    """
    found: dict[str, Kind | None] = {}
    for version in _read_versions(requests, group):
        if found.keys() >= set(names):
            break
        for resource in _read_resources(requests, f"{group}/{version}"):
            if resource.kind in names and "/" not in resource.name:
                kind = Kind(group, resource.kind, version, resource.name)
                found.setdefault(resource.kind, kind if _can_be_listed(resource) else None)
    return found


def _can_be_listed(resource: _ApiResource) -> bool:
    """True for objects in namespaces that the API lists."""
    return resource.namespaced and "list" in resource.verbs


def _read_versions(requests: ApiRequests, group: str) -> list[str]:
    api_group = _read(requests, group, _GROUP_DECODER)
    if api_group is None:
        return []
    versions = [api_group.preferred_version, *api_group.versions]
    return list(dict.fromkeys(version.version for version in versions))[:MAX_VERSIONS]


def _read_resources(requests: ApiRequests, api_version: str) -> list[_ApiResource]:
    resource_list = _read(requests, api_version, _KINDS_DECODER)
    return resource_list.resources if resource_list else []


def _read[T](requests: ApiRequests, path: str, decoder: ApiDecoder[T]) -> T | None:
    try:
        body = requests.get(
            f"/apis/{path}",
            {},
            f"the kinds of {path}",
            role=CLUSTER_ROLE,
            max_bytes=PARTIAL_LIMITS.size,
        )
    except NotFoundError:
        return None
    try:
        with PARSING:
            return decoder.decode(body)
    except ValueError as error:
        raise requests.invalid_response_error() from error
    except TooLargeError as error:
        raise requests.too_large_error() from error
