"""Read and build the status fields of a fabric's record, a NetBox cluster.

Reading never fails: people and other tools may edit these fields. A malformed value counts as absent, and text
is read as a sync writes it: one printable line, not too long. Built fields have the form in which NetBox returns
them, so that both can be compared.
"""

import json
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from fabrics.agents.health_report import Health
from fabrics.drift.markdown import render_drift_report
from fabrics.drift.summary import RECORD_LIMITS, dump_entries, truncate_entries
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.config_fields import parse_config, unwrap_custom_fields
from fabrics.record.installation import is_same_instance
from fabrics.record.sync_status import (
    ConnectionStatus,
    LastKnownState,
    SyncStatus,
    compute_status_error,
    compute_sync_status,
)
from fabrics.resources.kinds import COMPARED_KINDS
from fabrics.texts import replace_unprintable
from fabrics.times import parse_time

MAX_FABRIC_ID_CHARS: Final = 39
DUPLICATE_ID_FIX: Final = (
    "clear hh_fabric_id on all but one, through NetBox's API (its form shows it read-only)"
)
"""What to do about several records with the same fabric id."""

MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
"""A stored time that is further in the future than this was not written by a sync."""

UNKNOWN_ERROR: Final = "The last sync failed; the next one says why."
"""The error of a failed sync whose sentence was cleared by one that never ended."""

MAX_TEXT_CHARS: Final = 500
"""The longest text that a sync writes."""

type CustomFields = dict[str, Any]


def parse_last_known_state(record: Mapping[str, Any]) -> LastKnownState:
    """Parse the state that earlier syncs left in the record, for a new loop."""
    stored = unwrap_custom_fields(record)
    last_sync = _parse_time(stored.get("hh_last_sync"))
    last_success = _parse_time(stored.get("hh_last_success"))
    problems = " ".join(parse_config(record).problems)
    error = _parse_text(stored.get("hh_sync_error")).removeprefix(problems).strip()
    # After a sync that succeeded the error was about settings, which may be corrected by now.
    failed = last_sync is not None and last_sync != last_success
    last_known = LastKnownState(
        last_sync=last_sync,
        last_success=last_success,
        error=(error or _explain_lost_error(record)) if failed else "",
        connection_status=_parse_connection_status(stored.get("hh_connection_status")),
        connection_error=_parse_text(stored.get("hh_connection_error")),
        commit=_parse_text(stored.get("hh_commit")),
        drift_count=_parse_count(stored.get("hh_drift_count")),
        accepted_count=_parse_count(stored.get("hh_accepted_count")) or 0,
        accepted_text=_parse_text(stored.get("hh_accepted")),
        counts=_parse_counts(stored.get("hh_counts")),
        inventory_text=_parse_text(stored.get("hh_inventory")),
        health=_parse_health(stored.get("hh_health")),
        health_message=_parse_text(stored.get("hh_health_message")),
    )
    return _add_drift(last_known, stored.get("hh_drift"))


def _explain_lost_error(record: Mapping[str, Any]) -> str:
    return UNKNOWN_ERROR if get_shown_status(record) == SyncStatus.SYNCING else ""


def build_status_fields(config: FabricConfig, last_known: LastKnownState) -> CustomFields:
    """Build all status fields; they describe one moment, so are written together."""
    last_known = last_known.valid_for(config)
    drift, count = truncate_entries(last_known.drift), last_known.drift_count
    accepted = _format_text(last_known.rules_text)
    return {
        "hh_sync_status": str(compute_sync_status(config, last_known)),
        "hh_last_sync": _format_time(last_known.last_sync),
        "hh_last_success": _format_time(last_known.last_success),
        "hh_sync_error": _format_text(compute_status_error(config, last_known)),
        "hh_connection_status": str(last_known.connection_status),
        "hh_connection_error": _format_text(last_known.connection_error),
        "hh_commit": last_known.commit or None,
        "hh_drift_count": count,
        "hh_drift_report": render_drift_report(drift, count, config.fabric_id, accepted) or None,
        "hh_drift": dump_entries(drift) or None,
        "hh_accepted_count": last_known.accepted_count or None,
        "hh_accepted": accepted,
        "hh_objects": _format_text(format_counts(last_known.counts)),
        "hh_counts": dict(last_known.counts) or None,
        "hh_inventory": _format_text(last_known.inventory_text),
        "hh_health": str(last_known.health),
        "hh_health_message": _format_text(last_known.health_message),
    }


def build_config_fields(edits: ConfigEdits) -> CustomFields:
    """Build the fields that store these edits; empty text is stored as null."""
    fields: CustomFields = {}
    if edits.interval is not None:
        fields["hh_sync_interval"] = edits.interval
    if edits.paused is not None:
        fields["hh_paused"] = edits.paused
    if edits.pause_reason is not None:
        fields["hh_pause_reason"] = edits.pause_reason or None
    if edits.paused_until is not None:
        fields["hh_paused_until"] = _format_time(edits.paused_until or None)
    return fields


def find_changed_fields(
    record: Mapping[str, Any], edits: ConfigEdits, last_known: LastKnownState, now: datetime
) -> CustomFields:
    """Return the fields to write, so that the record has `edits` and `last_known`.

    The status is computed from the record's own configuration, which may have changed since the sync
    began. A state older than the record's is not written: a delayed sync must not undo a later one.
    """
    stored = unwrap_custom_fields(record)
    edited = build_config_fields(edits)
    config = parse_config({**record, "custom_fields": stored | edited})
    latest = _choose_newer(parse_last_known_state(record), last_known, now)
    return _find_differing_fields(record, edited | build_status_fields(config, latest))


def is_consistent(record: Mapping[str, Any]) -> bool:
    """True if status fields and configuration agree, with no sync running."""
    expected = build_status_fields(parse_config(record), parse_last_known_state(record))
    return not _find_differing_fields(record, expected)


def get_owner_instance(record: Mapping[str, Any]) -> str:
    """Return the installation that owns the record; empty if none does."""
    return _parse_text(unwrap_custom_fields(record).get("hh_instance"))


def find_other_owner(record: Mapping[str, Any], instance: str) -> str:
    """Return the owner of the record if it is not `instance`; otherwise empty text."""
    owner = get_owner_instance(record)
    return "" if is_same_instance(owner, instance) else owner


def get_shown_status(record: Mapping[str, Any]) -> str:
    """Return the status that the record shows; empty if it shows none."""
    return _parse_text(unwrap_custom_fields(record).get("hh_sync_status"))


def make_fabric_id(name: str, taken_ids: Collection[str]) -> str:
    """Make a fabric id from a record's name that is not among `taken_ids`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_FABRIC_ID_CHARS].strip("-") or "fabric"

    def number_slug(number: int) -> str:
        suffix = f"-{number}" if number > 1 else ""
        return slug[: MAX_FABRIC_ID_CHARS - len(suffix)].rstrip("-") + suffix

    def is_free(number: int) -> bool:
        return number_slug(number) not in taken_ids

    free = 1
    while not is_free(free):
        free *= 2
    lower = range(free // 2 + 1, free)  # not all are tried: thousands of records may have one name
    return number_slug(lower.start + bisect_left(lower, True, key=is_free))


def _find_differing_fields(record: Mapping[str, Any], expected: CustomFields) -> CustomFields:
    stored = unwrap_custom_fields(record)
    changed = (name for name in expected if not _is_same_value(stored.get(name), expected[name]))
    return {name: expected[name] for name in changed}


def _choose_newer(stored: LastKnownState, latest: LastKnownState, now: datetime) -> LastKnownState:
    stored_at = stored.last_sync
    if stored_at is None or stored_at > now + MAX_CLOCK_SKEW:
        return latest
    older = latest.last_sync is None or latest.last_sync.replace(microsecond=0) < stored_at
    return stored if older else latest


def _is_same_value(stored: object, expected: object) -> bool:
    """True if NetBox has this value, in any of its forms of "empty" and of times."""
    if _is_empty(stored) or _is_empty(expected):
        return _is_empty(stored) and _is_empty(expected)
    if isinstance(stored, str) and isinstance(expected, str) and stored != expected:
        moment = _parse_time(stored)
        return moment is not None and moment == _parse_time(expected)
    return stored == expected and type(stored) is type(expected)


def _is_empty(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def _format_text(text: str) -> str | None:
    return replace_unprintable(text[:MAX_TEXT_CHARS]) or None


def _format_time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def format_counts(counts: Mapping[str, int]) -> str:
    """Return the numbers of objects by kind as a line of words."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _parse_text(value: object) -> str:
    return replace_unprintable(value[:MAX_TEXT_CHARS]) if isinstance(value, str) else ""


def _parse_time(value: object) -> datetime | None:
    return parse_time(_parse_text(value))


def _parse_connection_status(value: object) -> ConnectionStatus:
    known = value in tuple(ConnectionStatus)
    return ConnectionStatus(str(value)) if known else ConnectionStatus.UNKNOWN


def _parse_health(value: object) -> Health:
    return Health(str(value)) if value in tuple(Health) else Health.UNKNOWN


def _parse_count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _parse_counts(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    counts = {kind.name: _parse_count(value.get(kind.name)) for kind in COMPARED_KINDS}
    return {name: count for name, count in counts.items() if count is not None}


def _add_drift(last_known: LastKnownState, value: object) -> LastKnownState:
    if len(json.dumps(value)) > RECORD_LIMITS.size_bytes:
        return last_known
    try:
        return LastKnownState.model_validate(last_known.model_dump() | {"drift": value or ()})
    except ValidationError:
        return last_known
