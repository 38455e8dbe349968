"""`FabricSync`: the loop that keeps one fabric in sync, for as long as its record wants it.

The workflow id is `fabric-sync/<fabric id>`, so one fabric cannot have two loops. The loop waits for
the next slot or a message, syncs, and exchanges what changed with the NetBox record. What it
all means is decided in `fabrics.loop`. That state is the single input, and goes whole into the next
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
    from activities.record import RecordRead, RecordUpdate
    from fabrics.inventory.report.report import InventoryOutcome
    from fabrics.loop.active_sync import Turn
    from fabrics.loop.loop import LOST_TASK, FabricLoop
    from fabrics.record.status import Facts, Observation
    from workflows import activity_calls
    from workflows.messages import FabricMessages
    from workflows.visibility import show, show_end

LONG_HISTORY: Final = 300
"""Events after which a new run starts. A restarted worker replays whole histories, so they are kept short."""

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

MOMENT: Final = timedelta(milliseconds=1)
"""For what is due already: with no time at all, no timer would be started."""

QUICK: Final = timedelta(seconds=10)
"""What it may take to show that a sync is running: longer, and the sync has ended before."""


@workflow.defn
class FabricSync(FabricMessages):
    """One fabric's loop."""

    @workflow.init
    def __init__(self, loop: FabricLoop) -> None:
        """Take over the state of the run before; a new loop knows only its fabric id."""
        super().__init__(loop)
        self._answered = False
        self._reached = LONG_AGO

    @workflow.run
    async def run(self, loop: FabricLoop) -> str:
        """Wait, sync, exchange with the record, until nobody wants the loop; the answer is its last status."""
        while not await self._is_over():
            await self._exchange_record()
            await self._wait_for_work()
            await self._sync_when_due()
            await self._exchange_record()
            await self._continue_as_new_when_long()
        show_end(self._loop)
        return self._last_word()

    def _last_word(self) -> str:
        if self._loop.gone:
            return "record deleted"
        return "synced elsewhere" if self._loop.elsewhere else self._loop.status().sync_status

    async def _is_over(self) -> bool:
        """Nobody wants the loop, also after those who asked something have had their answer."""
        self._ending = self._loop.finished
        if self._ending:
            await workflow.wait_condition(workflow.all_handlers_finished)
        return self._ending and self._loop.finished

    async def _wait_for_work(self) -> None:
        """Sleep until the next slot, a message, or the time to ask NetBox again."""
        self._answered = False
        self._loop.plan(self._now())
        while not self._has_work():
            show(self._loop)
            wake = self._loop.wake_at()
            if wake is None:
                await workflow.wait_condition(self._has_work)
                return
            try:
                await workflow.wait_condition(
                    self._has_work,
                    timeout=max(wake - self._now(), MOMENT),
                    timeout_summary=f"until {wake:%Y-%m-%d %H:%M:%S} UTC",
                )
            except TimeoutError:
                self._reached = max(self._reached, wake)
            self._loop.plan(self._now())

    def _has_work(self) -> bool:
        """Whether there is something to do. What waits for a time does so until its timer has fired.

        The clock would not do: a worker that replays a loop for a query lets timers fire that have, but
        at the time of the last workflow task. What the loop then decides has to be what it decides when
        it is replayed later, with the clock right.
        """
        loop, reached = self._loop, self._reached
        return loop.finished or loop.sync_is_due(reached) or loop.exchange_is_due(reached)

    def _now(self) -> datetime:
        """The time, which is not before that of a timer that has fired."""
        return max(workflow.now(), self._reached)

    async def _sync_when_due(self) -> None:
        if not self._loop.sync_is_due(self._reached):
            return
        turn = self._loop.begin(self._now())
        show(self._loop)
        sync = asyncio.create_task(self._sync(turn))
        try:
            # A task of its own begins after the sync has, which is the order that histories have.
            await asyncio.create_task(self._mark_syncing(turn.shown))
            await self._heed_messages_until_done(sync)
        finally:
            sync.cancel()
        if _was_cancelled(sync):
            self._loop.give_up()
        else:
            self._loop.end(*sync.result(), self._now())
        self._answered = self._waiting > 0
        show(self._loop)

    async def _sync(self, turn: Turn) -> tuple[Observation | str, InventoryOutcome | str | None]:
        """What is there, or why it could not be seen, and what became of the inventory."""
        seen = await self._observe(turn)
        return seen, await self._mirror(seen)

    async def _heed_messages_until_done(self, sync: asyncio.Task[Any]) -> None:
        """Follow the record while a sync takes its time, and stop that once nobody wants it any more."""
        loop = self._loop
        while loop.wanted and not sync.done():
            await workflow.wait_condition(lambda: sync.done() or loop.was_told or not loop.wanted)
            if loop.was_told and not sync.done():
                await self._exchange_record()
                show(loop)
        if not loop.wanted:
            sync.cancel()
        await workflow.wait_condition(sync.done)

    async def _observe(self, turn: Turn) -> Observation | str:
        config, facts = self._loop.effective, self._loop.facts
        assert config is not None  # noqa: S101  a sync begins only with a configuration
        request = ObserveRequest(config=config, before=facts.counts, accept_empty=turn.accept_empty)
        try:
            return await activity_calls.observe(request, answered_before=self._loop.answered)
        except (ActivityError, ApplicationError) as error:
            _raise_if_cancelled(error)
            return activity_calls.sentence(error, config.task_queue)

    async def _mirror(self, seen: Observation | str) -> InventoryOutcome | str | None:
        """Bring NetBox's inventory up to date, unless nothing has changed since it was."""
        request = None if isinstance(seen, str) else self._loop.begin_inventory(seen)
        if request is None:
            return None
        show(self._loop)
        worked_before = not self._loop.inventory.failed
        try:
            return await activity_calls.update_inventory(request, worked_before=worked_before)
        except (ActivityError, ApplicationError) as error:
            _raise_if_cancelled(error)
            return activity_calls.inventory_sentence(error)

    async def _mark_syncing(self, shown: bool) -> None:
        """Let the record say `syncing`, where somebody may be looking at it; only if NetBox is quick."""
        if not shown or self._loop.record_error:
            return
        self._loop.written = None  # whatever becomes of this write, the next one is needed
        try:
            await self._write(self._loop.recorded, QUICK, answered_before=False)
        except ActivityError as error:
            _raise_if_cancelled(error)
            sentence = activity_calls.netbox_sentence(error)
            if activity_calls.is_claimed(error):
                self._loop.record_claimed(sentence)
            workflow.logger.info("The record does not show the sync: %s", sentence)

    async def _exchange_record(self) -> None:
        """Write what changed, or read what others changed. A failure is shown and tried again later."""
        loop = self._loop
        if not loop.exchange_is_due(self._reached):
            return
        answered, loop.reload = not loop.record_error, False
        due = None if loop.next_slot is None else loop.next_slot - self._now()
        patience = activity_calls.patience_with_netbox(
            loop.effective, due, answered_before=answered
        )
        try:
            if loop.must_write:
                await self._write(loop.recorded, patience, answered_before=answered)
            else:
                self._adopt(
                    await activity_calls.load_record(
                        loop.fabric_id, patience, answered_before=answered
                    )
                )
        except ActivityError as error:
            _raise_if_cancelled(error)
            sentence = activity_calls.netbox_sentence(error)
            if activity_calls.is_claimed(error):
                loop.record_claimed(sentence)
            else:
                loop.reload = True
                loop.record_failed(sentence, self._now())

    async def _write(self, facts: Facts, patience: timedelta, *, answered_before: bool) -> None:
        loop = self._loop
        update = RecordUpdate(
            fabric_id=loop.fabric_id, facts=facts, edits=loop.edits, journal=loop.journal.entry
        )
        read = await activity_calls.record_result(update, patience, answered_before=answered_before)
        self._adopt(read)
        if read.config is None:
            return  # nothing was written where no record was found
        loop.record_written(facts, update.edits, "" if read.journal_error else update.journal)
        if read.journal_error:
            loop.record_failed(read.journal_error, self._now())

    def _adopt(self, read: RecordRead) -> None:
        self._loop.record_read(
            read.config,
            read.facts,
            read.installation,
            is_true=read.is_true,
            was_off=read.was_off,
        )

    async def _continue_as_new_when_long(self) -> None:
        """Start a new run when the history is long and nobody waits for an answer of this one."""
        info = workflow.info()
        long = (
            info.get_current_history_length() >= LONG_HISTORY
            or info.is_target_worker_deployment_version_changed()
        )
        if not long or self._waiting or self._loop.finished:
            return
        if self._answered:
            await workflow.sleep(1, summary="let an answer out before the next run")
        await workflow.wait_condition(lambda: self._waiting > 0 or workflow.all_handlers_finished())
        if not self._waiting:
            workflow.continue_as_new(self._loop, task_timeout=LOST_TASK)


def _raise_if_cancelled(error: FailureError) -> None:
    """A call that was cancelled has not failed: who cancelled it knows what that means."""
    if is_cancelled_exception(error):
        raise error


def _was_cancelled(task: asyncio.Task[Any]) -> bool:
    error = None if task.cancelled() else task.exception()
    return task.cancelled() or (error is not None and is_cancelled_exception(error))
