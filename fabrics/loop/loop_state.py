"""The state of one fabric's loop, and what follows from it.

One pydantic value holds all of it: the workflow's single input, which continue-as-new passes on whole.
`fabrics.loop.loop` says how events change it. Methods that depend on the time take it as an argument.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Self

from pydantic import BaseModel

from fabrics.loop.active_sync import ActiveSync, SyncRequest
from fabrics.loop.inventory_state import Inventory, InventoryStatus
from fabrics.loop.inventory_text import record_sentence
from fabrics.loop.journal import Journal
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.record_link import RecordLink
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.loop.schedule import Schedule
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.sync_status import (
    LastKnownState,
    SyncStatus,
    compute_status_error,
    compute_sync_status,
)


class WrittenStatus(BaseModel, frozen=True):
    """The status that the record has shown since the loop's last write."""

    status: SyncStatus
    error: str
    last_known: LastKnownState

    @classmethod
    def build(cls, config: FabricConfig, last_known: LastKnownState) -> Self:
        """Return what the record of a fabric in this state has to show."""
        return cls(
            status=compute_sync_status(config, last_known),
            error=compute_status_error(config, last_known),
            last_known=last_known.valid_for(config),
        )

    def differs_from(self, other: Self) -> bool:
        """True if anything but the times of the last syncs differs."""
        times = {name: getattr(self.last_known, name) for name in ("last_sync", "last_success")}
        same_times = {"last_known": other.last_known.model_copy(update=times)}
        return self != other.model_copy(update=same_times)


class LoopState(BaseModel):
    """Configuration and state of one fabric. A new loop needs only `fabric_id`."""

    fabric_id: str
    config: FabricConfig | None = None
    record_link: RecordLink = RecordLink.PRESENT
    needs_reload: bool = True
    pending_edits: ConfigEdits = ConfigEdits()
    sync_request: SyncRequest | None = None
    schedule: Schedule | None = None
    was_paused: bool = False
    """True if paused when the slots were last planned; slots during a pause do not count as missed."""
    active_sync: ActiveSync | None = None
    last_known: LastKnownState = LastKnownState()
    sources_changed: bool = False
    """True if the last sync may have read other sources than the record names now."""
    fabric_answered: bool = True
    """True if the fabric answered the last sync, even with an error."""
    inventory: Inventory = Inventory()
    last_written: WrittenStatus | None = None
    record_error: str = ""
    record_retry_at: datetime | None = None
    journal: Journal = Journal()
    reports: list[SyncReport] = []
    syncs: int = 0
    missed: int = 0
    ignored_message: str = ""
    settings: LoopSettings = LoopSettings()

    @property
    def effective_config(self) -> FabricConfig | None:
        """The record's configuration under the edits that are not written to it yet."""
        return None if self.config is None else self.pending_edits.apply_to(self.config)

    @property
    def is_needed(self) -> bool:
        """True if the fabric should be synced, as far as the loop knows."""
        config = self.effective_config
        return not self.record_link.is_lost and config is not None and config.needs_loop

    @property
    def is_finished(self) -> bool:
        """True if the fabric needs no loop, and the record says so."""
        if self.inventory.running is not None:
            return False  # it still writes to NetBox
        if self.record_link.is_lost:
            return not self.needs_reload
        pending = self.is_needed or self.needs_reload or self.needs_write
        return self.config is not None and not pending

    @property
    def needs_write(self) -> bool:
        """True if the record differs from what it should show, or its heartbeat is due."""
        if self.record_link.is_lost or self.effective_config is None:
            return False
        if self.pending_edits or self.journal.pending_entry or self.last_written is None:
            return True
        current = WrittenStatus.build(self.effective_config, self.state_to_record)
        return current.differs_from(self.last_written) or self._is_heartbeat_due

    @property
    def state_to_record(self) -> LastKnownState:
        """The state for the record, which says `syncing` only if people may watch."""
        syncing = self.active_sync is not None and self.active_sync.is_shown_in_record
        update = {"syncing": syncing, "inventory_text": self._inventory_text}
        return self.last_known.model_copy(update=update)

    @property
    def has_new_message(self) -> bool:
        """True if a message arrived since the record was last read and written."""
        return self.record_retry_at is None and (self.needs_reload or bool(self.pending_edits))

    @property
    def next_sync(self) -> datetime | None:
        """The time of the next sync without a request; None if none is planned."""
        active = self.is_needed and not self._is_paused
        return self.schedule.next_sync if self.schedule and active else None

    @property
    def last_known_status(self) -> SyncStatus:
        """The status without regard to a sync that is running now."""
        config = self.effective_config
        return compute_sync_status(config, self.last_known) if config else SyncStatus.NEVER_SYNCED

    def is_sync_due(self, now: datetime) -> bool:
        """True if a sync was requested, or a slot has come and the fabric is not paused."""
        if not self.is_needed:
            return False
        if self.sync_request is not None or self.schedule is None or self.effective_config is None:
            return self.sync_request is not None
        # Slots planned during a pause or for another interval are planned again before they count.
        planned = not self.was_paused and self.schedule.interval == self.effective_config.interval
        return planned and not self._is_paused and now >= self.schedule.next_sync

    def is_record_exchange_due(self, now: datetime) -> bool:
        """True if the record should be read or written now."""
        pending = self.needs_reload or self.needs_write
        return pending and (self.record_retry_at is None or now >= self.record_retry_at)

    def next_wake_time(self) -> datetime | None:
        """Return when the loop has work even without a message; None means never."""
        retry = self.record_retry_at if self.needs_reload or self.needs_write else None
        return min(filter(None, (retry, self.next_sync)), default=None)

    def status(self) -> FabricStatus:
        """Return the status for the query, the workflow details and the command line."""
        unknown = FabricConfig(fabric_id=self.fabric_id, name=self.fabric_id, record_id=0)
        inventory = self.inventory_status
        known = FabricStatus.from_record(self.effective_config or unknown, self.state_to_record)
        return known.model_copy(
            update={
                "sync_status": known.sync_status if self.config else SyncStatus.NEVER_SYNCED,
                "next_sync": self.next_sync,
                "netbox_error": self.record_error,
                "ignored": self.ignored_message,
                "record_read": self.config is not None,
                "inventory": inventory,
                "inventory_state": inventory.state,
                "syncs": self.syncs,
                "missed": self.missed,
            }
        )

    @property
    def inventory_status(self) -> InventoryStatus:
        """The inventory's status."""
        return self.inventory.status(enabled=self.settings.inventory_enabled)

    @property
    def is_pass_unwanted(self) -> bool:
        """True if the running pass over the inventory has to be cancelled."""
        running = self.inventory.running
        if running is None or running.is_cancelled:
            return False
        wanted = self.is_needed and self.settings.inventory_enabled
        return not wanted or running.target != self.pass_target

    @property
    def pass_target(self) -> str:
        """A hash of what a pass works with: the sources, the queue and the site."""
        config = self.effective_config
        used = None if config is None else (config.sources, config.scope)
        return sha256(repr(used).encode()).hexdigest()[:12]

    @property
    def _inventory_text(self) -> str:
        """What the record says of the inventory; after a start what it said before."""
        if not self.settings.inventory_enabled:
            return ""
        if self.inventory.observed is None:
            return self.last_known.inventory_text
        return record_sentence(self.inventory_status, self.fabric_id)

    @property
    def _is_paused(self) -> bool:
        return self.effective_config is not None and self.effective_config.paused

    @property
    def _is_heartbeat_due(self) -> bool:
        """True if this sync is the nearest to the heartbeat; the next may be too late."""
        last_sync, config = self.last_known.last_sync, self.effective_config
        if last_sync is None or self.last_written is None or config is None:
            return False
        written = self.last_written.last_known.last_sync
        nearest = timedelta(seconds=self.settings.netbox_heartbeat - config.interval / 2)
        return written is None or (last_sync > written and last_sync - written >= nearest)
