"""What a comparison of desired and live state is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind
from fabrics.resources.resource import Resource, ResourceKey, SourceLocation


@dataclass(frozen=True, slots=True)
class LiveState:
    """The live state: the objects of every kind that could be listed.

    A kind that the API does not serve (404: another Hedgehog release) is in `unserved_kinds`. A kind in
    neither was not read, and nothing is concluded about it.
    """

    resources: Mapping[Kind, tuple[Resource, ...]]
    unserved_kinds: frozenset[Kind] = frozenset()


class DriftType(StrEnum):
    """How an object drifted: its fields differ, it is in Git only, or it is live only."""

    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field that differs. None stands for an absent value; JSON null never occurs."""

    path: str
    desired: Json
    live: Json


@dataclass(frozen=True, slots=True)
class DriftEntry:
    """One object that differs, with the fields that do (none unless it is `changed`)."""

    key: ResourceKey
    change: DriftType
    fields: tuple[FieldDrift, ...] = ()
    source: SourceLocation | None = None


@dataclass(frozen=True, slots=True)
class UnmanagedField:
    """A live value that Git leaves to the installer: neither in sync nor drift."""

    key: ResourceKey
    path: str
    live: Json


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many objects of a kind each side holds, and how many of them drifted."""

    desired: int = 0
    live: int = 0
    changed: int = 0
    missing: int = 0
    extra: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """The difference between both states, in a stable order: by kind, namespace and name.

    `counts` has one row per kind in scope or present on either side. Of the kinds in scope, the API
    does not know those in `unserved_kinds`; those in `unread` stand in Git but were not listed; for
    those in `incomplete_kinds` a bad file forbids to call anything `missing` or `extra`.
    """

    entries: tuple[DriftEntry, ...] = ()
    counts: Mapping[Kind, KindCount] = field(default_factory=dict)
    unmanaged: tuple[UnmanagedField, ...] = ()
    unserved_kinds: tuple[Kind, ...] = ()
    unread_kinds: tuple[Kind, ...] = ()
    incomplete_kinds: tuple[Kind, ...] = ()
