"""The state of one fabric's loop, and what follows from it.

One pydantic value holds all of it: the workflow's single input, which continue-as-new passes on whole.
`fabrics.loop.due_work` says what it has to do, and `fabrics.loop.loop` how events change it.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from pydantic import BaseModel

from fabrics.agents.health_report import Health
from fabrics.drift.ages import DriftAges, DriftIds, digest_ids
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.active_sync import ActiveSync, SyncRequest
from fabrics.loop.health_watch import HealthWatch
from fabrics.loop.history import History
from fabrics.loop.inventory_pass import InventoryPass
from fabrics.loop.inventory_state import Inventory, InventoryStatus
from fabrics.loop.inventory_text import deletes_waiting_sentence, record_sentence
from fabrics.loop.journal import Journal
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.record_exchange import RecordExchange, ShownStatus
from fabrics.loop.report import FabricStatus
from fabrics.loop.schedule import Schedule
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import LastKnownState, SyncStatus, compute_sync_status


class LoopState(BaseModel):
    """Configuration and state of one fabric. A new loop needs only `fabric_id`."""

    fabric_id: str
    config: FabricConfig | None = None
    record: RecordExchange = RecordExchange()
    sync_request: SyncRequest | None = None
    schedule: Schedule | None = None
    was_paused: bool = False
    """True if paused when the slots were last planned; slots during a pause do not count as missed."""
    active_sync: ActiveSync | None = None
    last_known: LastKnownState = LastKnownState()
    drift_ages: DriftAges | None = None
    """Since when objects have drifted; None before the first sync that tells which have."""
    sources_changed: bool = False
    """True if the last sync may have read other sources than the record names now."""
    fabric_answered: bool = True
    """True if the fabric answered the last sync, even with an error."""
    health: HealthWatch = HealthWatch()
    inventory: Inventory = Inventory()
    journal: Journal = Journal()
    history: History = History()
    ignored_message: str = ""
    settings: LoopSettings = LoopSettings()

    @property
    def effective_config(self) -> FabricConfig | None:
        """The record's configuration under the edits that are not written to it yet."""
        return None if self.config is None else self.record.pending_edits.apply_to(self.config)

    @property
    def is_needed(self) -> bool:
        """True if the fabric should be synced, as far as the loop knows."""
        config = self.effective_config
        return not self.record.link.is_lost and config is not None and config.needs_loop

    @property
    def is_finished(self) -> bool:
        """True if the fabric needs no loop, and the record says so."""
        if self.inventory.running is not None:
            return False  # it still writes to NetBox
        if self.record.link.is_lost:
            return not self.record.needs_reload
        pending = self.is_needed or self.record.needs_reload or self.needs_write
        return self.config is not None and not pending

    @property
    def needs_write(self) -> bool:
        """True if the record differs from what it should show, or its heartbeat is due."""
        record, config = self.record, self.effective_config
        if record.link.is_lost or config is None:
            return False
        if record.shown is None or record.pending_edits or self._is_journal_entry_due:
            return True
        current = ShownStatus.build(config, self.state_to_record)
        return current.differs_from(record.shown) or self._is_heartbeat_due

    @property
    def state_to_record(self) -> LastKnownState:
        """The state for the record, which says `syncing` only if people may watch."""
        syncing = self.active_sync is not None and self.active_sync.is_shown_in_record
        update = {"syncing": syncing, "inventory_text": self._inventory_text}
        return self.last_known.model_copy(update=update)

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

    def status(self) -> FabricStatus:
        """Return the status for the query, the workflow details and the command line."""
        unknown = FabricConfig(fabric_id=self.fabric_id, name=self.fabric_id, record_id=0)
        inventory = self.inventory_status
        known = FabricStatus.from_record(self.effective_config or unknown, self.state_to_record)
        return known.model_copy(
            update={
                "sync_status": known.sync_status if self.config else SyncStatus.NEVER_SYNCED,
                "next_sync": self.next_sync if self._is_planned else None,
                "netbox_error": self.record.error,
                "ignored": self.ignored_message,
                "record_read": self.config is not None,
                "inventory": inventory,
                "inventory_state": inventory.state,
                "syncs": self.history.syncs,
                "missed": self.history.missed,
            }
        )

    @property
    def inventory_status(self) -> InventoryStatus:
        """The inventory's status."""
        return self.inventory.status(enabled=self.settings.inventory_enabled)

    def build_pass(self, token: str, now: datetime) -> InventoryPass:
        """Return the pass over the inventory that follows the last sync."""
        inventory = self.inventory
        assert inventory.observed is not None  # noqa: S101  only what was observed is due
        return InventoryPass(
            token=token,
            sync=self.history.syncs,
            started=now,
            inputs=inventory.observed,
            target=self.pass_target,
            confirmed_digest=inventory.confirmed_digest,
        )

    def build_inventory_request(self) -> InventoryRequest:
        """Return what a pass over the inventory needs to know."""
        config, inventory, outcome = self.effective_config, self.inventory, self.inventory.outcome
        assert config is not None  # noqa: S101  only a configured fabric has been observed
        assert inventory.observed is not None  # noqa: S101
        return InventoryRequest(
            config=config,
            live_digest=inventory.observed.live_digest,
            expected_counts=self.last_known.counts,
            sync_number=self.history.syncs,
            commit=self.last_known.commit,
            absence_counts=outcome.absence_counts if outcome else {},
            confirmed_digest=inventory.confirmed_digest,
            adopt=inventory.adopt_sync > 0,
            cabling=outcome.cabling if outcome else None,
            cabling_seen=outcome.cabling_seen if outcome else None,
            breakouts=self.health.agents.breakouts,
            silent_switches=self.health.quiet_switches,
            drifted=self._lasting_drift,
        )

    def find_drift_ages(self, drifted: DriftIds, started: datetime) -> DriftAges:
        """Return since when objects have drifted; at first the record says that."""
        known = self.last_known
        ages = self.drift_ages or DriftAges.from_entries(known.drift, known.drift_count)
        return ages.after_sync(drifted, started)

    @property
    def lasting_drift_digest(self) -> str:
        """A digest of which objects have drifted in two syncs; empty if none has."""
        return digest_ids(self._lasting_drift or {})

    @property
    def _lasting_drift(self) -> dict[str, str] | None:
        """Which objects have drifted in two syncs; None if no sync has told yet."""
        if self.effective_config and self.effective_config.git is None:
            return {}
        return self.drift_ages.lasting if self.drift_ages else None

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
        """What the record says of the inventory; at first what it said before."""
        if not self.settings.inventory_enabled:
            return ""
        before = "" if self.inventory.last_sync else self.last_known.inventory_text
        # "Up to date" would be untrue for long while a first load runs, or until a distant sync.
        may_catch_up = self._syncs_again_soon and (self.inventory.mirrored_at or before)
        last_sync = self.last_known.last_sync if may_catch_up else None
        return record_sentence(self.inventory_status, self.fabric_id, last_sync) or before

    @property
    def _syncs_again_soon(self) -> bool:
        """True if the next sync is planned before a heartbeat would be due."""
        last_sync, next_sync = self.last_known.last_sync, self.next_sync
        if last_sync is None or next_sync is None:
            return False
        return next_sync - last_sync <= timedelta(seconds=self.settings.netbox_heartbeat)

    @property
    def _is_planned(self) -> bool:
        """True unless slots are planned again before they count.

        Those are slots of a pause or of another interval.
        """
        if self.schedule is None or self.effective_config is None:
            return False
        return not self.was_paused and self.schedule.interval == self.effective_config.interval

    @property
    def _is_paused(self) -> bool:
        return self.effective_config is not None and self.effective_config.paused

    @property
    def _has_exchange_pending(self) -> bool:
        return self.record.needs_reload or self.needs_write

    @property
    def _is_journal_entry_due(self) -> bool:
        """True if a journal entry waits that is news, or that NetBox has refused."""
        may_wait = self.journal.may_wait and not self.record.error
        return bool(self.journal.pending_entry) and not may_wait

    @property
    def _is_heartbeat_due(self) -> bool:
        """True if this sync is the nearest to the heartbeat; the next may be too late."""
        shown, config = self.record.shown, self.effective_config
        last_sync = self.last_known.last_sync
        if last_sync is None or shown is None or config is None:
            return False
        shown_sync = shown.last_sync
        # NetBox keeps whole seconds, and a person may have entered a time in the future.
        nearest = timedelta(seconds=max(self.settings.netbox_heartbeat - config.interval / 2, 1))
        return shown_sync is None or abs(last_sync - shown_sync) >= nearest

    @property
    def _remark(self) -> str:
        """What the journal says of the rules, the inventory and the fabric's health."""
        waiting, known = self.inventory.deletes_waiting, self.last_known
        deletes = deletes_waiting_sentence(waiting, self.fabric_id) if waiting else ""
        degraded = known.health_message if known.health is Health.DEGRADED else ""
        failure = self.inventory.failure or deletes
        return " ".join(filter(None, (known.rule_notice, failure, degraded)))
