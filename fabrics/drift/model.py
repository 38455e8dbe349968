"""The live state, and the results of comparing it with the desired state."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Final

from fabrics.drift.acceptance.rules import AcceptRule
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind
from fabrics.resources.resource import (
    Resource,
    ResourceKey,
    SourceLocation,
    digest_resources,
)
from fabrics.resources.schema.base import DifferenceReason
from fabrics.texts import Line


class ListOutcome(StrEnum):
    """Whether the live objects of a kind that this version does not know were listed."""

    LISTED = "listed"
    NOT_SERVED = "not served"  # the API answered that it has no such kind
    FORBIDDEN = "forbidden"
    NOT_READ = "not read"


@dataclass(frozen=True, slots=True)
class UnknownKindObjects:
    """The live objects of a kind that this version does not know."""

    resources: tuple[Resource, ...] = ()
    outcome: ListOutcome = ListOutcome.LISTED


@dataclass(frozen=True, slots=True)
class LiveState:
    """The live state: the resources of every kind that could be listed.

    `unserved_kinds` are those that the API does not serve (404: another Hedgehog release). Kinds
    that are in neither field were not read, so they are not compared. `unknown_kinds` has kinds that
    this version does not know, as far as Git defines objects of them; nothing but drift uses them.
    Where one fabric of several was selected, `elsewhere` are the objects of the others and of none,
    and `shared_with` names the other fabrics of an object that several use.
    """

    resources: Mapping[Kind, tuple[Resource, ...]]
    unserved_kinds: frozenset[Kind] = frozenset()
    unknown_kinds: Mapping[Kind, UnknownKindObjects] = field(default_factory=dict)
    elsewhere: Set[ResourceKey] = frozenset()
    shared_with: Mapping[ResourceKey, tuple[str, ...]] = field(default_factory=dict)


def digest_live_state(live: LiveState) -> str:
    """Return a digest of all objects of known kinds."""
    return digest_resources(chain.from_iterable(live.resources.values()))


class DriftType(StrEnum):
    """The type of a drift: changed, missing (only in Git) or extra (only live)."""

    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"


MAX_AUTHOR_CHARS: Final = 60
"""The longest name of an author that is shown; whoever makes it shortens it."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a change, a person or a program, and when."""

    name: Line
    time: datetime


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field that differs. None is an absent value; JSON null never occurs.

    Unless `is_known`, this version does not know what the values hold, so they may be secrets, and
    so may names in the path after `known_path`. `changed_by` wrote the live value last; None if unknown.
    """

    path: str
    desired: Json
    live: Json
    is_known: bool = True
    known_path: str = ""
    changed_by: Author | None = None


@dataclass(frozen=True, slots=True)
class DriftEntry:
    """One object that drifted, with its fields that differ (only where `changed`).

    `live` is the object in the API, `source` the place in Git. `changed_by` wrote an `extra` object last, and
    `committed_by` the file of any other one; None if unknown.
    """

    key: ResourceKey
    change: DriftType
    fields: tuple[FieldDrift, ...] = ()
    source: SourceLocation | None = None
    live: Resource | None = field(default=None, compare=False, repr=False)
    changed_by: Author | None = None
    committed_by: Author | None = None


@dataclass(frozen=True, slots=True)
class AcceptedEntry:
    """What a rule accepts of one object: all that drifted, or some of its fields."""

    entry: DriftEntry
    rule: AcceptRule


@dataclass(frozen=True, slots=True)
class UnmanagedField:
    """A live value that Git leaves to the installer, so it is not compared."""

    key: ResourceKey
    path: str
    live: Json


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that this version does not know, and whose difference is not drift."""

    key: ResourceKey
    path: str
    reason: DifferenceReason


@dataclass(frozen=True, slots=True)
class KindCount:
    """The numbers of objects of one kind: in Git, live, and drifted by type."""

    desired: int = 0
    live: int = 0
    changed: int = 0
    missing: int = 0
    extra: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """The drift of one fabric; entries are sorted by kind, namespace and name.

    Entries of kinds that this version does not know come last; `unknown_kinds` says which of those
    could be listed. `counts` has a row for each known kind that is
    managed or present in either state. Of the managed kinds, `unserved_kinds` are unknown to the
    API, and `unread_kinds` are in Git but were not listed; because of a bad file, no object of
    `incomplete_kinds` is called `missing` or `extra`.

    `accepted` has what rules accept, which is no drift and not among the entries, though in `counts`;
    `rule_notices` say what is to be done about the rules.
    """

    entries: tuple[DriftEntry, ...] = ()
    accepted: tuple[AcceptedEntry, ...] = ()
    rule_notices: tuple[str, ...] = ()
    counts: Mapping[Kind, KindCount] = field(default_factory=dict)
    unmanaged: tuple[UnmanagedField, ...] = ()
    unknown_fields: tuple[UnknownField, ...] = ()
    unknown_kinds: Mapping[Kind, ListOutcome] = field(default_factory=dict)
    unserved_kinds: tuple[Kind, ...] = ()
    unread_kinds: tuple[Kind, ...] = ()
    incomplete_kinds: tuple[Kind, ...] = ()
