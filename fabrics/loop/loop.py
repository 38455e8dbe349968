"""The effect of each event on the state of one fabric's loop.

The workflow `FabricSync` decides when something happens; this module decides what it means.
"""

from datetime import datetime, timedelta
from typing import Final

from fabrics.agents.health import HealthAssessment
from fabrics.agents.health_report import Health
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.loop.active_sync import ActiveSync, SyncRequest, Trigger
from fabrics.loop.due_work import DueWork
from fabrics.loop.health_watch import OUTDATED_HEALTH, UNREAD_HEALTH, HealthWatch
from fabrics.loop.inventory_pass import InventoryInputs, PassRequest, PassResult
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.record_exchange import ShownStatus
from fabrics.loop.report import SyncReport, build_sync_report
from fabrics.loop.schedule import Schedule
from fabrics.record.config import RESUME, ConfigEdits, FabricConfig
from fabrics.record.sync_status import LastKnownState, Observation, SyncFailure

WORKFLOW_TASK_TIMEOUT: Final = timedelta(seconds=5)
"""How long Temporal waits before it gives the task of a killed worker to another. Its default is 10 s, in
which the loop neither syncs nor answers; a workflow task takes well under a second."""


def workflow_id(fabric_id: str) -> str:
    """Return the workflow id of a fabric's loop: one fabric cannot have two."""
    return f"fabric-sync/{fabric_id}"


def loop_summary(fabric_id: str) -> str:
    """Return the loop's static summary in Temporal, without the changeable name."""
    return f"keeps the fabric {fabric_id} in sync"


class FabricLoop(DueWork):
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
        if (self._is_paused or self.was_paused) and last_sync is not None:
            self.schedule = self.schedule.skip_to(now)
        if self.was_paused and not self._is_paused:
            self.health = self.health.after_pause()
            self.last_known = self.last_known.without_health()
        self.was_paused = self._is_paused

    def apply_edits(self, edits: ConfigEdits) -> None:
        """Apply edits that came as a message; they count at once and are written soon."""
        self.record = self.record.add_edits(edits)

    def end_pause(self, now: datetime) -> None:
        """Resume the fabric if its pause ends by `now`.

        An end that is left of an earlier pause goes, too, as it would end the next pause at once.
        """
        end = self.effective_config.paused_until if self.effective_config else None
        if self.is_needed and end is not None and end <= now:
            self.apply_edits(RESUME)

    def request_sync(self, request: SyncRequest) -> int:
        """Queue one sync, combined with waiting requests, and return its number."""
        self.sync_request = request | self.sync_request
        return self.history.syncs + (2 if self.active_sync else 1)

    def begin_sync(self, now: datetime) -> ActiveSync:
        """Begin the sync that was requested or is due, and move the schedule on."""
        self.update_schedule(now)
        assert self.schedule is not None  # noqa: S101  a sync is due only on a grid
        request, self.sync_request = self.sync_request, None
        slot = self.schedule.next_slot if self.schedule.next_slot <= now else None
        self.schedule, missed = self.schedule.begin(now)
        self.sources_changed = False
        scheduled = Trigger.SCHEDULE if slot else Trigger.INITIAL
        self.active_sync = ActiveSync(
            number=self.history.syncs + 1,
            trigger=Trigger.MANUAL if request else scheduled,
            slot=None if request else slot,
            started=now,
            missed=missed,
            request=request or SyncRequest(),
            is_shown_in_record=request is not None or self.last_known.last_sync is None,
        )
        if self.active_sync.is_shown_in_record:
            # Whether or not that is written, the result has to be.
            self.record = self.record.forget_shown()
        return self.active_sync

    def cancel_sync(self) -> None:
        """Drop a sync that was stopped; a fabric that is enabled again syncs at once."""
        assert self.active_sync is not None  # noqa: S101  only a sync that began can be stopped
        self.sync_request = self.active_sync.request | self.sync_request
        self.active_sync = None

    def end_sync(self, result: Observation | SyncFailure, now: datetime) -> SyncReport:
        """End the sync with an observation, or with the reason why there is none."""
        assert self.active_sync is not None  # noqa: S101  only a sync that began can end
        assert self.schedule is not None  # noqa: S101
        active_sync, self.active_sync = self.active_sync, None
        started = active_sync.started
        if isinstance(result, Observation) and result.drifted is not None:
            self.drift_ages = self.find_drift_ages(result.drifted, started)
            dated = self.drift_ages.date_entries(result.drift)
            result = result.model_copy(update={"drift": dated})
        observation = result if isinstance(result, Observation) else None
        self.fabric_answered = observation is not None and observation.answered
        self.last_known = (
            self.last_known.after_failure(result, started)
            if isinstance(result, SyncFailure)
            else self.last_known.after_sync(result, started)
        )
        self.schedule, overrun = self.schedule.end(now)
        self._note_observation(observation, active_sync)
        self._note_health_of_sync(observation, started, now)
        status = self.last_known_status
        # People see the errors of the configuration, too.
        shown = self.last_known.model_copy(update={"error": self.status().sync_error})
        report = build_sync_report(
            active_sync,
            observation,
            last_known=shown,
            status=status,
            ended=now,
            overrun=overrun,
            inventory_follows=self._is_pass_due(now),
        )
        self.history = self.history.add(report)
        self.journal = self.journal.after_sync(status, shown, started, self._remark)
        return report

    def _note_observation(self, observation: Observation | None, active_sync: ActiveSync) -> None:
        assert self.effective_config is not None  # noqa: S101  only a configured fabric is read
        if observation is None or observation.kubernetes_error:
            self.inventory = self.inventory.after_unread_sync()
            return
        known, digest = self.inventory.observed, observation.desired_digest
        # While Git fails, what it holds is not known to have changed.
        inputs = InventoryInputs(
            desired_digest=known.desired_digest if known and observation.git_error else digest,
            live_digest=observation.live_digest,
            config_hash=self.effective_config.hash,
            release=self.settings.release,
            drifted=self.lasting_drift_digest,
        )
        number, request = active_sync.number, active_sync.request
        self.inventory = self.inventory.after_sync(inputs, number, active_sync.started, request)

    def _note_health_of_sync(
        self, observation: Observation | None, started: datetime, ended: datetime
    ) -> None:
        if not self.settings.health_interval:
            self.last_known = self.last_known.without_health()
            return
        watch = self.health.after_sync(observation, started, ended) if observation else self.health
        self._note_health(watch, observation.health if observation else None, started)
        if observation and observation.kubernetes_error:
            self.last_known = self.last_known.with_health(Health.UNKNOWN, UNREAD_HEALTH)

    def end_health_reading(self, assessment: HealthAssessment | None, started: datetime) -> None:
        """End a reading of agents between two syncs, or note that it failed."""
        watch = self.health.after_failure(self.settings.health_interval, started)
        if assessment is not None:
            watch = self.health.after_reading(assessment, started)
        self._note_health(watch, assessment, started)

    def _note_health(
        self, watch: HealthWatch, assessment: HealthAssessment | None, started: datetime
    ) -> None:
        if self.health.has_ended_applying(watch):
            # Full agents are read with the inventory, and what they say counts once they have applied.
            self.inventory = self.inventory.ask_for_pass()
        self.health = watch
        if assessment is not None:
            report = assessment.report
            self.last_known = self.last_known.with_health(report.health, report.message)
        elif watch.is_outdated(self.settings.health_interval, started):
            self.last_known = self.last_known.with_health(Health.UNKNOWN, OUTDATED_HEALTH)

    def begin_pass(self, token: str, now: datetime) -> PassRequest | None:
        """Begin a pass over the inventory at a sync's end; None if none may begin.

        While the record names other sources than this sync has read, the next sync begins it.
        """
        inventory = self.inventory
        if inventory.running or self.sources_changed or not self._is_pass_due(now):
            return None
        request = self.build_inventory_request()
        self.inventory = inventory.begin(self.build_pass(token, now))
        return PassRequest(token=token, request=request, retry=not inventory.failure)

    def drop_pass(self, token: str) -> None:
        """Drop a pass that could not start, since another one runs."""
        if self.inventory.find_running(token):
            self.inventory = self.inventory.drop_pass()

    def on_pass_started(self, token: str, run_id: str) -> None:
        """Note the run of the pass, which may have reported already."""
        if self.inventory.find_running(token):
            self.inventory = self.inventory.note_run(run_id)

    def on_pass_cancelled(self) -> None:
        """Note that the running pass has been told to stop."""
        self.inventory = self.inventory.note_cancelled()

    def end_pass(self, token: str, result: PassResult) -> None:
        """End the pass with this token; any other report is an old one, and ignored.

        What a person asked for meanwhile needs one more sync, and so do sources that were changed, unless the
        fabric is paused.
        """
        running = self.inventory.find_running(token)
        if running is None:
            return
        self.inventory = self.inventory.end(result)
        if isinstance(result, InventoryOutcome) and result.breakouts is not None:
            self.health = self.health.with_breakouts(result.breakouts)
            if self.health.agents.new_breakouts:
                self.inventory = self.inventory.ask_for_pass()
        if isinstance(result, InventoryOutcome) and not result.withheld:
            self.history = self.history.add_inventory(running.sync, result.report)
        was_stopped = running.is_cancelled and not self._is_paused
        if self.is_needed and (was_stopped or self.inventory.was_asked_since(running)):
            self.request_sync(SyncRequest())

    def confirm_deletes(self, digest: str) -> int:
        """Confirm the waiting deletes; return the number of the sync that they follow."""
        self.inventory = self.inventory.confirm_deletes(digest)
        return self.request_sync(SyncRequest(full=True))

    def note_ignored(self, text: str) -> None:
        """Note which malformed message was ignored, and why."""
        self.ignored_message = f"ignored: {text}"[:300]

    def on_record_changed(self) -> None:
        """Note that somebody has changed the record."""
        self.record = self.record.request_reload()

    def begin_record_exchange(self) -> None:
        """Note that the record is being read or written."""
        self.record = self.record.begin()

    def on_record_missed(self, settings: LoopSettings) -> None:
        """Note that no record was found."""
        self.settings = settings
        self.record = self.record.after_miss()

    def on_record_read(
        self,
        config: FabricConfig,
        last_known: LastKnownState,
        settings: LoopSettings,
        *,
        is_consistent: bool = True,
        was_switched_off: bool = False,
    ) -> None:
        """Take over the record's configuration, and its state if the loop has none yet.

        A record whose status is not `is_consistent` with its configuration and state is written again.
        `was_switched_off` means that the record still shows a status without syncs, so no loop has seen edits
        made since.
        """
        self.settings = settings
        edited = self.config is not None and config.sources != self.config.sources
        if edited:
            self.health = HealthWatch()
            self.last_known = self.last_known.without_health()
        unseen = self.config is None and was_switched_off and last_known.last_sync is not None
        self.sources_changed = self.sources_changed or edited or unseen
        if self.sources_changed and not config.paused:
            self.request_sync(SyncRequest())
        self.config = config
        shown = ShownStatus.build(config, last_known) if is_consistent else None
        self.record = self.record.after_read(shown)
        if self.last_known.last_sync is None and self.active_sync is None:
            self.last_known = last_known

    def on_record_written(self, last_known: LastKnownState, edits: ConfigEdits, entry: str) -> None:
        """Note that the record has `last_known`, `edits` and the journal `entry`."""
        assert self.config is not None  # noqa: S101  only a record that was read is written
        self.journal = self.journal.after_write(entry)
        self.record = self.record.after_write(ShownStatus.build(self.config, last_known), edits)

    def on_owned_by_other(self, error: str) -> None:
        """Note that another installation has claimed the record, which ends this loop."""
        self.record = self.record.after_claim_by_other(error)

    def on_record_failed(self, error: str, now: datetime) -> None:
        """Note that NetBox failed; it is tried again about one interval later."""
        interval = timedelta(seconds=self.effective_config.interval if self.effective_config else 0)
        self.record = self.record.after_failure(error, interval, now)
