"""Pages of Kubernetes list responses.

Each sync lists all objects, and few of them have changed. So a page is split into its items without
decoding them, and only items with a new resource version are decoded.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fabrics.resources.api_json import (
    LIST_LIMITS,
    OBJECT_LIMITS,
    PARTIAL_LIMITS,
    ApiDecoder,
    ListMetadata,
    TooLargeError,
)
from fabrics.resources.kinds import Kind
from fabrics.resources.resource import Resource, resource_from_api


@dataclass(frozen=True, slots=True)
class ListResponse:
    """One page: its undecoded items, and the token of the next page ("" if last)."""

    items: tuple[msgspec.Raw, ...]
    continue_token: str

    def parse_resources(
        self,
        kind: Kind,
        cached: Mapping[str, Resource],
        names: Collection[str] | None = None,
        *,
        max_bytes: float = float("inf"),
    ) -> tuple[Resource, ...]:
        """Return the resources of a page of `kind`; where `names` are given, only those.

        `cached` are resources of an earlier list by uid; they are reused where the resource version
        is the same. Raises `ValueError` for an item that is not an object of this kind, and `TooLargeError` where
        the resources would take more than `max_bytes` of memory.
        """
        resources: list[Resource] = []
        for item in self.items:
            try:
                resource = _parse_item(item, kind, cached, names)
            except (ValueError, RecursionError):
                what = f"an invalid {kind.name} object"
                raise ValueError(f"The Kubernetes API returned {what}.") from None
            if resource:
                resources.append(resource)
                max_bytes -= resource.size
            if max_bytes < 0:
                raise TooLargeError
        return tuple(resources)


class _KubernetesList(msgspec.Struct):
    kind: str
    metadata: ListMetadata
    items: list[msgspec.Raw]


class _ObjectMetadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str | None = None
    uid: str = ""
    resource_version: str = ""


class _KubernetesObject(msgspec.Struct):
    metadata: _ObjectMetadata


_LIST_DECODER = ApiDecoder(_KubernetesList, "a list of Kubernetes objects", LIST_LIMITS)
_METADATA_DECODER = ApiDecoder(_KubernetesObject, "a Kubernetes object", PARTIAL_LIMITS)
_OBJECT_DECODER = ApiDecoder(dict[str, Any], "a Kubernetes object", OBJECT_LIMITS)


def parse_list_response(data: bytes) -> ListResponse:
    """Parse a list response.

    Raises `ValueError` if `data` is anything else, and `TooLargeError`.
    """
    page = _LIST_DECODER.decode(data)
    if not page.kind.endswith("List"):
        raise ValueError("This is an object, not a list of Kubernetes objects.")
    return ListResponse(tuple(page.items), page.metadata.continue_token)


def _parse_item(
    item: msgspec.Raw, kind: Kind, cached: Mapping[str, Resource], names: Collection[str] | None
) -> Resource | None:
    """Return the resource of an item; None if its name is not among `names`."""
    metadata = _METADATA_DECODER.decode(item).metadata
    if names is not None and metadata.name not in names:
        return None
    return _find_unchanged(metadata, cached) or resource_from_api(
        _OBJECT_DECODER.decode(item), kind
    )


def _find_unchanged(metadata: _ObjectMetadata, cached: Mapping[str, Resource]) -> Resource | None:
    known = cached.get(metadata.uid) if metadata.uid and metadata.resource_version else None
    return known if known and known.resource_version == metadata.resource_version else None
