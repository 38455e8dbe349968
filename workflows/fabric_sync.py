"""`FabricSync`: the loop that keeps a fabric in sync while its record is enabled.

The workflow id is `fabric-sync/<fabric id>`, so one fabric cannot have two loops. The loop waits for the next slot or
a message, syncs, starts a pass over the inventory if one is due, and exchanges what changed with the NetBox record, as
`fabrics.loop.loop` says. That state is the only input; the next run takes it over once the history is long.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.observe import ObserveRequest
    from activities.record import OwnedByOtherInstallation, RecordSnapshot, RecordUpdate
    from fabrics.loop.active_sync import ActiveSync
    from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop, workflow_id
    from fabrics.loop.record_exchange import RecordLink
    from fabrics.loop.schedule import EPOCH
    from fabrics.record.sync_status import LastKnownState, Observation, SyncFailure
    from fabrics.times import format_time
    from workflows import activity_calls, activity_errors, health_readings
    from workflows.fabric_sync_handlers import FabricMessageHandlers
    from workflows.inventory_passes import InventoryPasses
    from workflows.sync_reports import report_sync
    from workflows.visibility import update_visibility, update_visibility_at_end
    from workflows.workflow_ids import check_workflow_id

MIN_TIMER: Final = timedelta(milliseconds=1)
"""The timer for what is due already: without any time, none would be started."""

MARK_SYNCING_TIMEOUT: Final = timedelta(seconds=10)
"""The timeout for writing `syncing` to the record; most syncs have ended by then."""


@workflow.defn
class FabricSync(FabricMessageHandlers):
    """One fabric's loop."""

    @workflow.init
    def __init__(self, loop: FabricLoop) -> None:
        """Take over the state of the previous run; a new loop knows only its fabric id."""
        super().__init__(loop)
        self._has_answered_update = False
        self._last_timer_time = EPOCH
        self._passes = InventoryPasses(loop)

    @workflow.run
    async def run(self, loop: FabricLoop) -> str:
        """Wait, sync, read agents and exchange the record until the loop ends."""
        id_ = loop.fabric_id
        check_workflow_id(
            workflow_id(id_), f"`starter.py enable {id_}` starts that one if need be."
        )
        await self._passes.check_inherited()
        while not await self._has_ended():
            await self._exchange_record()
            await self._wait_for_work()
            await self._sync_when_due()
            if self._has_work() and not self._has_other_work():
                await health_readings.read(self._loop, self._now(), self._has_other_work)
            await self._passes.settle()
            await self._exchange_record()
            await self._continue_as_new_when_long()
        update_visibility_at_end(self._loop)
        texts = {RecordLink.DELETED: "record deleted", RecordLink.OTHER_OWNER: "synced elsewhere"}
        return texts.get(self._loop.record.link) or self._loop.status().sync_status

    async def _has_ended(self) -> bool:
        """True if the loop is finished, also after all waiting updates were answered."""
        self._is_ending = self._loop.is_finished
        if self._is_ending:
            await workflow.wait_condition(workflow.all_handlers_finished)
        return self._is_ending and self._loop.is_finished

    async def _wait_for_work(self) -> None:
        """Sleep until the next slot, a message, or the time to retry NetBox."""
        self._has_answered_update = False
        self._loop.update_schedule(self._now())
        while not self._has_work():
            update_visibility(self._loop)
            wake = self._loop.next_wake_time()
            if wake is None:
                await workflow.wait_condition(self._has_work)
                return
            try:
                await workflow.wait_condition(
                    self._has_work,
                    timeout=max(wake - self._now(), MIN_TIMER),
                    timeout_summary=f"until {format_time(wake)}",
                )
            except TimeoutError:
                self._last_timer_time = max(self._last_timer_time, wake)
                self._loop.end_pause(self._last_timer_time)
            self._loop.update_schedule(self._now())

    def _has_work(self) -> bool:
        """True if there is something to do, as of the last timer that fired.

        The clock is no substitute: a replay for a query fires timers with the clock of the last workflow task, and
        must decide then what a later replay with the right clock decides.
        """
        return self._has_other_work() or self._loop.is_health_reading_due(self._last_timer_time)

    def _has_other_work(self) -> bool:
        """True if there is something to do besides reading agents between syncs.

        While an update waits, a run that is long for its signals goes on waiting, too.
        """
        is_due = self._loop.is_work_due(self._last_timer_time) or self._passes.is_lost
        return is_due or (self._has_many_signals and not self._waiting_updates)

    @property
    def _has_many_signals(self) -> bool:
        """True if signals have made this run long; any replay counts the same."""
        return self.signals >= self._loop.settings.max_signals

    def _now(self) -> datetime:
        """Return the time, which is never before that of a timer that has fired."""
        return max(workflow.now(), self._last_timer_time)

    async def _sync_when_due(self) -> None:
        if not self._loop.is_sync_due(self._last_timer_time):
            return
        active_sync = self._loop.begin_sync(self._now())
        update_visibility(self._loop)
        sync = asyncio.create_task(self._observe(active_sync))
        try:
            # Its own task starts after that of the sync, so that commands keep their order in histories.
            await asyncio.create_task(self._mark_syncing(active_sync.is_shown_in_record))
            await self._follow_record_during_sync(sync)
        finally:
            sync.cancel()
        if activity_errors.was_cancelled(sync):
            self._loop.cancel_sync()
        else:
            await self._passes.check_inherited()
            report = self._loop.end_sync(sync.result(), self._now())
            report_sync(report, self._loop.last_known.error or report.error)
            await self._passes.start_when_due(self._now())
        self._has_answered_update = self._waiting_updates > 0
        update_visibility(self._loop)

    async def _follow_record_during_sync(self, sync: asyncio.Task[Any]) -> None:
        """Exchange the record during a sync; cancel a sync that is no longer needed."""
        loop = self._loop
        while loop.is_needed and not sync.done():
            await workflow.wait_condition(
                lambda: sync.done() or loop.record.has_new_message or not loop.is_needed
            )
            if loop.record.has_new_message and not sync.done():
                await self._exchange_record()
                update_visibility(loop)
        if not loop.is_needed:
            sync.cancel()
        await workflow.wait_condition(sync.done)

    async def _observe(self, active_sync: ActiveSync) -> Observation | SyncFailure:
        loop, config = self._loop, self._loop.effective_config
        assert config is not None  # noqa: S101  a sync begins only with a configuration
        request = ObserveRequest(
            config=config,
            previous_counts=loop.last_known.counts,
            accept_empty=active_sync.request.accept_empty,
            health=loop.request_health(active_sync.started),
        )
        try:
            return await activity_calls.observe(
                request,
                answered_before=loop.fabric_answered,
                is_catching_up=active_sync.is_catching_up,
            )
        except (ActivityError, ApplicationError) as error:
            activity_errors.raise_if_cancelled(error)
            return SyncFailure(message=activity_errors.describe_error(error, config.task_queue))

    async def _mark_syncing(self, is_shown_in_record: bool) -> None:
        """Write `syncing` to the record if people may watch and NetBox is quick."""
        if not is_shown_in_record or self._loop.record.error:
            return
        try:
            state = self._loop.state_to_record
            await self._write_record(state, MARK_SYNCING_TIMEOUT, retry=False)
        except ActivityError as error:
            activity_errors.raise_if_cancelled(error)
            text = activity_errors.describe_netbox_error(error)
            if activity_errors.is_caused_by(error, OwnedByOtherInstallation):
                self._loop.on_owned_by_other(text)
            workflow.logger.info("The record does not show that a sync is running: %s", text)

    async def _exchange_record(self) -> None:
        """Write or read changes of the record; show a failure and retry it later."""
        loop = self._loop
        if not loop.is_record_exchange_due(self._last_timer_time):
            return
        answered = not loop.record.error
        until_due = None if loop.next_sync is None else loop.next_sync - self._now()
        timeout = activity_calls.compute_netbox_timeout(
            loop.effective_config, until_due, answered_before=answered
        )
        loop.begin_record_exchange()
        try:
            if loop.needs_write:
                await self._write_record(loop.state_to_record, timeout, retry=answered)
            else:
                record = await activity_calls.load_record(loop.fabric_id, timeout, retry=answered)
                self._apply_record(record)
        except ActivityError as error:
            activity_errors.raise_if_cancelled(error)
            text = activity_errors.describe_netbox_error(error)
            if activity_errors.is_caused_by(error, OwnedByOtherInstallation):
                loop.on_owned_by_other(text)
            else:
                loop.on_record_failed(text, self._now())

    async def _write_record(
        self, last_known: LastKnownState, time_limit: timedelta, *, retry: bool
    ) -> None:
        loop = self._loop
        update = RecordUpdate(
            fabric_id=loop.fabric_id,
            last_known=last_known,
            edits=loop.record.pending_edits,
            journal_entry=loop.journal.pending_entry,
        )
        record = await activity_calls.record_result(update, time_limit, retry=retry)
        self._apply_record(record)
        if record.config is None:
            return  # nothing was written, as no record was found
        entry = "" if record.journal_error else update.journal_entry
        loop.on_record_written(last_known, update.edits, entry)
        if record.journal_error:
            loop.on_record_failed(record.journal_error, self._now())

    def _apply_record(self, record: RecordSnapshot) -> None:
        if record.config is None:
            self._loop.on_record_missed(record.settings)
            return
        self._loop.on_record_read(
            record.config,
            record.last_known,
            record.settings,
            is_consistent=record.is_consistent,
            was_switched_off=record.was_switched_off,
        )

    async def _continue_as_new_when_long(self) -> None:
        """Start a new run when the history is long and no update waits for this one.

        From `update_limit_events` on no further update waits, so that this comes to pass.
        """
        info, settings = workflow.info(), self._loop.settings
        # The run that started a pass sees its end; a later one has to ask for it.
        is_open = self._passes.is_open
        limit = settings.update_limit_events if is_open else settings.max_history_events
        is_due = info.get_current_history_length() >= limit or self._has_many_signals
        if not is_due or self._waiting_updates or self._loop.is_finished:
            return
        if self._has_answered_update:
            await workflow.sleep(1, summary="send answers before the next run starts")
        await workflow.wait_condition(
            lambda: self._waiting_updates > 0 or workflow.all_handlers_finished()
        )
        if not self._waiting_updates:
            workflow.continue_as_new(self._loop, task_timeout=WORKFLOW_TASK_TIMEOUT)
