"""`FabricSync`: the loop that keeps one fabric in sync, for as long as its record wants it.

The workflow id is `fabric-sync/<fabric id>`, so one fabric cannot have two loops. The loop waits for
the next slot or a message, syncs, and exchanges what changed with the NetBox record. What it
all means is decided in `fabrics.loop.loop`. That state is the single input, and goes whole into the next
run when the history has grown long.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.observe import ObserveRequest
    from activities.record import RecordSnapshot, RecordUpdate
    from fabrics.inventory.report.report import InventoryOutcome
    from fabrics.loop.active_sync import ActiveSync
    from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop
    from fabrics.loop.record_link import RecordLink
    from fabrics.record.status import LastKnownState, Observation
    from workflows import activity_calls
    from workflows.messages import FabricMessageHandlers
    from workflows.visibility import update_visibility, update_visibility_at_end

MAX_HISTORY_EVENTS: Final = 300
"""Events after which a new run starts. A restarted worker replays whole histories, so they are kept short."""

DISTANT_PAST: Final = datetime.min.replace(tzinfo=UTC)

MIN_TIMER: Final = timedelta(milliseconds=1)
"""For what is due already: with no time at all, no timer would be started."""

MARK_SYNCING_TIMEOUT: Final = timedelta(seconds=10)
"""What it may take to show that a sync is running: longer, and the sync has ended before."""


@workflow.defn
class FabricSync(FabricMessageHandlers):
    """One fabric's loop."""

    @workflow.init
    def __init__(self, loop: FabricLoop) -> None:
        """Take over the state of the run before; a new loop knows only its fabric id."""
        super().__init__(loop)
        self._has_answered_update = False
        self._last_timer_time = DISTANT_PAST

    @workflow.run
    async def run(self, loop: FabricLoop) -> str:
        """Wait, sync, exchange with the record, until nobody wants the loop; the answer is its last status."""
        while not await self._has_ended():
            await self._exchange_record()
            await self._wait_for_work()
            await self._sync_when_due()
            await self._exchange_record()
            await self._continue_as_new_when_long()
        update_visibility_at_end(self._loop)
        return self._final_status()

    def _final_status(self) -> str:
        results = {
            RecordLink.DELETED: "record deleted",
            RecordLink.OTHER_OWNER: "synced elsewhere",
        }
        return results.get(self._loop.record_link) or self._loop.status().sync_status

    async def _has_ended(self) -> bool:
        """Nobody wants the loop, also after those who asked something have had their answer."""
        self._is_ending = self._loop.is_finished
        if self._is_ending:
            await workflow.wait_condition(workflow.all_handlers_finished)
        return self._is_ending and self._loop.is_finished

    async def _wait_for_work(self) -> None:
        """Sleep until the next slot, a message, or the time to ask NetBox again."""
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
                    timeout_summary=f"until {wake:%Y-%m-%d %H:%M:%S} UTC",
                )
            except TimeoutError:
                self._last_timer_time = max(self._last_timer_time, wake)
            self._loop.update_schedule(self._now())

    def _has_work(self) -> bool:
        """Whether there is something to do. What waits for a time does so until its timer has fired.

        The clock would not do: a worker that replays a loop for a query lets timers fire that have, but
        at the time of the last workflow task. What the loop then decides has to be what it decides when
        it is replayed later, with the clock right.
        """
        loop, reached = self._loop, self._last_timer_time
        return loop.is_finished or loop.is_sync_due(reached) or loop.is_record_exchange_due(reached)

    def _now(self) -> datetime:
        """The time, which is not before that of a timer that has fired."""
        return max(workflow.now(), self._last_timer_time)

    async def _sync_when_due(self) -> None:
        if not self._loop.is_sync_due(self._last_timer_time):
            return
        turn = self._loop.begin_sync(self._now())
        update_visibility(self._loop)
        sync = asyncio.create_task(self._sync(turn))
        try:
            # A task of its own begins after the sync has, which is the order that histories have.
            await asyncio.create_task(self._mark_syncing(turn.is_shown_in_record))
            await self._follow_record_during_sync(sync)
        finally:
            sync.cancel()
        if _was_cancelled(sync):
            self._loop.cancel_sync()
        else:
            self._loop.end_sync(*sync.result(), self._now())
        self._has_answered_update = self._waiting_updates > 0
        update_visibility(self._loop)

    async def _sync(
        self, active_sync: ActiveSync
    ) -> tuple[Observation | str, InventoryOutcome | str | None]:
        """What is there, or why it could not be seen, and what became of the inventory."""
        seen = await self._observe(active_sync)
        return seen, await self._update_inventory(seen)

    async def _follow_record_during_sync(self, sync: asyncio.Task[Any]) -> None:
        """Follow the record while a sync takes its time, and stop that once nobody wants it any more."""
        loop = self._loop
        while loop.is_needed and not sync.done():
            await workflow.wait_condition(
                lambda: sync.done() or loop.has_new_message or not loop.is_needed
            )
            if loop.has_new_message and not sync.done():
                await self._exchange_record()
                update_visibility(loop)
        if not loop.is_needed:
            sync.cancel()
        await workflow.wait_condition(sync.done)

    async def _observe(self, active_sync: ActiveSync) -> Observation | str:
        config, facts = self._loop.effective_config, self._loop.last_known
        assert config is not None  # noqa: S101  a sync begins only with a configuration
        request = ObserveRequest(
            config=config, previous_counts=facts.counts, accept_empty=active_sync.accept_empty
        )
        try:
            return await activity_calls.observe(request, answered_before=self._loop.fabric_answered)
        except (ActivityError, ApplicationError) as error:
            _raise_if_cancelled(error)
            return activity_calls.describe_error(error, config.task_queue)

    async def _update_inventory(
        self, observation: Observation | str
    ) -> InventoryOutcome | str | None:
        """Bring NetBox's inventory up to date, unless nothing has changed since it was."""
        request = None if isinstance(observation, str) else self._loop.begin_inventory(observation)
        if request is None:
            return None
        update_visibility(self._loop)
        worked_before = not self._loop.inventory.failed
        try:
            return await activity_calls.update_inventory(request, worked_before=worked_before)
        except (ActivityError, ApplicationError) as error:
            _raise_if_cancelled(error)
            return activity_calls.describe_inventory_error(error)

    async def _mark_syncing(self, is_shown_in_record: bool) -> None:
        """Let the record say `syncing`, where somebody may be looking at it; only if NetBox is quick."""
        if not is_shown_in_record or self._loop.record_error:
            return
        self._loop.last_written = None  # whatever becomes of this write, the next one is needed
        try:
            await self._write_record(
                self._loop.state_to_record, MARK_SYNCING_TIMEOUT, answered_before=False
            )
        except ActivityError as error:
            _raise_if_cancelled(error)
            sentence = activity_calls.describe_netbox_error(error)
            if activity_calls.is_owned_by_other(error):
                self._loop.on_owned_by_other(sentence)
            workflow.logger.info("The record does not show the sync: %s", sentence)

    async def _exchange_record(self) -> None:
        """Write what changed, or read what others changed. A failure is shown and tried again later."""
        loop = self._loop
        if not loop.is_record_exchange_due(self._last_timer_time):
            return
        answered, loop.needs_reload = not loop.record_error, False
        due = None if loop.next_slot is None else loop.next_slot - self._now()
        patience = activity_calls.compute_netbox_timeout(
            loop.effective_config, due, answered_before=answered
        )
        try:
            if loop.needs_write:
                await self._write_record(loop.state_to_record, patience, answered_before=answered)
            else:
                self._apply_record(
                    await activity_calls.load_record(
                        loop.fabric_id, patience, answered_before=answered
                    )
                )
        except ActivityError as error:
            _raise_if_cancelled(error)
            sentence = activity_calls.describe_netbox_error(error)
            if activity_calls.is_owned_by_other(error):
                loop.on_owned_by_other(sentence)
            else:
                loop.needs_reload = True
                loop.on_record_error(sentence, self._now())

    async def _write_record(
        self, last_known: LastKnownState, time_limit: timedelta, *, answered_before: bool
    ) -> None:
        loop = self._loop
        update = RecordUpdate(
            fabric_id=loop.fabric_id,
            last_known=last_known,
            edits=loop.pending_edits,
            journal_entry=loop.journal.pending_entry,
        )
        read = await activity_calls.record_result(
            update, time_limit, answered_before=answered_before
        )
        self._apply_record(read)
        if read.config is None:
            return  # nothing was written where no record was found
        loop.on_record_written(
            last_known, update.edits, "" if read.journal_error else update.journal_entry
        )
        if read.journal_error:
            loop.on_record_error(read.journal_error, self._now())

    def _apply_record(self, read: RecordSnapshot) -> None:
        self._loop.on_record_read(
            read.config,
            read.last_known,
            read.installation,
            is_consistent=read.is_consistent,
            was_switched_off=read.was_switched_off,
        )

    async def _continue_as_new_when_long(self) -> None:
        """Start a new run when the history is long and nobody waits for an answer of this one."""
        info = workflow.info()
        long = (
            info.get_current_history_length() >= MAX_HISTORY_EVENTS
            or info.is_target_worker_deployment_version_changed()
        )
        if not long or self._waiting_updates or self._loop.is_finished:
            return
        if self._has_answered_update:
            await workflow.sleep(1, summary="let an answer out before the next run")
        await workflow.wait_condition(
            lambda: self._waiting_updates > 0 or workflow.all_handlers_finished()
        )
        if not self._waiting_updates:
            workflow.continue_as_new(self._loop, task_timeout=WORKFLOW_TASK_TIMEOUT)


def _raise_if_cancelled(error: FailureError) -> None:
    """A call that was cancelled has not failed: who cancelled it knows what that means."""
    if is_cancelled_exception(error):
        raise error


def _was_cancelled(task: asyncio.Task[Any]) -> bool:
    error = None if task.cancelled() else task.exception()
    return task.cancelled() or (error is not None and is_cancelled_exception(error))
