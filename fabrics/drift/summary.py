"""The bounded summary of a drift, for NetBox records and workflow payloads."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from fabrics.drift.model import Author, Drift, DriftEntry, FieldDrift
from fabrics.drift.redaction import hide_unknown_values, mask_secrets
from fabrics.drift.sentences import shorten
from fabrics.resources.json_types import Json
from fabrics.resources.resource import SourceLocation
from fabrics.texts import Line

MAX_NAME_CHARS: Final = 253
"""The longest name that Kubernetes allows; a hostile API may return others."""

SINCE_BYTES: Final = len('"since": "2026-01-01T00:00:00Z", ')
"""The size of a time that the loop adds to an entry."""


@dataclass(frozen=True, slots=True)
class SummaryLimits:
    """The size of a summary; `size_bytes` is that of all entries as JSON.

    `redact` returns a field as it may be shown. `source_chars` is that of the place in Git; 0 leaves it out.
    """

    entries: int
    size_bytes: int
    fields_per_entry: int
    value_chars: int
    redact: Callable[[FieldDrift], FieldDrift]
    source_chars: int = 0


RECORD_LIMITS = SummaryLimits(
    entries=20,
    size_bytes=4096,
    fields_per_entry=5,
    value_chars=80,
    redact=hide_unknown_values,
)
"""For NetBox and for what Temporal keeps of each sync: nothing unknown gets there."""

PAYLOAD_LIMITS = SummaryLimits(
    entries=500,
    size_bytes=32_000,
    fields_per_entry=50,
    value_chars=400,
    redact=mask_secrets,
    source_chars=200,
)
"""Together with the sentences around it, below the limit of 64 KB for a Temporal payload."""


ACCEPTED_LIMITS = SummaryLimits(
    entries=30, size_bytes=5_000, fields_per_entry=10, value_chars=100, redact=mask_secrets
)
"""For what rules accept, beside the drift in the same payload."""


def _is_none(value: object) -> bool:
    return value is None


# What is not known is left out: earlier releases store entries without it, and compare hashes of them.
KnownAuthor = Annotated[Author | None, Field(exclude_if=_is_none)]
KnownTime = Annotated[datetime | None, Field(exclude_if=_is_none)]
KnownSource = Annotated[Line | None, Field(exclude_if=_is_none)]


@dataclass(frozen=True, slots=True)
class SummaryField:
    """One field that differs; its values are shortened JSON, or None where absent.

    `changed_by` wrote the live value last; None if unknown.
    """

    path: Line
    desired: Line | None
    live: Line | None
    changed_by: KnownAuthor = None


@dataclass(frozen=True, slots=True)
class SummaryEntry:
    """One drifted object with its first fields; `more_fields` others were left out.

    `since` is when a sync first found that it had drifted; only loops know that. `changed_by` wrote an extra object
    last, `committed_by` the file of any other one, and `source` is its file and line in Git. All are None if unknown.
    """

    kind: Line
    namespace: Line
    name: Line
    change: Line
    fields: tuple[SummaryField, ...] = ()
    more_fields: int = 0
    since: KnownTime = None
    changed_by: KnownAuthor = None
    committed_by: KnownAuthor = None
    source: KnownSource = None

    @property
    def key(self) -> str:
        """The key of the object, as `ResourceKey` is written."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    def found_at(self, since: datetime | None) -> "SummaryEntry":
        """Return the entry with the time of the sync that first found it."""
        return replace(self, since=since)

    def without_origin(self) -> "SummaryEntry":
        """Return the entry as it is without knowing since when it drifts, and by whom."""
        fields = tuple(replace(field, changed_by=None) for field in self.fields)
        return replace(self, fields=fields, since=None, changed_by=None, committed_by=None)


_ENTRIES: Final = TypeAdapter(tuple[SummaryEntry, ...])


def dump_entries(entries: tuple[SummaryEntry, ...]) -> list[dict[str, Json]]:
    """Return entries as the record and Temporal hold them."""
    dumped: list[dict[str, Json]] = _ENTRIES.dump_python(entries, mode="json")
    return dumped


def truncate_entries(entries: tuple[SummaryEntry, ...]) -> tuple[SummaryEntry, ...]:
    """Return as many entries as fit the record; `starter.py diff` lists them all."""
    shown = entries[: RECORD_LIMITS.entries]
    while len(json.dumps(dump_entries(shown))) > RECORD_LIMITS.size_bytes:
        shown = shown[:-1]
    return shown


@dataclass(frozen=True, slots=True)
class DriftSummary:
    """The first drifted objects; `left_out` others did not fit."""

    entries: tuple[SummaryEntry, ...] = ()
    left_out: int = 0


def summarize(drift: Drift, limits: SummaryLimits = RECORD_LIMITS) -> DriftSummary:
    """Summarize the first entries of a drift, as many as `limits` allow."""
    entries: list[SummaryEntry] = []
    size = len("[]")
    for entry in drift.entries[: limits.entries]:
        summary = _summarize_entry(entry, limits)
        size += len(json.dumps(dump_entries((summary,)))) + SINCE_BYTES
        if size > limits.size_bytes:
            break
        entries.append(summary)
    return DriftSummary(tuple(entries), len(drift.entries) - len(entries))


def _summarize_entry(entry: DriftEntry, limits: SummaryLimits) -> SummaryEntry:
    # Several fields may look alike once what is not known of them is hidden.
    fields = tuple(
        dict.fromkeys(
            _summarize_field(limits.redact(field), limits.value_chars) for field in entry.fields
        )
    )
    return SummaryEntry(
        kind=entry.key.kind.name,
        namespace=shorten(entry.key.namespace, MAX_NAME_CHARS),
        name=shorten(entry.key.name, MAX_NAME_CHARS),
        change=entry.change.value,
        fields=fields[: limits.fields_per_entry],
        more_fields=max(0, len(fields) - limits.fields_per_entry),
        changed_by=entry.changed_by,
        committed_by=entry.committed_by,
        source=_format_source(entry.source, limits.source_chars),
    )


def _format_source(source: SourceLocation | None, max_chars: int) -> str | None:
    return shorten(str(source), max_chars) if source and max_chars else None


def _summarize_field(field: FieldDrift, max_chars: int) -> SummaryField:
    return SummaryField(
        shorten(field.path, max_chars),
        _format_value(field.desired, max_chars),
        _format_value(field.live, max_chars),
        field.changed_by,
    )


def _format_value(value: Json, max_chars: int) -> str | None:
    return None if value is None else shorten(json.dumps(value, sort_keys=True), max_chars)
