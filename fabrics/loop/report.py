"""What people and programs read about a fabric: its status now, and a short report of each sync."""

from datetime import datetime

from pydantic import BaseModel

from fabrics.drift import SummaryEntry
from fabrics.inventory.report.report import InventoryOutcome, InventoryReport
from fabrics.loop.active_sync import Trigger, Turn
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.record.status import ConnectionStatus, Facts, Observation, SyncStatus


class SyncReport(BaseModel, frozen=True):
    """One sync in a few words. `lateness` and `duration` are in seconds; a manual sync has no slot.

    `lateness` runs from the slot to the moment the worker began to read the fabric; it is None
    where that never happened. `inventory` is None where it was left alone, and names no single objects.
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


def sync_report(  # noqa: PLR0913  one argument a source
    turn: Turn,
    seen: Observation | None,
    mirrored: InventoryOutcome | str | None,
    *,
    facts: Facts,
    status: SyncStatus,
    ended: datetime,
    overrun: int,
) -> SyncReport:
    """The report of a sync that began as `turn`, and before whose end `overrun` slots had passed."""
    wrote = (
        mirrored.report if isinstance(mirrored, InventoryOutcome) and not mirrored.held else None
    )
    return SyncReport(
        number=turn.number,
        trigger=turn.trigger,
        slot=turn.slot,
        started=turn.started,
        lateness=(seen.started - turn.slot).total_seconds() if seen and turn.slot else None,
        duration=(ended - turn.started).total_seconds(),
        sync_status=status,
        error=facts.error[:80],
        commit=facts.commit[:12],
        drift_count=facts.drift_count,
        objects=sum(seen.counts.values()) if seen else 0,
        inventory=wrote.model_copy(update={"findings": ()}) if wrote else None,
        missed=turn.missed + overrun,
    )


class FabricStatus(BaseModel, frozen=True):
    """Everything a loop knows, under the record's field names without `hh_`.

    `missed` counts slots without a sync since the loop began, `ignored` is the last message that made
    no sense, `netbox_error` says why the record is behind (empty when it is not).
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
