"""The shapes of custom resource fields: what in a value means something, and how two values differ.

Go marshals a struct with all its empty fields, a web hook sorts some lists, and `E1/1` is another
name of `E1/1/1`. A shape knows such things about one field. `normal` brings a value into the one form
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

from fabrics.resources.field_paths import entry, member
from fabrics.resources.json_types import Json


class Difference(NamedTuple):
    """One field that differs; one that is not `managed` is left to others than Git."""

    path: str
    desired: Json
    live: Json
    managed: bool = True


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A field of which nothing is known: compared as a whole.

    `kept`: an empty value is told from an absent one. `hydrated`: filled by the installer where Git
    is silent, so compared only where Git states it. `ephemeral`: set for a moment, never compared.
    """

    kept: bool = False
    hydrated: bool = False
    ephemeral: bool = False

    def normal(self, value: Json) -> Json:
        """The form that all equal values share."""
        return value

    def differences(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        """The fields at or below `path` in which two normal values differ."""
        if not same(desired, live):
            yield Difference(path, desired, live)


@dataclass(frozen=True, kw_only=True)
class Value(Shape):
    """A text, number or boolean. `canonical` maps the texts that mean the same to one of them."""

    canonical: Callable[[str], str] | None = None

    def normal(self, value: Json) -> Json:
        return self.canonical(value) if self.canonical and isinstance(value, str) else value


@dataclass(frozen=True)
class Struct(Shape):
    """Named fields, of which the empty ones mean nothing unless they are kept."""

    fields: Mapping[str, Shape] = field(default_factory=dict)

    def normal(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        result: dict[str, Json] = {}
        for name, each in value.items():
            shape = self.fields.get(name, UNKNOWN)
            found = None if each is None else shape.normal(each)
            if found or (shape.kept and found is not None):
                result[name] = found
        return result

    def differences(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        # A struct that is not kept is there even when it is absent: name the fields within it.
        ours, theirs = (desired, live) if self.kept else (desired or {}, live or {})
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            yield from super().differences(path, desired, live)
            return
        for name in sorted(ours.keys() | theirs.keys()):
            shape = self.fields.get(name, UNKNOWN)
            here = member(path, name)
            if shape.hydrated and name not in ours:
                yield Difference(here, None, theirs[name], managed=False)
                continue
            for found in shape.differences(here, ours.get(name), theirs.get(name)):
                yield found._replace(managed=False) if shape.ephemeral else found


@dataclass(frozen=True)
class Map(Shape):
    """Keys that people choose; an entry with an empty value is still an entry."""

    value: Shape
    key: Callable[[str], str] | None = field(default=None, kw_only=True)

    def normal(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        # An entry without a value is what Go makes of it: an empty struct, or nothing.
        empty: Json = {} if isinstance(self.value, Struct) else None
        entries: dict[str, Json] = {}
        for name, each in value.items():
            found = empty if each is None else self.value.normal(each)
            if found is not None:
                entries[name] = found
        return self._rename(entries) if self.key else entries

    def _rename(self, entries: dict[str, Json]) -> Json:
        rename = self.key or str
        renamed = {rename(name): each for name, each in entries.items()}
        return renamed if len(renamed) == len(entries) else entries

    def differences(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        ours, theirs = (desired, live) if self.kept else (desired or {}, live or {})
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            yield from super().differences(path, desired, live)
            return
        for name in sorted(ours.keys() | theirs.keys()):
            if name in ours and name in theirs:
                yield from self.value.differences(member(path, name), ours[name], theirs[name])
            else:
                yield Difference(member(path, name), ours.get(name), theirs.get(name))


@dataclass(frozen=True)
class Sequence(Shape):
    """A list whose order means something."""

    item: Shape

    def normal(self, value: Json) -> Json:
        return [_element(self.item, each) for each in value] if isinstance(value, list) else value

    def differences(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        if not isinstance(desired, list) or not isinstance(live, list):
            yield from super().differences(path, desired, live)
            return
        matcher = SequenceMatcher(None, texts(desired), texts(live), autojunk=False)
        for change, start, end, there, until in matcher.get_opcodes():
            if change != "equal":
                yield from self._block(path, desired[:end], start, live[:until], there)

    def _block(
        self, path: str, ours: list[Json], start: int, theirs: list[Json], there: int
    ) -> Iterator[Difference]:
        """Elements that replace each other are compared in pairs; the others come or go."""
        while start < len(ours) and there < len(theirs):
            yield from self.item.differences(entry(path, start), ours[start], theirs[there])
            start, there = start + 1, there + 1
        for index in range(start, len(ours)):
            yield Difference(entry(path, index), ours[index], None)
        for index in range(there, len(theirs)):
            yield Difference(entry(path, index), None, theirs[index])


@dataclass(frozen=True)
class Set(Shape):
    """A list whose order means nothing; how often an element stands in it does."""

    item: Shape

    def normal(self, value: Json) -> Json:
        if not isinstance(value, list):
            return value
        return sorted((_element(self.item, each) for each in value), key=text)


@dataclass(frozen=True)
class KeyedSet(Set):
    """A list of structs that are told apart by what `key` makes of them, not by their place."""

    key: Callable[[Mapping[str, Json]], str]

    def differences(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        ours, theirs = self._by_key(desired or []), self._by_key(live or [])
        if ours is None or theirs is None:
            yield from super().differences(path, desired, live)
            return
        for name in sorted(ours.keys() | theirs.keys()):
            here = entry(path, name)
            if name in ours and name in theirs:
                yield from self.item.differences(here, ours[name], theirs[name])
            else:
                yield Difference(here, ours.get(name), theirs.get(name))

    def _by_key(self, value: Json) -> dict[str, Json] | None:
        """The elements by their keys; None where keys don't tell them apart."""
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            return None
        found: dict[str, Json] = {self.key(each): each for each in value if isinstance(each, dict)}
        return found if len(found) == len(value) else None


def _element(shape: Shape, value: Json) -> Json:
    """An element of a list in its normal form. One that is null is what Go makes of it: empty."""
    return {} if value is None and isinstance(shape, Struct | Map) else shape.normal(value)


UNKNOWN = Shape()
"""A field that this version has never heard of."""


text = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""One text per value: JSON with sorted keys, which tells 1, 1.0, true and "1" apart."""


def texts(values: Iterable[Json]) -> list[str]:
    """The text of each value."""
    return list(map(text, values))


def same(desired: Json, live: Json) -> bool:
    """Whether two values are the same JSON. Python itself takes 1, 1.0 and true for equal."""
    return desired == live and text(desired) == text(live)
