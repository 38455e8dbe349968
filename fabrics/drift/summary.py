"""The bounded summary of a drift, for NetBox records and workflow payloads."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Final

from pydantic import AfterValidator

from fabrics.drift.model import Drift, DriftEntry, FieldDrift
from fabrics.drift.redaction import hide_unknown_values, mask_secrets
from fabrics.drift.sentences import shorten
from fabrics.resources.json_types import Json
from fabrics.texts import replace_unprintable

MAX_NAME_CHARS: Final = 253
"""The longest name that Kubernetes allows; a hostile API may return others."""

Line = Annotated[str, AfterValidator(replace_unprintable)]
"""Text that is made printable when it is read, since people may edit the record that holds it."""


@dataclass(frozen=True, slots=True)
class SummaryLimits:
    """The size of a summary; `size_bytes` is that of all entries as JSON.

    `redact` returns a field as it may be shown.
    """

    entries: int
    size_bytes: int
    fields_per_entry: int
    value_chars: int
    redact: Callable[[FieldDrift], FieldDrift]


RECORD_LIMITS = SummaryLimits(
    entries=20,
    size_bytes=4096,
    fields_per_entry=5,
    value_chars=80,
    redact=hide_unknown_values,
)
"""For NetBox and for what Temporal keeps of each sync: nothing unknown gets there."""

PAYLOAD_LIMITS = SummaryLimits(
    entries=500, size_bytes=32_000, fields_per_entry=50, value_chars=400, redact=mask_secrets
)
"""Together with the sentences around it, below the limit of 64 KB for a Temporal payload."""


ACCEPTED_LIMITS = SummaryLimits(
    entries=30, size_bytes=5_000, fields_per_entry=10, value_chars=100, redact=mask_secrets
)
"""For what rules accept, beside the drift in the same payload."""


@dataclass(frozen=True, slots=True)
class SummaryField:
    """One field that differs; its values are shortened JSON, or None where absent."""

    path: Line
    desired: Line | None
    live: Line | None


@dataclass(frozen=True, slots=True)
class SummaryEntry:
    """One drifted object with its first fields; `more_fields` others were left out."""

    kind: Line
    namespace: Line
    name: Line
    change: Line
    fields: tuple[SummaryField, ...] = ()
    more_fields: int = 0


@dataclass(frozen=True, slots=True)
class DriftSummary:
    """The first drifted objects; `left_out` others did not fit."""

    entries: tuple[SummaryEntry, ...] = ()
    left_out: int = 0


def summarize(drift: Drift, limits: SummaryLimits = RECORD_LIMITS) -> DriftSummary:
    """Summarize the first entries of a drift, as many as `limits` allow."""
    entries: list[SummaryEntry] = []
    size = len(json.dumps(asdict(DriftSummary(left_out=len(drift.entries)))))
    for entry in drift.entries[: limits.entries]:
        summary = _summarize_entry(entry, limits)
        size += len(json.dumps(asdict(summary))) + 2  # with the comma and space after it
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
    )


def _summarize_field(field: FieldDrift, max_chars: int) -> SummaryField:
    return SummaryField(
        shorten(field.path, max_chars),
        _format_value(field.desired, max_chars),
        _format_value(field.live, max_chars),
    )


def _format_value(value: Json, max_chars: int) -> str | None:
    return None if value is None else shorten(json.dumps(value, sort_keys=True), max_chars)
