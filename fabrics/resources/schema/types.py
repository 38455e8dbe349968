"""The shapes of custom resource fields: what in a value means something, and how two values differ.

Go marshals a struct with all its empty fields, a web hook sorts some lists, and `E1/1` is another
name of `E1/1/1`. A shape knows such things about one field. `normalize` brings a value into the one form
that all equal values share; `differences` compares two normal values and names the fields.

Empty values (`{}`, `[]`, `""`, false, 0) are dropped from structs, where Go does not tell them from
absent ones, and nowhere else: in a map every key counts. Fields that Go does tell apart are `kept`.
JSON null is an absent value everywhere, so None stands for "absent".
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

from fabrics.resources.field_paths import join_field, join_item
from fabrics.resources.json_types import Json


class Difference(NamedTuple):
    """One field that differs; one that is not `managed` is left to others than Git."""

    path: str
    desired: Json
    live: Json
    managed: bool = True


@dataclass(frozen=True, kw_only=True)
class SchemaType:
    """A field of which nothing is known: compared as a whole.

    `kept`: an empty value is told from an absent one. `hydrated`: filled by the installer where Git
    is silent, so compared only where Git states it. `ephemeral`: set for a moment, never compared.
    """

    keep_empty: bool = False
    hydrated: bool = False
    ephemeral: bool = False

    def normalize(self, value: Json) -> Json:
        """The form that all equal values share."""
        return value

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        """The fields at or below `path` in which two normal values differ."""
        if not is_same_json(desired, live):
            yield Difference(path, desired, live)


@dataclass(frozen=True, kw_only=True)
class Scalar(SchemaType):
    """A text, number or boolean. `canonicalize` maps the texts that mean the same to one of them."""

    canonicalize: Callable[[str], str] | None = None

    def normalize(self, value: Json) -> Json:
        return self.canonicalize(value) if self.canonicalize and isinstance(value, str) else value


@dataclass(frozen=True)
class Struct(SchemaType):
    """Named fields, of which the empty ones mean nothing unless they are kept."""

    fields: Mapping[str, SchemaType] = field(default_factory=dict)

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        result: dict[str, Json] = {}
        for name, each in value.items():
            shape = self.fields.get(name, UNKNOWN_FIELD)
            found = None if each is None else shape.normalize(each)
            if found or (shape.keep_empty and found is not None):
                result[name] = found
        return result

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        # A struct that is not kept is there even when it is absent: name the fields within it.
        ours, theirs = (desired, live) if self.keep_empty else (desired or {}, live or {})
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            yield from super().diff(path, desired, live)
            return
        for name in sorted(ours.keys() | theirs.keys()):
            shape = self.fields.get(name, UNKNOWN_FIELD)
            here = join_field(path, name)
            if shape.hydrated and name not in ours:
                yield Difference(here, None, theirs[name], managed=False)
                continue
            for found in shape.diff(here, ours.get(name), theirs.get(name)):
                yield found._replace(managed=False) if shape.ephemeral else found


@dataclass(frozen=True)
class Map(SchemaType):
    """Keys that people choose; an entry with an empty value is still an entry."""

    value_type: SchemaType
    canonicalize_key: Callable[[str], str] | None = field(default=None, kw_only=True)

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        # An entry without a value is what Go makes of it: an empty struct, or nothing.
        empty: Json = {} if isinstance(self.value_type, Struct) else None
        entries: dict[str, Json] = {}
        for name, each in value.items():
            found = empty if each is None else self.value_type.normalize(each)
            if found is not None:
                entries[name] = found
        return self._canonicalize_keys(entries) if self.canonicalize_key else entries

    def _canonicalize_keys(self, entries: dict[str, Json]) -> Json:
        rename = self.canonicalize_key or str
        renamed = {rename(name): each for name, each in entries.items()}
        return renamed if len(renamed) == len(entries) else entries

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        ours, theirs = (desired, live) if self.keep_empty else (desired or {}, live or {})
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            yield from super().diff(path, desired, live)
            return
        for name in sorted(ours.keys() | theirs.keys()):
            if name in ours and name in theirs:
                yield from self.value_type.diff(join_field(path, name), ours[name], theirs[name])
            else:
                yield Difference(join_field(path, name), ours.get(name), theirs.get(name))


@dataclass(frozen=True)
class AtomicList(SchemaType):
    """A list whose order means something."""

    item_type: SchemaType

    def normalize(self, value: Json) -> Json:
        return (
            [_normalize_item(self.item_type, each) for each in value]
            if isinstance(value, list)
            else value
        )

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        if not isinstance(desired, list) or not isinstance(live, list):
            yield from super().diff(path, desired, live)
            return
        matcher = SequenceMatcher(None, dump_each(desired), dump_each(live), autojunk=False)
        for change, start, end, there, until in matcher.get_opcodes():
            if change != "equal":
                yield from self._diff_block(path, desired[:end], start, live[:until], there)

    def _diff_block(
        self, path: str, desired: list[Json], desired_start: int, live: list[Json], live_start: int
    ) -> Iterator[Difference]:
        """Elements that replace each other are compared in pairs; the others come or go."""
        while desired_start < len(desired) and live_start < len(live):
            yield from self.item_type.diff(
                join_item(path, desired_start), desired[desired_start], live[live_start]
            )
            desired_start, live_start = desired_start + 1, live_start + 1
        for index in range(desired_start, len(desired)):
            yield Difference(join_item(path, index), desired[index], None)
        for index in range(live_start, len(live)):
            yield Difference(join_item(path, index), None, live[index])


@dataclass(frozen=True)
class Set(SchemaType):
    """A list whose order means nothing; how often an element stands in it does."""

    item_type: SchemaType

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, list):
            return value
        return sorted(
            (_normalize_item(self.item_type, each) for each in value), key=dump_sorted_json
        )


@dataclass(frozen=True)
class ListMap(Set):
    """A list of structs that are told apart by what `key` makes of them, not by their place."""

    key: Callable[[Mapping[str, Json]], str]

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        ours, theirs = self._index_by_key(desired or []), self._index_by_key(live or [])
        if ours is None or theirs is None:
            yield from super().diff(path, desired, live)
            return
        for name in sorted(ours.keys() | theirs.keys()):
            here = join_item(path, name)
            if name in ours and name in theirs:
                yield from self.item_type.diff(here, ours[name], theirs[name])
            else:
                yield Difference(here, ours.get(name), theirs.get(name))

    def _index_by_key(self, value: Json) -> dict[str, Json] | None:
        """The elements by their keys; None where keys don't tell them apart."""
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            return None
        found: dict[str, Json] = {self.key(each): each for each in value if isinstance(each, dict)}
        return found if len(found) == len(value) else None


def _normalize_item(schema_type: SchemaType, value: Json) -> Json:
    """An element of a list in its normal form. One that is null is what Go makes of it: empty."""
    return (
        {}
        if value is None and isinstance(schema_type, Struct | Map)
        else schema_type.normalize(value)
    )


UNKNOWN_FIELD = SchemaType()
"""A field that this version has never heard of."""


dump_sorted_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""One text per value: JSON with sorted keys, which tells 1, 1.0, true and "1" apart."""


def dump_each(values: Iterable[Json]) -> list[str]:
    """The text of each value."""
    return list(map(dump_sorted_json, values))


def is_same_json(desired: Json, live: Json) -> bool:
    """Whether two values are the same JSON. Python itself takes 1, 1.0 and true for equal."""
    return desired == live and dump_sorted_json(desired) == dump_sorted_json(live)
