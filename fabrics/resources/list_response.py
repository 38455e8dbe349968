"""Pages of a Kubernetes list, straight from their bytes.

Between two syncs hardly an object changes, yet each sync reads them all. So a page is cut into its
items without decoding them, and only those whose resource version is new are looked into.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import Resource, resource_from_api


@dataclass(frozen=True, slots=True)
class ListResponse:
    """The items of one page, as bytes, and the token that continues the list; empty at its end."""

    items: tuple[msgspec.Raw, ...]
    continue_token: str

    def parse_resources(
        self, kind: Kind, cached: Mapping[str, Resource], names: Collection[str] | None = None
    ) -> tuple[Resource, ...]:
        """The resources of a kind in the page; where `names` are given, those alone.

        `known` are resources of an earlier list by uid: one whose resource version is still the
        same has not changed, and is taken as it is. Raises `ValueError` for an item that is no
        object.
        """
        try:
            return tuple(self._iter_resources(kind, cached, names))
        except _DECODE_ERRORS as error:
            raise ValueError(
                f"The Kubernetes API gave a {kind.name} that is none: {error}."
            ) from error

    def _iter_resources(
        self, kind: Kind, cached: Mapping[str, Resource], names: Collection[str] | None
    ) -> Iterator[Resource]:
        for item in self.items:
            metadata = _METADATA_DECODER.decode(item).metadata
            if names is None or metadata.name in names:
                yield _find_unchanged(metadata, cached) or resource_from_api(
                    _OBJECT_DECODER.decode(item), kind
                )


class _ListMetadata(msgspec.Struct, rename={"token": "continue"}):
    token: str | None = None


class _KubernetesList(msgspec.Struct):
    kind: str
    metadata: _ListMetadata
    items: list[msgspec.Raw]


class _ObjectMetadata(msgspec.Struct, rename="camel"):
    name: str = ""
    uid: str = ""
    resource_version: str = ""


class _KubernetesObject(msgspec.Struct):
    metadata: _ObjectMetadata


_LIST_DECODER = msgspec.json.Decoder(_KubernetesList)
_METADATA_DECODER = msgspec.json.Decoder(_KubernetesObject)
_OBJECT_DECODER = msgspec.json.Decoder(dict[str, Any])
_DECODE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def parse_list_response(data: bytes) -> ListResponse:
    """The page in the answer to a list request. Raises `ValueError` for any other answer."""
    try:
        page = _LIST_DECODER.decode(data)
    except _DECODE_ERRORS as error:
        raise ValueError(f"This is no list of Kubernetes objects: {error}.") from error
    if not page.kind.endswith("List"):
        raise ValueError(f"This is a {page.kind}, not a list of Kubernetes objects.")
    return ListResponse(tuple(page.items), page.metadata.token or "")


def _find_unchanged(metadata: _ObjectMetadata, cached: Mapping[str, Resource]) -> Resource | None:
    found = cached.get(metadata.uid) if metadata.uid and metadata.resource_version else None
    return found if found and found.resource_version == metadata.resource_version else None
