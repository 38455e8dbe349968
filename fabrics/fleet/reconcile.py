"""One round over all fabrics of a NetBox: compare records with loops, and plan.

The plan is level-triggered: it compares the actual with the desired state and remembers nothing, so the
next round makes up for one that was lost or half done. It must never take a bad answer for a change:
an empty or shortened list would end loops that people want.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self

from pydantic import BaseModel

from fabrics.record.config import FabricConfig
from fabrics.record.config_fields import parse_config
from fabrics.record.installation import is_same_instance
from fabrics.record.status_fields import (
    get_owner_instance,
    get_shown_status,
    is_consistent,
    parse_last_known_state,
)
from fabrics.record.sync_status import LastKnownState, SyncStatus, compute_sync_status

FLEET_WORKFLOW_ID: Final = "fabric-fleet"
"""The id of the workflow that manages all loops."""

MAX_ORPHANED_LOOPS: Final = 2
MAX_ORPHANED_SHARE: Final = 0.25
"""Loops whose records may vanish at once: more than two and more than a quarter are an error."""


class FabricRecord(BaseModel, frozen=True):
    """One fabric's record; the status and `instance`, its owner, may be empty.

    `is_consistent` says whether the status fields agree with each other and with the configuration.
    """

    config: FabricConfig
    last_known: LastKnownState
    instance: str
    shown_status: str = ""
    is_consistent: bool = True

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Parse a NetBox cluster."""
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
        """The status that the record should show."""
        return compute_sync_status(self.config, self.last_known)

    @property
    def is_up_to_date(self) -> bool:
        """True if the shown status can be right; only the loop knows of a running sync."""
        return self.is_consistent and self.shown_status in (self.status, SyncStatus.SYNCING)

    def has_other_owner(self, instance: str) -> bool:
        """True if an installation other than `instance` syncs the fabric."""
        return bool(self.instance) and not is_same_instance(self.instance, instance)


class RunningLoop(BaseModel, frozen=True):
    """A loop that Temporal lists; `config_hash` identifies its configuration.

    `status` (never `syncing`) and `drift_count` are its search attributes; None if Temporal has none. `is_failing`
    if Temporal reports that its workflow task fails again and again.
    """

    fabric_id: str
    config_hash: str
    started: datetime
    status: str | None = None
    drift_count: int | None = None
    is_failing: bool = False

    def contradicts(self, record: FabricRecord) -> bool:
        """True if the record shows another status or drift; a first `syncing` may fit."""
        if self.status is None:
            return False
        if record.shown_status == SyncStatus.SYNCING:
            return record.last_known.last_sync is not None
        shown = (record.shown_status, record.last_known.drift_count or 0)
        return (self.status, self.drift_count) != shown


class FleetPlan(BaseModel, frozen=True):
    """The actions of one round.

    `loops_to_signal` are fabric ids: their loops, started if they do not run, reload the record. The loops of
    the `overdue` have not synced for too long, whatever the reason, and those of the `failing` cannot.
    `records_to_update` are NetBox ids of records without a loop, whose status is to be corrected.
    `inventories_to_cancel` are fabric ids: no loop waits for what is written there.
    """

    loops_to_signal: tuple[str, ...]
    records_to_update: tuple[int, ...]
    overdue: tuple[str, ...]
    failing: tuple[str, ...] = ()
    inventories_to_cancel: tuple[str, ...] = ()


class OrphanedLoopsError(Exception):
    """Too many loops have lost their record at once; the text says what to do."""


class FleetSnapshot(BaseModel, frozen=True):
    """All records, loops and running inventories at one moment.

    `instance` is this installation, `netbox_heartbeat` the number of seconds after which a record is written
    though nothing changed.
    """

    records: tuple[FabricRecord, ...]
    loops: tuple[RunningLoop, ...]
    inventories: frozenset[str] = frozenset()
    instance: str
    netbox_heartbeat: int
    now: datetime

    @property
    def own_records(self) -> dict[str, FabricRecord]:
        """The records that this installation may sync, by fabric id."""
        return {
            fabric_id: record
            for fabric_id, record in self._records_by_unique_id.items()
            if not record.has_other_owner(self.instance)
        }

    @property
    def orphaned_loops(self) -> frozenset[str]:
        """The fabric ids of loops without a record."""
        recorded = {record.config.fabric_id for record in self.records}
        return frozenset(loop.fabric_id for loop in self.loops) - recorded

    def plan(self, *, is_new_release: bool) -> FleetPlan:
        """Plan the round; after a new release every loop is signalled.

        Raises `OrphanedLoopsError` if too many loops have lost their record at once.
        """
        own, running = self.own_records, {loop.fabric_id: loop for loop in self.loops}
        _check_orphaned_loops(len(self.orphaned_loops), len(running))
        taken_over = running.keys() & self._records_by_unique_id.keys() - own.keys()
        pairs = [(own[fabric_id], running[fabric_id]) for fabric_id in own.keys() & running.keys()]
        outdated = {
            loop.fabric_id
            for record, loop in pairs
            if is_new_release
            or loop.config_hash != record.config.hash
            or not record.is_up_to_date
            or loop.contradicts(record)
        }
        overdue = {loop.fabric_id for record, loop in pairs if self._is_overdue(record, loop)}
        without_loop = own.keys() - running.keys()
        lost = {fabric_id for fabric_id in without_loop if own[fabric_id].config.needs_loop}
        idle = without_loop - lost
        to_signal = self.orphaned_loops | taken_over | outdated | lost
        return FleetPlan(
            loops_to_signal=tuple(sorted(to_signal)),
            records_to_update=tuple(
                record.config.record_id
                for record in self.records
                if record.config.fabric_id in idle
                # No loop will ever report an unusable fabric id.
                or (record.config.has_invalid_id and not record.has_other_owner(self.instance))
            ),
            overdue=tuple(sorted(overdue)),
            failing=tuple(sorted(loop.fabric_id for _, loop in pairs if loop.is_failing)),
            inventories_to_cancel=tuple(sorted(self.inventories - running.keys())),
        )

    @property
    def _records_by_unique_id(self) -> dict[str, FabricRecord]:
        """The records whose fabric id no other record has, by that id."""
        uses = Counter(record.config.fabric_id for record in self.records)
        return {
            fabric_id: record
            for record in self.records
            if (fabric_id := record.config.fabric_id) and uses[fabric_id] == 1
        }

    def _is_overdue(self, record: FabricRecord, loop: RunningLoop) -> bool:
        """True if no sync, failed or not, began for two intervals or heartbeats.

        The loop of a disabled fabric ends within moments, so one that still runs by then is overdue, too.
        """
        if record.config.paused and record.config.needs_loop:
            return False
        last_sync = max(filter(None, (record.last_known.last_sync, loop.started)))
        longest = max(record.config.interval, self.netbox_heartbeat)
        return self.now - last_sync > timedelta(seconds=2 * longest)


def _check_orphaned_loops(orphaned: int, running: int) -> None:
    if orphaned > max(MAX_ORPHANED_LOOPS, running * MAX_ORPHANED_SHARE):
        raise OrphanedLoopsError(
            f"{orphaned} of {running} fabrics with a running loop no longer have a record in NetBox;"
            " nothing was changed. Check what the worker's token may see. If the records really are gone,"
            " send the signal record_changed to their loops; next time, disable the fabrics before you"
            " delete their records."
        )
