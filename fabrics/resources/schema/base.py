"""The base of all schema types, and the differences that they report."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from fabrics.resources.json_types import Json


class DifferenceReason(Enum):
    """Why two values differ. Only `DRIFT` is drift."""

    DRIFT = auto()
    LEFT_TO_INSTALLER = auto()  # Git does not state it, and the installer sets it
    UNKNOWN_LIVE = auto()  # Git does not state it, and this version does not know it
    ORDER = auto()  # the same elements of an unknown list in another order


class Difference(NamedTuple):
    """One field that differs.

    `is_known`: the values hold nothing of unknown structure. `known_path` is where the unknown structure begins,
    in which the path holds names that people or other programs choose.
    """

    path: str
    desired: Json
    live: Json
    reason: DifferenceReason = DifferenceReason.DRIFT
    is_known: bool = True
    known_path: str = ""


@dataclass(frozen=True, kw_only=True)
class SchemaType(ABC):
    """The base of all types.

    `keep_empty`: an empty value differs from an absent one. `hydrated`: the installer sets the
    field where Git does not, so it is compared only where Git does. `ephemeral`: never compared.
    """

    keep_empty: bool = False
    hydrated: bool = False
    ephemeral: bool = False

    def normalize(self, value: Json) -> Json:
        """Return the one form of all values that mean the same."""
        return value

    def drop_unknown(self, value: Json) -> Json:
        """Return a normalized value without fields of unknown structure.

        A value of another type than expected is unknown as a whole: None.
        """
        return None if isinstance(value, dict | list) else value

    @abstractmethod
    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        """Yield the fields at or below `path` in which two normalized values differ."""

    def differ(self, path: str, desired: Json, live: Json) -> Difference:
        """Return the difference of two values as a whole."""
        is_known = all(is_same_json(self.drop_unknown(value), value) for value in (desired, live))
        return Difference(path, desired, live, is_known=is_known)


dump_sorted_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""Dump a value as JSON with sorted keys, which tells 1, 1.0, true and "1" apart."""


def is_same_json(desired: Json, live: Json) -> bool:
    """True if two values are the same JSON; to Python, 1, 1.0 and true are equal."""
    return desired == live and dump_sorted_json(desired) == dump_sorted_json(live)
