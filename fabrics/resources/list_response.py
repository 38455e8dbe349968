"""Pages of Kubernetes list responses.

Each sync lists all objects, and few of them have changed. So a page is split into its items without
decoding them, and only items with a new resource version are decoded.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import Resource, resource_from_api

DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for anything but JSON of its type."""


@dataclass(frozen=True, slots=True)
class ListResponse:
    """One page: its undecoded items, and the token of the next page ("" if last)."""

    items: tuple[msgspec.Raw, ...]
    continue_token: str

    def parse_resources(
        self, kind: Kind, cached: Mapping[str, Resource], names: Collection[str] | None = None
    ) -> tuple[Resource, ...]:
        """Return the resources of a page of `kind`; where `names` are given, only those.

        `cached` are resources of an earlier list by uid; they are reused where the resource version
        is the same. Raises `ValueError` for an item that is not an object of this kind.
        """
        resources: list[Resource] = []
        try:
            for item in self.items:
                metadata = _METADATA_DECODER.decode(item).metadata
                if names is None or metadata.name in names:
                    resources.append(
                        _find_unchanged(metadata, cached)
                        or resource_from_api(_OBJECT_DECODER.decode(item), kind)
                    )
        except DECODE_ERRORS as error:
            raise ValueError(
                f"The Kubernetes API returned an invalid {kind.name} object: {error}."
            ) from error
        return tuple(resources)


class ListMetadata(msgspec.Struct, rename={"token": "continue"}):
    """The metadata of one page of a list."""

    token: str | None = None

    @property
    def continue_token(self) -> str:
        """The token of the next page; empty on the last one."""
        return self.token or ""


class _KubernetesList(msgspec.Struct):
    kind: str
    metadata: ListMetadata
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


def parse_list_response(data: bytes) -> ListResponse:
    """Parse a list response; raises `ValueError` if `data` is anything else."""
    try:
        page = _LIST_DECODER.decode(data)
    except DECODE_ERRORS as error:
        raise ValueError(f"This is not a list of Kubernetes objects: {error}.") from error
    if not page.kind.endswith("List"):
        raise ValueError(f"This is a {page.kind}, not a list of Kubernetes objects.")
    return ListResponse(tuple(page.items), page.metadata.continue_token)


def _find_unchanged(metadata: _ObjectMetadata, cached: Mapping[str, Resource]) -> Resource | None:
    known = cached.get(metadata.uid) if metadata.uid and metadata.resource_version else None
    return known if known and known.resource_version == metadata.resource_version else None
