"""The effect of each event on the state of one fabric's loop.

The workflow `FabricSync` decides when something happens; this module decides what it means.
"""

from datetime import datetime, timedelta
from typing import Final

from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.active_sync import ActiveSync, SyncRequest, Trigger
from fabrics.loop.inventory_state import InventoryInputs, failure_message
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.loop_state import LoopState, WrittenStatus
from fabrics.loop.record_link import RecordLink
from fabrics.loop.report import SyncReport, build_sync_report
from fabrics.loop.schedule import Schedule
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.sync_status import LastKnownState, Observation

MAX_REPORTS: Final = 50
MIN_RECORD_RETRY: Final = timedelta(seconds=10)
MAX_RECORD_RETRY: Final = timedelta(seconds=60)
"""Bounds of the wait before a failed NetBox is asked again, normally one interval: the record is right again
within a minute, and short intervals are not held up."""

WORKFLOW_TASK_TIMEOUT: Final = timedelta(seconds=5)
"""How long Temporal waits before it gives the task of a killed worker to another. Its default is 10 s, in
which the loop neither syncs nor answers; a workflow task takes well under a second."""


def workflow_id(fabric_id: str) -> str:
    """Return the workflow id of a fabric's loop: one fabric cannot have two."""
    return f"fabric-sync/{fabric_id}"


def loop_summary(fabric_id: str) -> str:
    """Return the loop's static summary in Temporal, without the changeable name."""
    return f"keeps the fabric {fabric_id} in sync"


class FabricLoop(LoopState):
    """One fabric's loop: its state, and the events that change it."""

    def update_schedule(self, now: datetime) -> None:
        """Plan the slots: at first, after a new interval, and past those of a pause."""
        if not self.is_needed or self.effective_config is None:
            return
        interval, last_sync = self.effective_config.interval, self.last_known.last_sync
        if self.schedule is None:
            spread = self.settings.first_sync_spread
            self.schedule = Schedule.initial(self.fabric_id, interval, spread, last_sync, now)
        elif self.schedule.interval != interval:
            self.schedule = self.schedule.replan(interval, last_sync, now)
        if self._is_paused or self.was_paused:
            self.schedule = self.schedule.skip_to(now)
        self.was_paused = self._is_paused

    def apply_edits(self, edits: ConfigEdits) -> None:
        """Apply edits that came as a message; they count at once and are written soon."""
        self.pending_edits = self.pending_edits.merge(edits)
        self.record_retry_at = None

    def request_sync(self, request: SyncRequest) -> int:
        """Queue one sync, combined with waiting requests, and return its number."""
        self.sync_request = request | self.sync_request
        return self.syncs + (2 if self.active_sync else 1)

    def begin_sync(self, now: datetime) -> ActiveSync:
        """Begin the sync that was requested or is due, and move the schedule on."""
        self.update_schedule(now)
        assert self.schedule is not None  # noqa: S101  a sync is due only on a grid
        request, self.sync_request = self.sync_request, None
        slot = self.schedule.next_slot if self.schedule.next_slot <= now else None
        self.schedule, missed = self.schedule.begin(now)
        self.missed += missed
        self.sources_changed = False
        scheduled = Trigger.SCHEDULE if slot else Trigger.INITIAL
        self.active_sync = ActiveSync(
            number=self.syncs + 1,
            trigger=Trigger.MANUAL if request else scheduled,
            slot=None if request else slot,
            started=now,
            missed=missed,
            request=request or SyncRequest(),
            is_shown_in_record=request is not None or self.last_known.last_sync is None,
        )
        return self.active_sync

    def begin_inventory(self, observation: Observation) -> InventoryRequest | None:
        """Begin an inventory update and return its request; None if none is due."""
        assert self.active_sync is not None  # noqa: S101  only a sync that began observes
        assert self.effective_config is not None  # noqa: S101
        enabled = self.is_needed and self.settings.inventory_enabled
        if observation.kubernetes_error or not enabled:
            return None
        config, active_sync = self.effective_config, self.active_sync
        inputs = InventoryInputs(
            desired_digest=observation.desired_digest,
            live_digest=observation.live_digest,
            config_hash=config.hash,
            release=self.settings.release,
        )
        max_age = timedelta(seconds=self.settings.full_sync_interval)
        forced = active_sync.request.full or active_sync.request.adopt
        if not (forced or self.inventory.is_due(inputs, active_sync.started, max_age)):
            return None
        self.inventory = self.inventory.begin_update(inputs)
        return self.inventory.build_request(config, observation, active_sync)

    def cancel_sync(self) -> None:
        """Drop a sync that was stopped; a fabric that is enabled again syncs at once."""
        assert self.active_sync is not None  # noqa: S101  only a sync that began can be stopped
        self.sync_request = self.active_sync.request | self.sync_request
        self.active_sync = None
        self.inventory = self.inventory.invalidate()

    def end_sync(
        self,
        result: Observation | str,
        inventory_result: InventoryOutcome | str | None,
        now: datetime,
    ) -> SyncReport:
        """End the sync with an observation, or with the sentence why there is none.

        `inventory_result` is the outcome of the inventory update, or why it failed; None if none was due.
        """
        assert self.active_sync is not None  # noqa: S101  only a sync that began can end
        assert self.schedule is not None  # noqa: S101
        active_sync, self.active_sync = self.active_sync, None
        started, inventory_error = active_sync.started, failure_message(inventory_result)
        observation = result if isinstance(result, Observation) else None
        self.fabric_answered = observation is not None and observation.answered
        if inventory_result is not None:
            self.inventory = self.inventory.finish_update(inventory_result, started)
        if observation is None or observation.kubernetes_error:
            self.inventory = self.inventory.invalidate()
        last_known = (
            self.last_known.after_sync(observation, started, inventory_error)
            if observation
            else self.last_known.after_failure(str(result), started)
        )
        issues = {"inventory_issues": self._inventory_issues_text}
        self.last_known = last_known.model_copy(update=issues)
        self.schedule, overrun = self.schedule.end(now)
        self.missed += overrun
        self.syncs = active_sync.number
        status = self.last_known_status
        # People see the errors of the configuration, too.
        shown = self.last_known.model_copy(update={"error": self.status().sync_error})
        report = build_sync_report(
            active_sync,
            observation,
            inventory_result,
            last_known=shown,
            status=status,
            ended=now,
            overrun=overrun,
        )
        self.reports = [*self.reports, report][-MAX_REPORTS:]
        self.journal = self.journal.after_sync(status, shown, started, self._waiting_deletes_text)
        return report

    def confirm_deletes(self, digest: str) -> int:
        """Confirm the waiting deletes, and return the number of the sync that does them."""
        self.inventory = self.inventory.confirm_deletes(digest)
        return self.request_sync(SyncRequest())

    def on_record_read(
        self,
        config: FabricConfig | None,
        last_known: LastKnownState,
        settings: LoopSettings,
        *,
        is_consistent: bool = True,
        was_switched_off: bool = False,
    ) -> None:
        """Take over the record's configuration, and its state if the loop has none yet.

        `config` is None if no record was found. A record whose status is not `is_consistent` with its
        configuration and state is written again. `was_switched_off` means that the record still shows a
        status without syncs, so no loop has seen edits made since.
        """
        # A single read may miss the record; a second one, made at once, decides whether it is deleted.
        self.record_link = self.record_link.after_read(found=config is not None)
        self.needs_reload = self.needs_reload or self.record_link is RecordLink.MISSING
        if config:
            edited = self.config is not None and config.sources != self.config.sources
            unseen = self.config is None and was_switched_off and last_known.last_sync is not None
            self.sources_changed = self.sources_changed or edited or unseen
            if self.sources_changed and not config.paused:
                self.request_sync(SyncRequest())
            self.config = config
        if config and self.last_written:
            shown = WrittenStatus.build(config, last_known)
            if not is_consistent or shown.differs_from(self.last_written):
                self.last_written = None  # somebody else has written over it
        self.settings = settings
        self.record_error, self.record_retry_at = "", None
        if self.last_known.last_sync is None and self.active_sync is None:
            self.last_known = last_known

    def on_record_written(self, last_known: LastKnownState, edits: ConfigEdits, entry: str) -> None:
        """Note that the record has `last_known`, `edits` and the journal `entry`."""
        self.pending_edits = self.pending_edits.remaining_after(edits)
        self.journal = self.journal.after_write(entry)
        if self.effective_config is not None:
            self.last_written = WrittenStatus.build(self.effective_config, last_known)

    def on_owned_by_other(self, error: str) -> None:
        """Note that another installation has claimed the record, which ends this loop."""
        self.record_link, self.record_error = RecordLink.OTHER_OWNER, error

    def on_record_error(self, error: str, now: datetime) -> None:
        """Note that NetBox failed; it is tried again about one interval later."""
        interval = timedelta(seconds=self.effective_config.interval if self.effective_config else 0)
        self.record_error = error
        self.record_retry_at = now + min(max(interval, MIN_RECORD_RETRY), MAX_RECORD_RETRY)
