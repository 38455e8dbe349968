"""A fabric's record: the NetBox cluster as its REST API shows it, and what its syncs make of it.

Reading never fails: people edit these fields, and so may other tools. A configuration that cannot
be used is told in its `problems` (`fabrics.record_config`); a status that makes no sense is as good
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
from fabrics.record.config_fields import parse_config, raw_fields
from fabrics.record.status import ConnectionStatus, Facts, status_error, sync_status

__all__ = [
    "CLEAR_IT",
    "changed_fields",
    "config_fields",
    "instance_of",
    "is_true",
    "other_owner",
    "parse_config",
    "parse_facts",
    "shown_status",
    "slug_fabric_id",
    "status_fields",
]

MAX_DRIFT_ENTRIES: Final = 20
MAX_DRIFT_BYTES: Final = 4096
MAX_ID: Final = 39
CLEAR_IT: Final = (
    "clear hh_fabric_id on all but one, through NetBox's API (its form shows it read-only)"
)
"""What to do about records of one fabric id."""

CLOCK_SKEW: Final = timedelta(minutes=5)
"""A stored time further ahead of ours than this was not written by a sync."""

type Fields = dict[str, Any]


def parse_facts(record: Mapping[str, Any]) -> Facts:
    """What the record says of earlier syncs, to carry on with after a loop was lost."""
    stored = raw_fields(record)
    last_sync, last_success = (
        _time(stored.get("hh_last_sync")),
        _time(stored.get("hh_last_success")),
    )
    # What a sync that succeeded seems to have left was about a configuration, perhaps since corrected.
    failed = last_sync is not None and last_sync != last_success
    problems = " ".join(parse_config(record).problems)
    facts = Facts(
        last_sync=last_sync,
        last_success=last_success,
        error=_text(stored.get("hh_sync_error")).removeprefix(problems).strip() if failed else "",
        connection_status=_connection(stored.get("hh_connection_status")),
        connection_error=_text(stored.get("hh_connection_error")),
        commit=_text(stored.get("hh_commit")),
        drift_count=_count(stored.get("hh_drift_count")),
        counts=_counts(stored.get("hh_counts")),
        inventory=_text(stored.get("hh_inventory")),
    )
    return _with_drift(facts, stored.get("hh_drift"))


def status_fields(config: FabricConfig, facts: Facts) -> Fields:
    """All status fields, which only ever go together: what they say was true at one moment."""
    facts = facts.under(config)
    return {
        "hh_sync_status": str(sync_status(config, facts)),
        "hh_last_sync": _stamp(facts.last_sync),
        "hh_last_success": _stamp(facts.last_success),
        "hh_sync_error": status_error(config, facts) or None,
        "hh_connection_status": str(facts.connection_status),
        "hh_connection_error": facts.connection_error[:500] or None,
        "hh_commit": facts.commit or None,
        "hh_drift_count": facts.drift_count,
        "hh_drift": _shown(facts) or None,
        "hh_counts": dict(facts.counts) or None,
        "hh_inventory": facts.inventory[:500] or None,
    }


def config_fields(edits: ConfigEdits) -> Fields:
    """The fields that store these edits; empty text is stored as no value."""
    fields: Fields = {}
    if edits.interval is not None:
        fields["hh_sync_interval"] = edits.interval
    if edits.paused is not None:
        fields["hh_paused"] = edits.paused
    if edits.pause_reason is not None:
        fields["hh_pause_reason"] = edits.pause_reason or None
    return fields


def changed_fields(
    record: Mapping[str, Any], edits: ConfigEdits, facts: Facts, now: datetime
) -> Fields:
    """What has to be written so that the record has taken `edits` and shows `facts`.

    The status follows from the record's own configuration, which somebody may have changed since
    the sync began. Facts older than those in the record are not written: a sync that was held up
    must not take back what a later one found.
    """
    stored = raw_fields(record)
    edited = config_fields(edits)
    config = parse_config({**record, "custom_fields": stored | edited})
    latest = _latest(parse_facts(record), facts, now)
    return _differing(record, edited | status_fields(config, latest))


def is_true(record: Mapping[str, Any]) -> bool:
    """Whether what the record shows goes together with itself and its configuration, while no sync runs."""
    return not _differing(record, status_fields(parse_config(record), parse_facts(record)))


def instance_of(record: Mapping[str, Any]) -> str:
    """The installation that syncs this fabric; empty as long as none has."""
    return _text(raw_fields(record).get("hh_instance"))


def other_owner(record: Mapping[str, Any], instance: str) -> str:
    """The installation other than `instance` that syncs this fabric; empty where none does."""
    owner = instance_of(record)
    return "" if owner == instance else owner


def shown_status(record: Mapping[str, Any]) -> str:
    """The status that the record shows; empty as long as it shows none."""
    return _text(raw_fields(record).get("hh_sync_status"))


def slug_fabric_id(name: str, taken: Collection[str]) -> str:
    """A fabric id made from a record's name that none of the `taken` ones equals."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_ID].strip("-") or "fabric"
    candidate, number = slug, 1
    while candidate in taken:
        number += 1
        suffix = f"-{number}"
        candidate = slug[: MAX_ID - len(suffix)].rstrip("-") + suffix
    return candidate


def _differing(record: Mapping[str, Any], wanted: Fields) -> Fields:
    stored = raw_fields(record)
    return {name: value for name, value in wanted.items() if not _same(stored.get(name), value)}


def _latest(stored: Facts, seen: Facts, now: datetime) -> Facts:
    known = stored.last_sync
    if known is None or known > now + CLOCK_SKEW:
        return seen
    behind = seen.last_sync is None or seen.last_sync.replace(microsecond=0) < known
    return stored if behind else seen


def _same(stored: object, wanted: object) -> bool:
    """Whether NetBox holds this value already: it has several ways to write "empty" or a time."""
    if _is_empty(stored) or _is_empty(wanted):
        return _is_empty(stored) and _is_empty(wanted)
    if isinstance(stored, str) and isinstance(wanted, str) and stored != wanted:
        moment = _time(stored)
        return moment is not None and moment == _time(wanted)
    return stored == wanted and type(stored) is type(wanted)


def _is_empty(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _shown(facts: Facts) -> list[Fields]:
    """As many entries as fit: the field is for people, `starter.py diff` has them all."""
    shown: list[Fields] = facts.model_dump(mode="json")["drift"][:MAX_DRIFT_ENTRIES]
    while len(json.dumps(shown)) > MAX_DRIFT_BYTES:
        shown.pop()
    return shown


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _connection(value: object) -> ConnectionStatus:
    known = value in tuple(ConnectionStatus)
    return ConnectionStatus(str(value)) if known else ConnectionStatus.UNKNOWN


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _counts(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {str(kind): count for kind, n in value.items() if (count := _count(n)) is not None}


def _with_drift(facts: Facts, value: object) -> Facts:
    try:
        return Facts.model_validate(facts.model_dump() | {"drift": value or ()})
    except ValidationError:
        return facts
