"""The states of all fabrics, as those who are notified are told of them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Annotated, Final

from pydantic import BaseModel, Field

from fabrics.agents.health_report import Health
from fabrics.drift.sentences import shorten
from fabrics.fleet.reconcile import FabricRecord, FleetPlan, FleetSnapshot
from fabrics.fleet.summary import is_stale_record
from fabrics.record.config import MAX_INTERVAL_SECONDS
from fabrics.record.status_fields import MAX_FABRIC_ID_CHARS
from fabrics.record.sync_status import SyncStatus, compute_status_error, compute_sync_status
from fabrics.times import format_time

STALE: Final = "stale"
"""The state of a fabric that should sync and does not."""

DEGRADED: Final = f", {Health.DEGRADED}"
"""Follows the status of a fabric whose switches are not well."""

TROUBLE: Final = frozenset({SyncStatus.ERROR, SyncStatus.OUT_OF_SYNC, STALE})
"""Statuses that people are told of. What they did themselves, such as a pause, only ends another one."""

MAX_REASONS: Final = 50
MAX_REASON_CHARS: Final = 200

MAX_AGE: Final = timedelta(days=7)
"""States in a message are no older, nor from a clock that is further ahead."""


class StateGroup(BaseModel, frozen=True):
    """The ids of fabrics in one state that sync at one interval, in seconds."""

    state: Annotated[str, Field(max_length=40)]
    interval: Annotated[int, Field(ge=0, le=MAX_INTERVAL_SECONDS)]
    fabrics: tuple[Annotated[str, Field(max_length=MAX_FABRIC_ID_CHARS)], ...]


class FleetStates(BaseModel, frozen=True):
    """The states of all fabrics in the round that began at `checked`.

    `reasons` says of some fabrics in trouble, by id, what is wrong. The next round is `round_interval` seconds later.
    """

    checked: datetime
    round_interval: Annotated[int, Field(ge=1, le=10**9)]
    groups: tuple[StateGroup, ...] = ()
    reasons: dict[str, str] = {}

    @property
    def digest(self) -> str:
        """Twelve hex digits that change with each state, and each day."""
        return sha256(repr((self.checked.date(), self.groups)).encode()).hexdigest()[:12]


def find_states(snapshot: FleetSnapshot, plan: FleetPlan, round_interval: int) -> FleetStates:
    """Return the states of the fabrics of this installation in a round."""
    groups = defaultdict[tuple[str, int], list[str]](list)
    in_trouble = list[tuple[FabricRecord, str]]()
    for fabric_id, record in sorted(snapshot.own_records.items()):
        settled = _without_running_sync(record)
        state = _find_state(settled, snapshot, plan)
        groups[state, record.config.interval].append(fabric_id)
        if is_trouble(state):
            in_trouble.append((settled, state))
    return FleetStates(
        checked=snapshot.now,
        round_interval=round_interval,
        groups=tuple(
            StateGroup(state=state, interval=interval, fabrics=tuple(fabrics))
            for (state, interval), fabrics in sorted(groups.items())
        ),
        reasons=_explain(in_trouble),
    )


def parse_states(value: object, now: datetime) -> FleetStates:
    """Parse the states in a message, which are of about now. Raises `ValueError`."""
    states = FleetStates.model_validate(value)
    if states.checked.tzinfo is None or abs(states.checked - now) > MAX_AGE:
        raise ValueError(f"the states are of {states.checked}, which is not about now")
    return states


def is_trouble(state: str) -> bool:
    """True if people are told that a fabric is in this state."""
    return state.removesuffix(DEGRADED) in TROUBLE or state.endswith(DEGRADED)


def _without_running_sync(record: FabricRecord) -> FabricRecord:
    """Return the record as it was before a sync that it shows as running."""
    last_known = record.last_known.model_copy(update={"syncing": False})
    return record.model_copy(update={"last_known": last_known})


def _find_state(record: FabricRecord, snapshot: FleetSnapshot, plan: FleetPlan) -> str:
    status: str = compute_sync_status(record.config, record.last_known)
    # An error that lasts says already that no sync succeeds.
    fails_on_time = status == SyncStatus.ERROR and record.config.fabric_id not in plan.overdue
    if is_stale_record(record, snapshot, plan) and not fails_on_time:
        status = STALE
    health = record.last_known.valid_for(record.config).health
    return f"{status}{DEGRADED if health is Health.DEGRADED else ''}"


def _explain(in_trouble: Iterable[tuple[FabricRecord, str]]) -> dict[str, str]:
    """Return what is wrong with the first of these fabrics, by their ids."""
    return {
        record.config.fabric_id: shorten(_find_reason(record, state), MAX_REASON_CHARS)
        for record, state in islice(in_trouble, MAX_REASONS)
    }


def _find_reason(record: FabricRecord, state: str) -> str:
    last_known, status = record.last_known, state.removesuffix(DEGRADED)
    reasons = {
        STALE: f"The last success was at {format_time(last_known.last_success)}.",
        SyncStatus.OUT_OF_SYNC: f"Objects that differ from Git: {last_known.drift_count}.",
        SyncStatus.ERROR: compute_status_error(record.config, last_known),
    }
    health = last_known.health_message if state.endswith(DEGRADED) else ""
    return f"{reasons.get(status, '')} {health}".strip()
