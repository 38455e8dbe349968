"""Schema types: how values of custom resource fields are normalized and compared.

Go marshals a struct with all its empty fields, a webhook sorts some lists, and `E1/1` is another
name of `E1/1/1`. `normalize` brings values that mean the same into one form; `diff` compares two
normalized values and names the fields that differ.

Empty values (`{}`, `[]`, `""`, false, 0) are dropped from structs, where Go does not tell them from
absent ones, and nowhere else: in a map every key counts. Fields in which Go does tell them apart
are marked `keep_empty`. JSON null is an absent value everywhere, so None stands for "absent".
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

from fabrics.resources.field_paths import join_field, join_item
from fabrics.resources.json_types import Json


class Difference(NamedTuple):
    """One field that differs; unless `managed`, Git leaves its value to others."""

    path: str
    desired: Json
    live: Json
    managed: bool = True


@dataclass(frozen=True, kw_only=True)
class SchemaType:
    """The base type, for fields of unknown structure: they are compared as a whole.

    `keep_empty`: an empty value differs from an absent one. `hydrated`: the installer sets the
    field where Git does not, so it is compared only where Git does. `ephemeral`: never compared.
    """

    keep_empty: bool = False
    hydrated: bool = False
    ephemeral: bool = False

    def normalize(self, value: Json) -> Json:
        """Return the one form of all values that mean the same."""
        return value

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        """Yield the fields at or below `path` in which two normalized values differ."""
        if not is_same_json(desired, live):
            yield Difference(path, desired, live)


@dataclass(frozen=True, kw_only=True)
class Scalar(SchemaType):
    """A string, number or boolean; `canonicalize` unifies the spellings of a string."""

    canonicalize: Callable[[str], str] = str

    def normalize(self, value: Json) -> Json:
        return self.canonicalize(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Struct(SchemaType):
    """Named fields; an empty field equals an absent one, except with `keep_empty`."""

    fields: Mapping[str, SchemaType] = field(default_factory=dict)

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        result: dict[str, Json] = {}
        for name, field_value in value.items():
            schema = self.fields.get(name, UNKNOWN_FIELD)
            normalized = None if field_value is None else schema.normalize(field_value)
            if normalized or (schema.keep_empty and normalized is not None):
                result[name] = normalized
        return result

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        # Without `keep_empty`, an absent struct equals an empty one: report the fields within it.
        git, cluster = (desired, live) if self.keep_empty else (desired or {}, live or {})
        if not isinstance(git, dict) or not isinstance(cluster, dict):
            yield from super().diff(path, desired, live)
            return
        for name in sorted(git.keys() | cluster.keys()):
            schema = self.fields.get(name, UNKNOWN_FIELD)
            field_path = join_field(path, name)
            if schema.hydrated and name not in git:
                yield Difference(field_path, None, cluster[name], managed=False)
                continue
            for difference in schema.diff(field_path, git.get(name), cluster.get(name)):
                yield difference._replace(managed=False) if schema.ephemeral else difference


@dataclass(frozen=True)
class Map(SchemaType):
    """A map whose keys people choose; an entry with an empty value still counts."""

    value_type: SchemaType
    canonicalize_key: Callable[[str], str] = field(default=str, kw_only=True)

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        # Go reads null as an empty struct, and as nothing where another type belongs.
        empty: Json = {} if isinstance(self.value_type, Struct) else None
        entries: dict[str, Json] = {}
        for name, entry in value.items():
            normalized = empty if entry is None else self.value_type.normalize(entry)
            if normalized is not None:
                entries[name] = normalized
        renamed: dict[str, Json] = {
            self.canonicalize_key(name): entry for name, entry in entries.items()
        }
        return renamed if len(renamed) == len(entries) else entries

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        git, cluster = (desired, live) if self.keep_empty else (desired or {}, live or {})
        if not isinstance(git, dict) or not isinstance(cluster, dict):
            yield from super().diff(path, desired, live)
            return
        yield from _diff_entries(self.value_type, path, join_field, git, cluster)


@dataclass(frozen=True)
class AtomicList(SchemaType):
    """A list whose order matters."""

    item_type: SchemaType

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, list):
            return value
        return [_normalize_item(self.item_type, item) for item in value]

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        if not isinstance(desired, list) or not isinstance(live, list):
            yield from super().diff(path, desired, live)
            return
        texts = [list(map(dump_sorted_json, items)) for items in (desired, live)]
        matcher = SequenceMatcher(None, texts[0], texts[1], autojunk=False)
        for change, start, end, live_start, live_end in matcher.get_opcodes():
            if change == "equal":
                continue
            # Changed blocks are compared pair by pair; the rest of the longer one has no pair.
            pairs = min(end - start, live_end - live_start)
            for index, live_item in zip(
                range(start, start + pairs), live[live_start:], strict=False
            ):
                yield from self.item_type.diff(join_item(path, index), desired[index], live_item)
            for index in range(start + pairs, end):
                yield Difference(join_item(path, index), desired[index], None)
            for index in range(live_start + pairs, live_end):
                yield Difference(join_item(path, index), None, live[index])


@dataclass(frozen=True)
class Set(SchemaType):
    """A list whose order does not matter; repeated elements do."""

    item_type: SchemaType

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, list):
            return value
        return sorted(
            (_normalize_item(self.item_type, item) for item in value), key=dump_sorted_json
        )


@dataclass(frozen=True)
class ListMap(Set):
    """A list of structs that `key` identifies, whatever their order."""

    key: Callable[[Mapping[str, Json]], str]

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        git, cluster = self._index_by_key(desired or []), self._index_by_key(live or [])
        if git is None or cluster is None:
            yield from super().diff(path, desired, live)
            return
        yield from _diff_entries(self.item_type, path, join_item, git, cluster)

    def _index_by_key(self, value: Json) -> dict[str, Json] | None:
        """Return the elements by key; None unless all are structs with unique keys."""
        if not isinstance(value, list):
            return None
        items: dict[str, Json] = {self.key(item): item for item in value if isinstance(item, dict)}
        return items if len(items) == len(value) else None


def _diff_entries(
    schema: SchemaType,
    path: str,
    join: Callable[[str, str], str],
    desired: Mapping[str, Json],
    live: Mapping[str, Json],
) -> Iterator[Difference]:
    """Compare entries by key; an entry of one side alone differs as a whole."""
    for key in sorted(desired.keys() | live.keys()):
        if key in desired and key in live:
            yield from schema.diff(join(path, key), desired[key], live[key])
        else:
            yield Difference(join(path, key), desired.get(key), live.get(key))


def _normalize_item(schema_type: SchemaType, value: Json) -> Json:
    """Normalize an element of a list; Go reads null as an empty struct or map."""
    if value is None and isinstance(schema_type, Struct | Map):
        return {}
    return schema_type.normalize(value)


UNKNOWN_FIELD = SchemaType()
"""The type of fields that have no row in the schemas."""


dump_sorted_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""Dump a value as JSON with sorted keys, which tells 1, 1.0, true and "1" apart."""


def is_same_json(desired: Json, live: Json) -> bool:
    """True if two values are the same JSON; to Python, 1, 1.0 and true are equal."""
    return desired == live and dump_sorted_json(desired) == dump_sorted_json(live)
