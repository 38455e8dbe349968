"""The bounded form of a drift: what fits into NetBox and into a workflow's messages."""

import json
from dataclasses import asdict, dataclass

from fabrics.drift.model import Drift, DriftEntry, FieldDrift
from fabrics.resources.json_types import Json


@dataclass(frozen=True, slots=True)
class SummaryLimits:
    """How much of a drift a summary holds: entries, bytes of JSON in all, fields of each entry, and
    characters of each value."""

    entries: int
    size_bytes: int
    fields_per_entry: int
    value_chars: int


RECORD_LIMITS = SummaryLimits(entries=20, size_bytes=4096, fields_per_entry=5, value_chars=80)
PAYLOAD_LIMITS = SummaryLimits(entries=500, size_bytes=40_000, fields_per_entry=50, value_chars=400)
"""With the sentences around it below the 64 KB that a Temporal message may have."""


@dataclass(frozen=True, slots=True)
class SummaryField:
    """One field; values are JSON text, shortened, and None where absent."""

    path: str
    desired: str | None
    live: str | None


@dataclass(frozen=True, slots=True)
class SummaryEntry:
    """One drifted object with its first fields; `more_fields` more were left out."""

    kind: str
    namespace: str
    name: str
    change: str
    fields: tuple[SummaryField, ...] = ()
    more_fields: int = 0


@dataclass(frozen=True, slots=True)
class DriftSummary:
    """The first drifted objects; `left_out` more did not fit."""

    entries: tuple[SummaryEntry, ...] = ()
    left_out: int = 0


def summarise(drift: Drift, limits: SummaryLimits = RECORD_LIMITS) -> DriftSummary:
    """As many entries, from the first on, as `limits` allow."""
    entries: list[SummaryEntry] = []
    used = len(json.dumps(asdict(DriftSummary(left_out=len(drift.entries)))))
    for entry in drift.entries[: limits.entries]:
        summary = _summarise_entry(entry, limits)
        used += len(json.dumps(asdict(summary))) + 2
        if used > limits.size_bytes:
            break
        entries.append(summary)
    return DriftSummary(tuple(entries), len(drift.entries) - len(entries))


def _summarise_entry(entry: DriftEntry, limits: SummaryLimits) -> SummaryEntry:
    return SummaryEntry(
        kind=entry.key.kind.name,
        namespace=entry.key.namespace,
        name=entry.key.name,
        change=entry.change.value,
        fields=tuple(
            _summarise_field(field, limits.value_chars)
            for field in entry.fields[: limits.fields_per_entry]
        ),
        more_fields=max(0, len(entry.fields) - limits.fields_per_entry),
    )


def _summarise_field(field: FieldDrift, max_chars: int) -> SummaryField:
    return SummaryField(
        _shorten(field.path, max_chars),
        _format_value(field.desired, max_chars),
        _format_value(field.live, max_chars),
    )


def _format_value(value: Json, max_chars: int) -> str | None:
    return None if value is None else _shorten(json.dumps(value, sort_keys=True), max_chars)


def _shorten(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
