"""Pages of a Kubernetes list, straight from their bytes.

Between two syncs hardly an object changes, yet each sync reads them all. So a page is cut into its
items without decoding them, and only those whose resource version is new are looked into.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from fabrics.kinds import Kind
from fabrics.resources import Resource, from_api


class Page(NamedTuple):
    """The resources of one page, and the token that continues the list; empty on the last page."""

    resources: tuple[Resource, ...]
    token: str


class _ListMetadata(msgspec.Struct, rename={"token": "continue"}):
    token: str | None = None


class _List(msgspec.Struct):
    kind: str
    metadata: _ListMetadata
    items: list[msgspec.Raw]


class _ObjectMetadata(msgspec.Struct, rename="camel"):
    uid: str = ""
    resource_version: str = ""


class _Object(msgspec.Struct):
    metadata: _ObjectMetadata


_LISTS = msgspec.json.Decoder(_List)
_OBJECTS = msgspec.json.Decoder(_Object)
_ANYTHING = msgspec.json.Decoder(dict[str, Any])


def read_page(data: bytes, kind: Kind, known: Mapping[str, Resource]) -> Page:
    """One page of the list of a kind.

    `known` are resources of an earlier list by uid: one whose resource version is still the same
    has not changed, and is taken as it is. Raises `ValueError` for anything but such a page.
    """
    try:
        page = _LISTS.decode(data)
        if not page.kind.endswith("List"):
            raise ValueError(f"This is a {page.kind}, not a list of {kind.plural}.")
        return Page(
            tuple(
                _known(item, known) or from_api(_ANYTHING.decode(item), kind) for item in page.items
            ),
            page.metadata.token or "",
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"This is no list of {kind.plural}: {error}.") from error


def _known(item: msgspec.Raw, known: Mapping[str, Resource]) -> Resource | None:
    metadata = _OBJECTS.decode(item).metadata
    found = known.get(metadata.uid)
    unchanged = found and found.resource_version == metadata.resource_version != ""
    return found if unchanged and metadata.uid else None
