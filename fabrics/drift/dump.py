"""The live state in a file, as `kubectl get ... -o json` prints it."""

from fabrics.drift.model import LiveState, UnknownKindObjects
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, find_listed_kind, find_unknown_kind
from fabrics.resources.resource import Resource, resource_from_api


def parse_dump(dump: Json) -> LiveState:
    """Parse a list of objects, or a single one; objects of foreign kinds are ignored.

    A kind without objects in the dump may have none or may not have been listed. Unless the whole
    list is of that kind, it counts as not read, so that nothing of it is called missing. Raises
    `ValueError` if `dump` is not such a list or object.
    """
    items = dump.get("items", [dump]) if isinstance(dump, dict) else None
    if not isinstance(dump, dict) or not isinstance(items, list):
        raise ValueError(_NOT_A_LIST)
    # The items of a typed list (`VPCList`) do not repeat apiVersion and kind.
    item_type = {
        "apiVersion": dump.get("apiVersion"),
        "kind": str(dump.get("kind")).removesuffix("List"),
    }
    list_kind = _find_kind(item_type)
    resources: dict[Kind, list[Resource]] = {list_kind: []} if list_kind else {}
    for item in items:
        if not isinstance(item, dict):
            raise ValueError(_NOT_A_LIST)
        if kind := _find_kind(item_type | item):
            resources.setdefault(kind, []).append(resource_from_api(item, kind))
    lists = {kind: tuple(listed) for kind, listed in resources.items()}
    return LiveState(
        {kind: listed for kind, listed in lists.items() if kind.is_known},
        unknown_kinds={
            kind: UnknownKindObjects(listed) for kind, listed in lists.items() if not kind.is_known
        },
    )


_NOT_A_LIST = "This is not a list of Kubernetes objects; write one with `kubectl get ... -o json`."


def _find_kind(item: dict[str, Json]) -> Kind | None:
    group, name = str(item.get("apiVersion")).rpartition("/")[0], str(item.get("kind"))
    return find_listed_kind(group, name) or find_unknown_kind(group, name)
