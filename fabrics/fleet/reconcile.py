"""All fabrics of one NetBox: what one look at their records and loops asks for.

The plan is level-triggered: it compares what is with what should be, and remembers nothing. So a round
that was lost, or half done, is made up for by the next one. What it must never do is take a bad answer
for a change: an empty or shortened list would end loops that people want.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self

from pydantic import BaseModel

from fabrics.record.config import FabricConfig
from fabrics.record.status import LastKnownState, SyncStatus, compute_sync_status
from fabrics.record.status_fields import (
    get_owner_instance,
    get_shown_status,
    is_consistent,
    parse_config,
    parse_last_known_state,
)

FLEET_WORKFLOW_ID: Final = "fabric-fleet"
"""The id of the workflow that looks after all loops."""

MAX_ORPHANED_LOOPS: Final = 2
MAX_ORPHANED_SHARE: Final = 0.25
"""Loops whose records have vanished at once: more than two of them and a quarter is no tidying up."""

MAX_FIRST_SYNC_SECONDS: Final = 3600
"""Seconds that a fabric may well be `syncing` when it is loaded for the first time."""


class FabricRecord(BaseModel, frozen=True):
    """One record. `shown` is the status that it shows, `instance` the installation that has claimed it;
    each is empty where there is none. `is_consistent` says whether all that it shows goes together.
    """

    config: FabricConfig
    last_known: LastKnownState
    instance: str
    shown_status: str = ""
    is_consistent: bool = True

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The member whose NetBox record this is."""
        shown = get_shown_status(record)
        syncing = shown == SyncStatus.SYNCING
        return cls(
            config=parse_config(record),
            last_known=parse_last_known_state(record).model_copy(update={"syncing": syncing}),
            instance=get_owner_instance(record),
            shown_status=shown,
            is_consistent=syncing or is_consistent(record),
        )

    @property
    def status(self) -> SyncStatus:
        """Its status, as its record should show it."""
        return compute_sync_status(self.config, self.last_known)

    @property
    def is_up_to_date(self) -> bool:
        """Whether what it shows can be the truth. That a sync is running, only its loop can know."""
        return self.is_consistent and self.shown_status in (self.status, SyncStatus.SYNCING)

    def has_other_owner(self, instance: str) -> bool:
        """Whether an installation other than `instance` looks after it."""
        return self.instance not in ("", instance)


class RunningLoop(BaseModel, frozen=True):
    """A loop that Temporal lists. `config_hash` is that of the configuration that it goes by.

    `status`, apart from a sync that is running, and `drift` are what it shows there; None where Temporal
    does not know them.
    """

    fabric_id: str
    config_hash: str
    started: datetime
    status: str | None = None
    drift_count: int | None = None

    def contradicts(self, record: FabricRecord) -> bool:
        """Whether its record shows something else. One that says `syncing` for the first time may be right."""
        if self.status is None:
            return False
        if record.shown_status == SyncStatus.SYNCING:
            return record.last_known.last_sync is not None
        return (self.status, self.drift_count) != (
            record.shown_status,
            record.last_known.drift_count or 0,
        )


class FleetPlan(BaseModel, frozen=True):
    """What to do, by fabric id: `tell` loops, started where they do not run, that their record may have
    changed; `records_to_update` records without a loop, by their numbers, whose status is to be made true.
    `overdue` ones are among those that are told.
    """

    loops_to_signal: tuple[str, ...]
    records_to_update: tuple[int, ...]
    overdue: tuple[str, ...]


class ImplausibleRead(Exception):
    """What was read cannot be the truth; the text says why and what to do."""


class FleetSnapshot(BaseModel, frozen=True):
    """One look at all records and at all loops.

    `instance` is this installation, `netbox_heartbeat` the number of seconds after which a record is written
    though nothing changed.
    """

    records: tuple[FabricRecord, ...]
    loops: tuple[RunningLoop, ...]
    instance: str
    netbox_heartbeat: int
    now: datetime

    @property
    def own_records(self) -> dict[str, FabricRecord]:
        """By fabric id, those that this installation may look after."""
        return {
            fabric_id: member
            for fabric_id, member in self._records_by_unique_id.items()
            if not member.has_other_owner(self.instance)
        }

    @property
    def orphaned_loops(self) -> frozenset[str]:
        """The loops that have no record."""
        known = {member.config.fabric_id for member in self.records}
        return frozenset(loop.fabric_id for loop in self.loops) - known

    def plan(self, *, is_new_release: bool) -> FleetPlan:
        """What to do now; after a `release` every loop is told.

        Raises `ImplausibleRead` where too many loops have lost their record at once.
        """
        ours, running = self.own_records, {loop.fabric_id: loop for loop in self.loops}
        _check_orphaned_loops(len(self.orphaned_loops), len(running))
        taken_away = running.keys() & self._records_by_unique_id.keys() - ours.keys()
        both = [(ours[fabric_id], running[fabric_id]) for fabric_id in ours.keys() & running.keys()]
        outdated = {
            loop.fabric_id
            for member, loop in both
            if is_new_release
            or loop.config_hash != member.config.hash
            or not member.is_up_to_date
            or loop.contradicts(member)
        }
        overdue = {loop.fabric_id for member, loop in both if self._is_overdue(member, loop)}
        idle = ours.keys() - running.keys()
        lost = {fabric_id for fabric_id in idle if ours[fabric_id].config.needs_loop}
        unwanted = idle - lost
        return FleetPlan(
            loops_to_signal=tuple(
                sorted(self.orphaned_loops | taken_away | outdated | overdue | lost)
            ),
            records_to_update=tuple(
                member.config.record_id
                for member in self.records
                if member.config.fabric_id in unwanted or self._has_invalid_id(member)
            ),
            overdue=tuple(sorted(overdue)),
        )

    @property
    def _records_by_unique_id(self) -> dict[str, FabricRecord]:
        """By fabric id, those that have one which nobody else has."""
        uses = Counter(member.config.fabric_id for member in self.records)
        return {
            fabric_id: member
            for member in self.records
            if (fabric_id := member.config.fabric_id) and uses[fabric_id] == 1
        }

    def _has_invalid_id(self, record: FabricRecord) -> bool:
        """Its fabric id is none, so it can never have a loop that would say so."""
        return record.config.has_invalid_id and not record.has_other_owner(self.instance)

    def _is_overdue(self, record: FabricRecord, loop: RunningLoop) -> bool:
        """The record says that no sync began, failed or not, for two intervals, heartbeats or loads.

        A loop that nobody wants ends within moments, so one that still runs by then is overdue as well.
        """
        if record.config.paused and record.config.needs_loop:
            return False
        last = max(filter(None, (record.last_known.last_sync, loop.started)))
        load = MAX_FIRST_SYNC_SECONDS if record.shown_status == SyncStatus.SYNCING else 0
        longest = max(record.config.interval, self.netbox_heartbeat, load)
        return self.now - last > timedelta(seconds=2 * longest)


def _check_orphaned_loops(orphaned: int, running: int) -> None:
    if orphaned > max(MAX_ORPHANED_LOOPS, running * MAX_ORPHANED_SHARE):
        raise ImplausibleRead(
            f"{orphaned} of {running} fabrics that are synced have no record in NetBox any more:"
            " nothing was changed. Check what the worker's token may see; to really end so many loops,"
            " disable the fabrics before their records are deleted, or send the loops of those that"
            " are gone the signal record_changed."
        )
