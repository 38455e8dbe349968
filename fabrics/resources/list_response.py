"""Pages of a Kubernetes list, straight from their bytes.

Between two syncs hardly an object changes, yet each sync reads them all. So a page is cut into its
items without decoding them, and only those whose resource version is new are looked into.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import Resource, from_api


@dataclass(frozen=True, slots=True)
class Page:
    """The items of one page, as bytes, and the token that continues the list; empty at its end."""

    items: tuple[msgspec.Raw, ...]
    token: str

    def resources(
        self, kind: Kind, known: Mapping[str, Resource], names: Collection[str] | None = None
    ) -> tuple[Resource, ...]:
        """The resources of a kind in the page; where `names` are given, those alone.

        `known` are resources of an earlier list by uid: one whose resource version is still the
        same has not changed, and is taken as it is. Raises `ValueError` for an item that is no
        object.
        """
        try:
            return tuple(self._read(kind, known, names))
        except _BAD_JSON as error:
            raise ValueError(
                f"The Kubernetes API gave a {kind.name} that is none: {error}."
            ) from error

    def _read(
        self, kind: Kind, known: Mapping[str, Resource], names: Collection[str] | None
    ) -> Iterator[Resource]:
        for item in self.items:
            metadata = _OBJECTS.decode(item).metadata
            if names is None or metadata.name in names:
                yield _known(metadata, known) or from_api(_ANYTHING.decode(item), kind)


class _ListMetadata(msgspec.Struct, rename={"token": "continue"}):
    token: str | None = None


class _List(msgspec.Struct):
    kind: str
    metadata: _ListMetadata
    items: list[msgspec.Raw]


class _ObjectMetadata(msgspec.Struct, rename="camel"):
    name: str = ""
    uid: str = ""
    resource_version: str = ""


class _Object(msgspec.Struct):
    metadata: _ObjectMetadata


_LISTS = msgspec.json.Decoder(_List)
_OBJECTS = msgspec.json.Decoder(_Object)
_ANYTHING = msgspec.json.Decoder(dict[str, Any])
_BAD_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_page(data: bytes) -> Page:
    """The page in the answer to a list request. Raises `ValueError` for any other answer."""
    try:
        page = _LISTS.decode(data)
    except _BAD_JSON as error:
        raise ValueError(f"This is no list of Kubernetes objects: {error}.") from error
    if not page.kind.endswith("List"):
        raise ValueError(f"This is a {page.kind}, not a list of Kubernetes objects.")
    return Page(tuple(page.items), page.metadata.token or "")


def _known(metadata: _ObjectMetadata, known: Mapping[str, Resource]) -> Resource | None:
    found = known.get(metadata.uid) if metadata.uid and metadata.resource_version else None
    return found if found and found.resource_version == metadata.resource_version else None
