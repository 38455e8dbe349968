"""What people and programs read about a fabric: its status now, and a short report of each sync."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from fabrics.drift import SummaryEntry
from fabrics.status import ConnectionStatus, SyncStatus


class Trigger(StrEnum):
    """Why a sync began."""

    SCHEDULE = "schedule"
    MANUAL = "manual"


class SyncReport(BaseModel, frozen=True):
    """One sync in a few words. `lateness` and `duration` are in seconds; a manual sync has no slot.

    `lateness` runs from the slot to the moment the worker began to read the fabric; it is None
    where that never happened.
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
    missed: int = 0


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
    syncs: int
    missed: int
    netbox_error: str
    ignored: str
