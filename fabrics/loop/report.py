"""The status of a fabric, and a short report of each sync."""

from datetime import datetime

from pydantic import BaseModel

from fabrics.drift.summary import SummaryEntry
from fabrics.inventory.report.report import InventoryOutcome, InventoryReport
from fabrics.loop.active_sync import ActiveSync, Trigger
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.record.sync_status import ConnectionStatus, LastKnownState, Observation, SyncStatus


class SyncReport(BaseModel, frozen=True):
    """A short report of one sync; times are in seconds, only a scheduled sync has a slot.

    `lateness` runs from the slot to the start of reading the fabric; None if it was never read.
    `inventory` is None if no update was due, and its report lists no single objects.
    """

    number: int
    trigger: Trigger
    slot: datetime | None
    started: datetime
    lateness: float | None = None
    duration: float
    sync_status: SyncStatus
    error: str = ""
    commit: str = ""
    drift_count: int | None = None
    objects: int = 0
    inventory: InventoryReport | None = None
    missed: int = 0


def build_sync_report(  # noqa: PLR0913  one argument a source
    active_sync: ActiveSync,
    observation: Observation | None,
    inventory_result: InventoryOutcome | str | None,
    *,
    last_known: LastKnownState,
    status: SyncStatus,
    ended: datetime,
    overrun: int,
) -> SyncReport:
    """Return the report of a sync that ended at `ended` and overran `overrun` slots."""
    inventory = None
    if isinstance(inventory_result, InventoryOutcome) and not inventory_result.withheld:
        inventory = inventory_result.report.model_copy(update={"findings": ()})
    slot = active_sync.slot
    return SyncReport(
        number=active_sync.number,
        trigger=active_sync.trigger,
        slot=slot,
        started=active_sync.started,
        lateness=(observation.started - slot).total_seconds() if observation and slot else None,
        duration=(ended - active_sync.started).total_seconds(),
        sync_status=status,
        error=last_known.error[:80],
        commit=last_known.commit[:12],
        drift_count=last_known.drift_count,
        objects=sum(observation.counts.values()) if observation else 0,
        inventory=inventory,
        missed=active_sync.missed + overrun,
    )


class FabricStatus(BaseModel, frozen=True):
    """Everything a loop knows, under the record's field names without `hh_`.

    `missed` counts slots without a sync since the loop began. `ignored` describes the last malformed
    message. `netbox_error` says why the record is out of date; empty if it is not.
    """

    name: str
    fabric_id: str
    sync_status: SyncStatus
    sync_interval: int
    paused: bool
    pause_reason: str
    last_sync: datetime | None
    last_success: datetime | None
    next_sync: datetime | None
    sync_error: str
    connection_status: ConnectionStatus
    connection_error: str
    commit: str
    drift_count: int | None
    drift: tuple[SummaryEntry, ...]
    counts: dict[str, int]
    inventory: InventoryStatus = InventoryStatus()
    syncs: int
    missed: int
    netbox_error: str
    ignored: str
