"""The bounded form of a drift: what fits into NetBox and into a workflow's messages."""

import json
from dataclasses import asdict, dataclass

from fabrics.drift.model import Drift, DriftEntry, FieldDrift
from fabrics.values import Json

_VALUE_LENGTH = 80  # characters of JSON
_FIELDS_PER_ENTRY = 5


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


def summarise(drift: Drift, limit: int = 20, size: int = 4096) -> Summary:
    """At most `limit` entries that together take at most `size` bytes of JSON."""
    entries: list[SummaryEntry] = []
    used = len(json.dumps(asdict(Summary(left_out=len(drift.entries)))))
    for entry in drift.entries[:limit]:
        summary = _entry(entry)
        used += len(json.dumps(asdict(summary))) + 2
        if used > size:
            break
        entries.append(summary)
    return Summary(tuple(entries), len(drift.entries) - len(entries))


def _entry(entry: DriftEntry) -> SummaryEntry:
    return SummaryEntry(
        kind=entry.key.kind.name,
        namespace=entry.key.namespace,
        name=entry.key.name,
        change=entry.change.value,
        fields=tuple(_field(field) for field in entry.fields[:_FIELDS_PER_ENTRY]),
        more_fields=max(0, len(entry.fields) - _FIELDS_PER_ENTRY),
    )


def _field(field: FieldDrift) -> SummaryField:
    return SummaryField(_shorten(field.path), _value(field.desired), _value(field.live))


def _value(value: Json) -> str | None:
    return None if value is None else _shorten(json.dumps(value, sort_keys=True))


def _shorten(text: str) -> str:
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"
