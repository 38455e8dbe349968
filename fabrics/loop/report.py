"""The status of a fabric, and a short report of each sync."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from fabrics.agents.health_report import Health
from fabrics.drift.summary import SummaryEntry
from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.active_sync import ActiveSync, Trigger
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.inventory_text import find_record_state
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import (
    ConnectionStatus,
    InventoryState,
    LastKnownState,
    Observation,
    SyncStatus,
    compute_status_error,
    compute_sync_status,
)
from fabrics.times import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """A short report of one sync, in seconds; only a scheduled sync has a slot.

    A loop keeps many: with slots one takes a quarter of the memory of a pydantic model.

    `lateness` runs from the slot to the start of reading the fabric; None if it was never read.
    `inventory_follows` says that the inventory is updated after this sync. What that wrote is in `inventory` once
    it has succeeded.
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
    inventory_follows: bool = False
    inventory: InventoryReport | None = None
    missed: int = 0


def build_sync_report(  # noqa: PLR0913  one argument a source
    active_sync: ActiveSync,
    observation: Observation | None,
    *,
    last_known: LastKnownState,
    status: SyncStatus,
    ended: datetime,
    overrun: int,
    inventory_follows: bool,
) -> SyncReport:
    """Return the report of a sync that ended at `ended` and overran `overrun` slots."""
    slot = active_sync.slot
    return SyncReport(
        number=active_sync.number,
        trigger=active_sync.trigger,
        slot=slot,
        started=active_sync.started,
        lateness=(observation.started - slot).total_seconds() if observation and slot else None,
        duration=(ended - active_sync.started).total_seconds(),
        sync_status=status,
        error=last_known.error.encode()[:80].decode(errors="ignore"),
        commit=last_known.commit[:12],
        drift_count=last_known.drift_count,
        objects=sum(observation.counts.values()) if observation else 0,
        inventory_follows=inventory_follows,
        missed=active_sync.missed + overrun,
    )


class FabricStatus(BaseModel, frozen=True):
    """Everything a loop knows, under the record's field names without `hh_`.

    `missed` counts slots without a sync since the loop began. `ignored` describes the last malformed
    message. `netbox_error` says why the record is out of date; empty if it is not. `record_read` is false as long as
    a new loop has not read its record, which may know better.
    """

    name: str
    fabric_id: str
    sync_status: SyncStatus
    sync_interval: int
    paused: bool
    pause_reason: str
    paused_until: datetime | None = None
    last_sync: datetime | None
    last_success: datetime | None
    next_sync: datetime | None
    sync_error: str
    connection_status: ConnectionStatus
    connection_error: str
    commit: str
    drift_count: int | None
    drift: tuple[SummaryEntry, ...]
    accepted_count: int = 0
    accepted_text: str = ""
    rule_notice: str = ""
    counts: dict[str, int]
    health: Health = Health.UNKNOWN
    health_message: str = ""
    inventory: InventoryStatus = InventoryStatus()
    inventory_state: InventoryState = InventoryState.UNKNOWN
    inventory_text: str = ""
    syncs: int = 0
    missed: int = 0
    netbox_error: str = ""
    ignored: str = ""
    record_read: bool = True

    @property
    def pause_text(self) -> str:
        """Until when the fabric is paused, and why; empty if it is not."""
        until = f" until {format_time(self.paused_until)}" if self.paused_until else ""
        return f"Paused{until}: {self.pause_reason or 'no reason given'}" if self.paused else ""

    @classmethod
    def from_record(cls, config: FabricConfig, last_known: LastKnownState) -> Self:
        """Return the status that follows from the record alone."""
        state = last_known.valid_for(config)
        return cls(
            name=config.name,
            fabric_id=config.fabric_id,
            sync_status=compute_sync_status(config, state),
            sync_interval=config.interval,
            paused=config.paused,
            pause_reason=config.pause_reason,
            paused_until=config.paused_until if config.paused else None,
            next_sync=None,
            sync_error=compute_status_error(config, state),
            inventory_state=find_record_state(config, state),
            **{name: value for name, value in state if name in cls.model_fields},
        )
