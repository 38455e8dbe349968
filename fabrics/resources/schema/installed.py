"""Drops what the installer fills in where Git does not state it."""

from collections.abc import Mapping

from fabrics.resources.json_types import Json
from fabrics.resources.schema.base import SchemaType
from fabrics.resources.schema.types import ListMap, Map, Struct, is_stored
from fabrics.resources.schema.unknown import UNKNOWN_FIELD


def drop_installed(schema: SchemaType, live: Json, git: Json) -> Json:
    """Return a normalized live value with only what `git`, normalized too, may state.

    Fields that are never compared are dropped, too.
    """
    match schema:
        case Struct() if isinstance(live, dict):
            return _drop_in_struct(schema, live, git if isinstance(git, dict) else {})
        case Map() if isinstance(live, dict):
            stated = git if isinstance(git, dict) else {}
            return {
                name: drop_installed(schema.value_type, entry, stated.get(name))
                for name, entry in live.items()
            }
        case ListMap():
            items, stated = schema.index_by_key(live), schema.index_by_key(git) or {}
            if items is not None:
                return [
                    _drop_in_item(schema, key, item, stated.get(key)) for key, item in items.items()
                ]
    return live


def _drop_in_item(schema: ListMap, key: str, item: Json, git: Json) -> Json:
    """Return an element without what the installer fills in, if its key stays."""
    kept = drop_installed(schema.item_type, item, git)
    # An end of a link that has lost its port has only its address left, and the key names both ends.
    return kept if schema.index_by_key([kept]) == {key: kept} else item


def _drop_in_struct(
    schema: Struct, live: Mapping[str, Json], git: Mapping[str, Json]
) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for name, value in live.items():
        field = schema.fields.get(name, UNKNOWN_FIELD)
        if field.ephemeral or (field.hydrated and name not in git):
            continue
        kept = drop_installed(field, value, git.get(name))
        if is_stored(field, kept):
            result[name] = kept
    return result
