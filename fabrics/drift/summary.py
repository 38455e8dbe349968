"""The bounded form of a drift: what fits into NetBox and into a workflow's messages."""

import json
from dataclasses import asdict, dataclass

from fabrics.drift.model import Drift, DriftEntry, FieldDrift
from fabrics.resources.json_types import Json


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a drift a summary holds: entries, bytes of JSON in all, fields of each entry, and
    characters of each value."""

    entries: int
    size: int
    fields: int
    value: int


FOR_A_RECORD = Bounds(entries=20, size=4096, fields=5, value=80)
FOR_A_MESSAGE = Bounds(entries=500, size=40_000, fields=50, value=400)
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
class Summary:
    """The first drifted objects; `left_out` more did not fit."""

    entries: tuple[SummaryEntry, ...] = ()
    left_out: int = 0


def summarise(drift: Drift, bounds: Bounds = FOR_A_RECORD) -> Summary:
    """As many entries, from the first on, as `bounds` allow."""
    entries: list[SummaryEntry] = []
    used = len(json.dumps(asdict(Summary(left_out=len(drift.entries)))))
    for entry in drift.entries[: bounds.entries]:
        summary = _entry(entry, bounds)
        used += len(json.dumps(asdict(summary))) + 2
        if used > bounds.size:
            break
        entries.append(summary)
    return Summary(tuple(entries), len(drift.entries) - len(entries))


def _entry(entry: DriftEntry, bounds: Bounds) -> SummaryEntry:
    return SummaryEntry(
        kind=entry.key.kind.name,
        namespace=entry.key.namespace,
        name=entry.key.name,
        change=entry.change.value,
        fields=tuple(_field(field, bounds.value) for field in entry.fields[: bounds.fields]),
        more_fields=max(0, len(entry.fields) - bounds.fields),
    )


def _field(field: FieldDrift, length: int) -> SummaryField:
    return SummaryField(
        _shorten(field.path, length), _value(field.desired, length), _value(field.live, length)
    )


def _value(value: Json, length: int) -> str | None:
    return None if value is None else _shorten(json.dumps(value, sort_keys=True), length)


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
