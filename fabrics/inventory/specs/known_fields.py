"""The known fields of JSON that the inventory shows as it is.

A field that no schema knows may hold anything, also a secret: it does not reach NetBox.
"""

from functools import partial

from pydantic import BeforeValidator

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from fabrics.resources.schema import get_spec_schema
from fabrics.resources.schema.base import SchemaType
from fabrics.resources.schema.types import AtomicList, Map, Set, Struct


def omit_unknown_fields(kind: str, field: str) -> BeforeValidator:
    """Return a validator that omits what is unknown in one field of a kind's spec.

    It takes the value of the field, or an entry of it if that is a map or a list.
    """
    schema = get_spec_schema(get_kind(kind)).fields[field]
    return BeforeValidator(partial(_keep_known_fields, schema=_get_entry_schema(schema)))


def _get_entry_schema(schema: SchemaType) -> SchemaType:
    match schema:
        case Map(entry) | AtomicList(entry) | Set(entry):
            return entry
    return schema


def _keep_known_fields(value: Json, schema: SchemaType) -> Json:
    if isinstance(value, dict) and isinstance(schema, Struct):
        fields = schema.fields
        return {n: _keep_known_fields(v, fields[n]) for n, v in value.items() if n in fields}
    entry = _get_entry_schema(schema)
    if isinstance(value, dict) and isinstance(schema, Map):
        return {name: _keep_known_fields(item, entry) for name, item in value.items()}
    if isinstance(value, list) and isinstance(schema, AtomicList | Set):
        return [_keep_known_fields(item, entry) for item in value]
    return None if isinstance(value, dict | list) else value
