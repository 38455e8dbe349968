"""The live state from a file, as `kubectl get ... -o json` prints it."""

from fabrics.drift.model import LiveState
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, find_listed_kind
from fabrics.resources.resource import Resource, resource_from_api


def parse_dump(dump: Json) -> LiveState:
    """The live state in a list of objects, or in a single one; kinds that nobody looks at are passed over.

    A kind without any object may have none, or may not have been listed: unless the whole list is
    of that kind it is left out, so that nothing of it is called missing. Raises `ValueError` when
    this is no such file.
    """
    if not isinstance(dump, dict):
        raise ValueError(_NOT_A_LIST)
    stated = {"apiVersion": dump.get("apiVersion"), "kind": _item_kind(dump)}
    listed = _find_kind(stated)
    found: dict[Kind, list[Resource]] = {listed: []} if listed else {}
    for item in _get_items(dump):
        # The items of a typed list (`VPCList`) do not repeat their kind.
        if kind := _find_kind(stated | item):
            found.setdefault(kind, []).append(resource_from_api(item, kind))
    return LiveState({kind: tuple(resources) for kind, resources in found.items()})


_NOT_A_LIST = "This is no list of objects; write one with `kubectl get ... -o json`."


def _item_kind(dump: dict[str, Json]) -> str:
    return str(dump.get("kind")).removesuffix("List")


def _get_items(dump: dict[str, Json]) -> list[dict[str, Json]]:
    items = dump.get("items", [dump])
    objects = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    if not isinstance(items, list) or len(objects) != len(items):
        raise ValueError(_NOT_A_LIST)
    return objects


def _find_kind(item: dict[str, Json]) -> Kind | None:
    return find_listed_kind(str(item.get("apiVersion")).rpartition("/")[0], str(item.get("kind")))
