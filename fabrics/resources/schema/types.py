"""Schema types: how values of custom resource fields are normalized and compared.

Go marshals a struct with all its empty fields, a webhook sorts some lists, and `E1/1` is another
name of `E1/1/1`. `normalize` brings values that mean the same into one form; `diff` compares two
normalized values and names the fields that differ.

Empty values (`{}`, `[]`, `""`, false, 0) are dropped from structs, where Go does not tell them from
absent ones, and nowhere else: in a map every key counts. Fields in which Go does tell them apart
are marked `keep_empty`. JSON null is an absent value everywhere, so None stands for "absent".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Final

from fabrics.resources.field_paths import join_field, join_item
from fabrics.resources.json_types import Json
from fabrics.resources.schema.base import (
    Difference,
    DifferenceReason,
    SchemaType,
    dump_sorted_json,
    is_same_json,
)
from fabrics.resources.schema.unknown import UNKNOWN_FIELD

_LEFT_TO_INSTALLER = DifferenceReason.LEFT_TO_INSTALLER

MAX_ALIGNED_PAIRS: Final = 100_000
"""Pairs of elements that are compared to find those that belong together. Twice as many elements take four times the
time; two lists of 300 take less than a tenth of a second."""


@dataclass(frozen=True, kw_only=True)
class KnownType(SchemaType):
    """A type with a structure; values of another one are compared as unknown."""

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        if self.drop_unknown(desired) is None and self.drop_unknown(live) is None:
            yield from UNKNOWN_FIELD.diff(path, desired, live)
        elif not is_same_json(desired, live):
            yield self.differ(path, desired, live)


@dataclass(frozen=True, kw_only=True)
class Scalar(KnownType):
    """A string, number or boolean; `canonicalize` unifies the spellings of a string."""

    canonicalize: Callable[[str], str] = str

    def normalize(self, value: Json) -> Json:
        return (
            self.canonicalize(value) if isinstance(value, str) else UNKNOWN_FIELD.normalize(value)
        )


@dataclass(frozen=True)
class Struct(KnownType):
    """Named fields; an empty field equals an absent one, except with `keep_empty`."""

    fields: Mapping[str, SchemaType] = field(default_factory=dict)

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return UNKNOWN_FIELD.normalize(value)
        result: dict[str, Json] = {}
        for name, field_value in value.items():
            schema = self.fields.get(name, UNKNOWN_FIELD)
            normalized = None if field_value is None else schema.normalize(field_value)
            if is_stored(schema, normalized):
                result[name] = normalized
        return result

    def drop_unknown(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return None
        result: dict[str, Json] = {}
        for name in value.keys() & self.fields.keys():
            schema = self.fields[name]
            known = schema.drop_unknown(value[name])
            if is_stored(schema, known):
                result[name] = known
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
                yield Difference(field_path, None, cluster[name], _LEFT_TO_INSTALLER)
                continue
            for difference in schema.diff(field_path, git.get(name), cluster.get(name)):
                is_compared = not schema.ephemeral
                yield difference if is_compared else difference._replace(reason=_LEFT_TO_INSTALLER)


def is_stored(schema: SchemaType, value: Json) -> bool:
    """True unless Go leaves out the field of a struct with this value."""
    return bool(value) or (schema.keep_empty and value is not None)


@dataclass(frozen=True)
class Map(KnownType):
    """A map whose keys people choose; an entry with an empty value still counts."""

    value_type: SchemaType
    canonicalize_key: Callable[[str], str] = field(default=str, kw_only=True)

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return UNKNOWN_FIELD.normalize(value)
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

    def drop_unknown(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return None
        return {name: self.value_type.drop_unknown(entry) for name, entry in value.items()}

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        git, cluster = (desired, live) if self.keep_empty else (desired or {}, live or {})
        if not isinstance(git, dict) or not isinstance(cluster, dict):
            yield from super().diff(path, desired, live)
            return
        yield from _diff_entries(self.value_type, path, join_field, git, cluster)


@dataclass(frozen=True)
class AtomicList(KnownType):
    """A list whose order matters."""

    item_type: SchemaType

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, list):
            return UNKNOWN_FIELD.normalize(value)
        return [_normalize_item(self.item_type, item) for item in value]

    def drop_unknown(self, value: Json) -> Json:
        return _drop_unknown_in_items(self.item_type, value)

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        if not isinstance(desired, list) or not isinstance(live, list):
            yield from super().diff(path, desired, live)
            return
        # Elements belong together by what is known of them.
        texts = [_dump_known_items(self.item_type, items) for items in (desired, live)]
        for start, end, live_start, live_end in _align(*texts):
            # Blocks are compared pair by pair; the rest of the longer one has no pair.
            pairs = min(end - start, live_end - live_start)
            for index, live_item in zip(
                range(start, start + pairs), live[live_start:], strict=False
            ):
                yield from self.item_type.diff(join_item(path, index), desired[index], live_item)
            for index in range(start + pairs, end):
                yield self.item_type.differ(join_item(path, index), desired[index], None)
            for index in range(live_start + pairs, live_end):
                yield self.item_type.differ(join_item(path, index), None, live[index])


def _align(git: list[str], cluster: list[str]) -> list[tuple[int, int, int, int]]:
    """Return the blocks of two lists that belong together: start and end in both.

    Elements of long lists belong together by their places.
    """
    if len(git) * len(cluster) > MAX_ALIGNED_PAIRS:
        return [(0, len(git), 0, len(cluster))]
    matcher = SequenceMatcher(None, git, cluster, autojunk=False)
    return [(start, end, first, last) for _, start, end, first, last in matcher.get_opcodes()]


@dataclass(frozen=True)
class Set(KnownType):
    """A list whose order does not matter; repeated elements do."""

    item_type: SchemaType

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, list):
            return UNKNOWN_FIELD.normalize(value)
        return sorted(
            (_normalize_item(self.item_type, item) for item in value), key=dump_sorted_json
        )

    def drop_unknown(self, value: Json) -> Json:
        return _drop_unknown_in_items(self.item_type, value)

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        git, cluster = (self._sort_by_known(value) for value in (desired, live))
        if not git or not cluster or [text for text, _ in git] != [text for text, _ in cluster]:
            yield from super().diff(path, desired, live)
            return
        for index, ((_, git_item), (_, live_item)) in enumerate(zip(git, cluster, strict=True)):
            yield from self.item_type.diff(join_item(path, index), git_item, live_item)

    def _sort_by_known(self, value: Json) -> list[tuple[str, Json]] | None:
        """Return a set's elements, each with what is known of it, sorted by that."""
        if not isinstance(value, list):
            return None
        texts = _dump_known_items(self.item_type, value)
        return sorted(zip(texts, value, strict=True), key=lambda pair: pair[0])


@dataclass(frozen=True)
class ListMap(Set):
    """A list of structs that `key` identifies, whatever their order."""

    key: Callable[[Mapping[str, Json]], str]

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        git, cluster = self.index_by_key(desired or []), self.index_by_key(live or [])
        if git is None or cluster is None:
            yield from super().diff(path, desired, live)
            return
        yield from _diff_entries(self.item_type, path, join_item, git, cluster)

    def index_by_key(self, value: Json) -> dict[str, Json] | None:
        """Return the elements by key; None unless all are structs with unique keys."""
        if not isinstance(value, list):
            return None
        items: dict[str, Json] = {}
        for item in value:
            known = self.item_type.drop_unknown(item)
            if isinstance(known, dict):
                items[self.key(known)] = item
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
            yield schema.differ(join(path, key), desired.get(key), live.get(key))


def _drop_unknown_in_items(item_type: SchemaType, value: Json) -> Json:
    return [item_type.drop_unknown(item) for item in value] if isinstance(value, list) else None


def _dump_known_items(item_type: SchemaType, items: list[Json]) -> list[str]:
    return [dump_sorted_json(item_type.drop_unknown(item)) for item in items]


def _normalize_item(schema_type: SchemaType, value: Json) -> Json:
    """Normalize an element of a list; Go reads null as an empty struct or map."""
    if value is None and isinstance(schema_type, Struct | Map):
        return {}
    return schema_type.normalize(value)
