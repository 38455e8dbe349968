"""The loops of all fabrics, as a round lists, signals, starts and replaces them."""

import asyncio
import logging
from collections.abc import Container
from dataclasses import dataclass
from typing import Final, Self

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import WorkflowExecutionSignaledEventAttributes
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowHistory,
)
from temporalio.common import RawValue, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import MissingKey, TransientError
from activities.executions import (
    STUCK_AFTER_ATTEMPTS,
    count_task_attempts,
    describe_problem,
    find_execution,
    find_missing_key,
    is_at_work,
    is_failing,
    list_running,
    misses_workflow,
    query_running,
)
from activities.netbox.client import NetBox
from activities.search_attributes import CONFIG_ATTRIBUTE, DRIFT_ATTRIBUTE, STATUS_ATTRIBUTE
from fabrics.fleet.reconcile import FabricRecord, FleetPlan, RunningLoop
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop, loop_summary, workflow_id

LOOP_WORKFLOW_PREFIX: Final = workflow_id("")
LOOP_WORKFLOW_TYPE: Final = "FabricSync"
"""The workflow type of a loop; the class is in a higher layer."""

RUNNING_LOOPS_QUERY: Final = query_running(LOOP_WORKFLOW_TYPE, LOOP_WORKFLOW_PREFIX)

MAX_CONCURRENT_CALLS: Final = 10
"""Concurrent calls to Temporal: enough to signal a large fleet within seconds without loading the server."""

SINGLE_LOOP_STATUS_CODES: Final = frozenset(
    {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION}
)
"""Errors that concern one loop alone, besides that it is missing: it has received too many signals, for instance."""

REPLACEMENT: Final = "replacement"
"""The memo of a loop that was started in the place of a failing one."""

GO_BACK: Final = (
    "If this began with an upgrade, go back to the release before, as docs/upgrade.md says."
)

log = logging.getLogger("fabric_sync.worker")


@dataclass(frozen=True)
class Tail:
    """What a run has not handled: its first task, or the signals since its last one."""

    is_first_task: bool
    signals: tuple[WorkflowExecutionSignaledEventAttributes, ...]

    @classmethod
    def of(cls, history: WorkflowHistory) -> Self:
        """Return the tail of a history.

        A run that continues another one has no first task.
        """
        events = history.events
        started = events[0].workflow_execution_started_event_attributes
        completed = [
            position
            for position, event in enumerate(events)
            if event.HasField("workflow_task_completed_event_attributes")
        ]
        return cls(
            is_first_task=not (completed or started.continued_execution_run_id),
            signals=tuple(
                event.workflow_execution_signaled_event_attributes
                for event in events[completed[-1] if completed else 0 :]
                if event.HasField("workflow_execution_signaled_event_attributes")
            ),
        )


@dataclass(frozen=True)
class FleetLoops:
    """The loops of this installation, whose workflows run on `task_queue`."""

    client: Client
    netbox: NetBox
    task_queue: str
    instance: str

    async def list_running(self) -> tuple[RunningLoop, ...]:
        """List the running loops. Raises `TransientError`."""
        listed = await list_running(self.client, RUNNING_LOOPS_QUERY)
        return tuple([await _parse_running_loop(loop) for loop in listed])

    async def signal(self, plan: FleetPlan, listed: Container[str]) -> list[str]:
        """Make loops reload their records, start missing ones, and list problems."""
        limit = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

        async def signal(fabric_id: str) -> str:
            async with limit:
                try:
                    if fabric_id in plan.overdue or fabric_id in plan.failing:
                        return await self._wake_or_replace(
                            fabric_id, must_reload=fabric_id in plan.loops_to_signal
                        )
                    if fabric_id in listed:
                        await self._signal_listed(fabric_id)
                    else:
                        await self._start(fabric_id)
                except RPCError as error:
                    if error.status in SINGLE_LOOP_STATUS_CODES or misses_workflow(error):
                        return f"The loop of {fabric_id} accepts no signals ({error.message})."
                    text = f"Temporal accepts no signals ({error.message})."
                    raise TransientError(text) from None
                return ""

        fabric_ids = sorted({*plan.loops_to_signal, *plan.overdue, *plan.failing})
        return list(filter(None, await asyncio.gather(*map(signal, fabric_ids))))

    async def _wake_or_replace(self, fabric_id: str, *, must_reload: bool) -> str:
        """Wake a loop that waits for nothing; replace one that is stuck, and say so.

        After an outage all loops are overdue, and they catch up in turn. Reading all their records meanwhile
        would only keep NetBox busy.
        """
        execution = await find_execution(self.client, workflow_id(fabric_id))
        attempts = count_task_attempts(execution)
        if execution and attempts > STUCK_AFTER_ATTEMPTS:
            return await self._replace(fabric_id, execution)
        if attempts > 1:
            return ""  # its task is failing, and a signal would let Temporal count from 1 again
        if must_reload or not is_at_work(execution):
            await self._signal_listed(fabric_id)
        return ""

    async def _replace(self, fabric_id: str, execution: WorkflowExecutionDescription) -> str:
        """Start a new loop in the place of one that fails on its history or its input.

        A loop that was itself started so, and has not completed any task since, would only fail once more.
        """
        handle = self.client.get_workflow_handle(execution.id, run_id=execution.run_id)
        history = await handle.fetch_history()
        if missing := await find_missing_key(self.client, history):
            # A new one would lose its state, and messages that only another worker can read.
            return f"{describe_problem(execution)}. {missing}"
        tail = Tail.of(history)
        if tail.is_first_task and await execution.memo_value(REPLACEMENT, False):
            return f"{describe_problem(execution)}, and so did the one before. {GO_BACK}"
        await self._start(fabric_id, WorkflowIDConflictPolicy.TERMINATE_EXISTING)
        new = self.client.get_workflow_handle(execution.id)
        for signal in tail.signals:
            await new.signal(signal.signal_name, args=list(map(RawValue, signal.input.payloads)))
        sentence = f"{describe_problem(execution)}; a new one continues from the record. {GO_BACK}"
        log.warning("%s", sentence)
        return sentence

    async def _signal_listed(self, fabric_id: str) -> None:
        """Make a loop reload its record; start a new one if it has ended, but is needed.

        It may have ended since it was listed, and NetBox's list may be older than that.
        """
        try:
            await self.client.get_workflow_handle(workflow_id(fabric_id)).signal("record_changed")
        except RPCError as error:
            if not misses_workflow(error):
                raise
            row = await asyncio.to_thread(self.netbox.find_record, fabric_id)
            record = None if row is None else FabricRecord.from_record(row)
            if record and record.config.needs_loop and not record.has_other_owner(self.instance):
                await self._start(fabric_id)

    async def _start(
        self,
        fabric_id: str,
        conflict_policy: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.UNSPECIFIED,
    ) -> None:
        """Start the loop; one that runs gets a signal, unless it is terminated."""
        await self.client.start_workflow(
            LOOP_WORKFLOW_TYPE,
            FabricLoop(fabric_id=fabric_id),
            id=workflow_id(fabric_id),
            task_queue=self.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary=loop_summary(fabric_id),
            start_signal=None if conflict_policy else "record_changed",
            id_conflict_policy=conflict_policy,
            memo={REPLACEMENT: self._encode_plain(True)} if conflict_policy else None,
        )

    def _encode_plain(self, value: object) -> Payload:
        """Return a payload without encryption: a memo keeps its first key for ever."""
        return self.client.data_converter.payload_converter.to_payload(value)


async def _parse_running_loop(loop: WorkflowExecution) -> RunningLoop:
    values = loop.typed_search_attributes
    return RunningLoop(
        fabric_id=loop.id.removeprefix(LOOP_WORKFLOW_PREFIX),
        config_hash=values.get(CONFIG_ATTRIBUTE) or await _read_config_hash(loop),
        started=loop.start_time,
        status=values.get(STATUS_ATTRIBUTE),
        drift_count=values.get(DRIFT_ATTRIBUTE),
        is_failing=is_failing(loop),
    )


async def _read_config_hash(loop: WorkflowExecution) -> str:
    """Return the hash from the memo, where there are no search attributes."""
    try:
        config_hash: str = await loop.memo_value(CONFIG_ATTRIBUTE.name, "")
    except MissingKey:
        return ""  # so the loop reads its record again
    return config_hash
