"""A fabric's record: the NetBox cluster as its REST API shows it, and what its syncs make of it.

Reading never fails: people edit these fields, and so may other tools. A configuration that cannot
be used is told in its `problems` (`fabrics.record.config_fields`); a status that makes no sense is as good
as absent. What is written are custom fields in the form in which NetBox gives them back, so that
what is there and what should be there can be compared.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.config_fields import parse_config, unwrap_custom_fields
from fabrics.record.status import (
    ConnectionStatus,
    LastKnownState,
    compute_status_error,
    compute_sync_status,
)

__all__ = [
    "DUPLICATE_ID_FIX",
    "build_config_fields",
    "build_status_fields",
    "find_changed_fields",
    "find_other_owner",
    "get_owner_instance",
    "get_shown_status",
    "is_consistent",
    "make_fabric_id",
    "parse_config",
    "parse_last_known_state",
]

MAX_DRIFT_ENTRIES: Final = 20
MAX_DRIFT_BYTES: Final = 4096
MAX_FABRIC_ID_CHARS: Final = 39
DUPLICATE_ID_FIX: Final = (
    "clear hh_fabric_id on all but one, through NetBox's API (its form shows it read-only)"
)
"""What to do about records of one fabric id."""

MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
"""A stored time further ahead of ours than this was not written by a sync."""

type CustomFields = dict[str, Any]


def parse_last_known_state(record: Mapping[str, Any]) -> LastKnownState:
    """What the record says of earlier syncs, to carry on with after a loop was lost."""
    stored = unwrap_custom_fields(record)
    last_sync, last_success = (
        _parse_time(stored.get("hh_last_sync")),
        _parse_time(stored.get("hh_last_success")),
    )
    # What a sync that succeeded seems to have left was about a configuration, perhaps since corrected.
    failed = last_sync is not None and last_sync != last_success
    problems = " ".join(parse_config(record).problems)
    facts = LastKnownState(
        last_sync=last_sync,
        last_success=last_success,
        error=_parse_text(stored.get("hh_sync_error")).removeprefix(problems).strip()
        if failed
        else "",
        connection_status=_parse_connection_status(stored.get("hh_connection_status")),
        connection_error=_parse_text(stored.get("hh_connection_error")),
        commit=_parse_text(stored.get("hh_commit")),
        drift_count=_parse_count(stored.get("hh_drift_count")),
        counts=_parse_counts(stored.get("hh_counts")),
        inventory_issues=_parse_text(stored.get("hh_inventory")),
    )
    return _add_drift(facts, stored.get("hh_drift"))


def build_status_fields(config: FabricConfig, last_known: LastKnownState) -> CustomFields:
    """All status fields, which only ever go together: what they say was true at one moment."""
    last_known = last_known.valid_for(config)
    return {
        "hh_sync_status": str(compute_sync_status(config, last_known)),
        "hh_last_sync": _format_time(last_known.last_sync),
        "hh_last_success": _format_time(last_known.last_success),
        "hh_sync_error": compute_status_error(config, last_known) or None,
        "hh_connection_status": str(last_known.connection_status),
        "hh_connection_error": last_known.connection_error[:500] or None,
        "hh_commit": last_known.commit or None,
        "hh_drift_count": last_known.drift_count,
        "hh_drift": _truncate_drift(last_known) or None,
        "hh_counts": dict(last_known.counts) or None,
        "hh_inventory": last_known.inventory_issues[:500] or None,
    }


def build_config_fields(edits: ConfigEdits) -> CustomFields:
    """The fields that store these edits; empty text is stored as no value."""
    fields: CustomFields = {}
    if edits.interval is not None:
        fields["hh_sync_interval"] = edits.interval
    if edits.paused is not None:
        fields["hh_paused"] = edits.paused
    if edits.pause_reason is not None:
        fields["hh_pause_reason"] = edits.pause_reason or None
    return fields


def find_changed_fields(
    record: Mapping[str, Any], edits: ConfigEdits, last_known: LastKnownState, now: datetime
) -> CustomFields:
    """What has to be written so that the record has taken `edits` and shows `facts`.

    The status follows from the record's own configuration, which somebody may have changed since
    the sync began. Facts older than those in the record are not written: a sync that was held up
    must not take back what a later one found.
    """
    stored = unwrap_custom_fields(record)
    edited = build_config_fields(edits)
    config = parse_config({**record, "custom_fields": stored | edited})
    latest = _choose_newer(parse_last_known_state(record), last_known, now)
    return _find_differing_fields(record, edited | build_status_fields(config, latest))


def is_consistent(record: Mapping[str, Any]) -> bool:
    """Whether what the record shows goes together with itself and its configuration, while no sync runs."""
    return not _find_differing_fields(
        record, build_status_fields(parse_config(record), parse_last_known_state(record))
    )


def get_owner_instance(record: Mapping[str, Any]) -> str:
    """The installation that syncs this fabric; empty as long as none has."""
    return _parse_text(unwrap_custom_fields(record).get("hh_instance"))


def find_other_owner(record: Mapping[str, Any], instance: str) -> str:
    """The installation other than `instance` that syncs this fabric; empty where none does."""
    owner = get_owner_instance(record)
    return "" if owner == instance else owner


def get_shown_status(record: Mapping[str, Any]) -> str:
    """The status that the record shows; empty as long as it shows none."""
    return _parse_text(unwrap_custom_fields(record).get("hh_sync_status"))


def make_fabric_id(name: str, taken_ids: Collection[str]) -> str:
    """A fabric id made from a record's name that none of the `taken` ones equals."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_FABRIC_ID_CHARS].strip("-") or "fabric"
    candidate, number = slug, 1
    while candidate in taken_ids:
        number += 1
        suffix = f"-{number}"
        candidate = slug[: MAX_FABRIC_ID_CHARS - len(suffix)].rstrip("-") + suffix
    return candidate


def _find_differing_fields(record: Mapping[str, Any], expected: CustomFields) -> CustomFields:
    stored = unwrap_custom_fields(record)
    return {
        name: value
        for name, value in expected.items()
        if not _is_same_value(stored.get(name), value)
    }


def _choose_newer(
    stored: LastKnownState, observed: LastKnownState, now: datetime
) -> LastKnownState:
    known = stored.last_sync
    if known is None or known > now + MAX_CLOCK_SKEW:
        return observed
    behind = observed.last_sync is None or observed.last_sync.replace(microsecond=0) < known
    return stored if behind else observed


def _is_same_value(stored: object, expected: object) -> bool:
    """Whether NetBox holds this value already: it has several ways to write "empty" or a time."""
    if _is_empty(stored) or _is_empty(expected):
        return _is_empty(stored) and _is_empty(expected)
    if isinstance(stored, str) and isinstance(expected, str) and stored != expected:
        moment = _parse_time(stored)
        return moment is not None and moment == _parse_time(expected)
    return stored == expected and type(stored) is type(expected)


def _is_empty(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def _format_time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _truncate_drift(last_known: LastKnownState) -> list[CustomFields]:
    """As many entries as fit: the field is for people, `starter.py diff` has them all."""
    shown: list[CustomFields] = last_known.model_dump(mode="json")["drift"][:MAX_DRIFT_ENTRIES]
    while len(json.dumps(shown)) > MAX_DRIFT_BYTES:
        shown.pop()
    return shown


def _parse_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _parse_time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_parse_text(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parse_connection_status(value: object) -> ConnectionStatus:
    known = value in tuple(ConnectionStatus)
    return ConnectionStatus(str(value)) if known else ConnectionStatus.UNKNOWN


def _parse_count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _parse_counts(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {str(kind): count for kind, n in value.items() if (count := _parse_count(n)) is not None}


def _add_drift(last_known: LastKnownState, value: object) -> LastKnownState:
    try:
        return LastKnownState.model_validate(last_known.model_dump() | {"drift": value or ()})
    except ValidationError:
        return last_known
