"""What a benchmark learns of one fabric from its workflows in Temporal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from tenacity import (
    AsyncRetrying,
    retry,
    retry_if_exception,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from fabrics.loop.loop import workflow_id
from fabrics.loop.report import FabricStatus, SyncReport
from workflows.fabric_sync import MIN_TIMER, FabricSync

MAX_FAILED_SYNCS: Final = 5
"""A sync or two may fail while everything starts at once."""

WAIT_TIMEOUT_SECONDS: Final = 3600.0
"""Enough for a first load of thousands of objects."""


ANSWER_TIMEOUT_SECONDS: Final = 300.0


def _is_unanswered(error: BaseException) -> bool:
    """True if a worker was too busy to answer a query."""
    return isinstance(error, RPCError) and error.status is not RPCStatusCode.NOT_FOUND


def find_first_plan(events: Iterable[HistoryEvent]) -> datetime | None:
    """Return the time for which a loop planned its first look at the fabric.

    A loop sleeps until then by timers, whose time begins with the workflow task that starts them. One that is
    overdue takes the shortest timer, which says nothing of the plan.
    """
    task_started = planned = None
    for event in events:
        if event.HasField("workflow_task_started_event_attributes"):
            task_started = event.event_time.ToDatetime(UTC)
        elif event.HasField("timer_started_event_attributes"):
            assert task_started is not None  # noqa: S101  a task starts timers
            length = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
            if planned is None or length > MIN_TIMER:
                planned = task_started + length
        elif event.activity_task_scheduled_event_attributes.activity_type.name == "observe":
            break
    return planned


_ask_again = retry(
    retry=retry_if_exception(_is_unanswered),
    wait=wait_fixed(1),
    stop=stop_after_delay(ANSWER_TIMEOUT_SECONDS),
    reraise=True,
)


@dataclass(frozen=True)
class LoopProbe:
    """A fabric's loop, and the workflow that writes its inventory."""

    client: Client
    fabric_id: str

    @property
    def inventory_workflow_id(self) -> str:
        """The id of the workflow that writes the inventory, if it has its own."""
        return f"fabric-inventory/{self.fabric_id}"

    @_ask_again
    async def query_status(self) -> FabricStatus | None:
        """Return the loop's status; None if it does not run yet."""
        try:
            return await self._loop.query(FabricSync.status)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    @_ask_again
    async def query_reports(self) -> list[SyncReport]:
        """Return the reports of the last syncs, oldest first."""
        return await self._loop.query(FabricSync.history)

    async def fetch_first_plan(self) -> datetime | None:
        """Return the planned time of the first sync, during the loop's first run."""
        return find_first_plan([event async for event in self._loop.fetch_history_events()])

    async def wait_for(
        self, condition: Callable[[FabricStatus], bool], poll_seconds: float = 0.2
    ) -> FabricStatus:
        """Wait until the status meets a condition, and return it."""
        waiting = AsyncRetrying(
            wait=wait_fixed(poll_seconds),
            stop=stop_after_delay(WAIT_TIMEOUT_SECONDS),
            retry=retry_if_result(lambda status: status is None or not condition(status)),
        )
        status: FabricStatus = await waiting(self.query_status)
        return status

    async def wait_until_in_sync(self) -> None:
        """Wait until the fabric is in sync; end the benchmark if its syncs keep failing."""
        status = await self.wait_for(
            lambda status: status.sync_status == "in_sync" or status.syncs >= MAX_FAILED_SYNCS
        )
        if status.sync_status == "error":
            raise SystemExit(f"{self.fabric_id} cannot be synced: {status.sync_error}")

    async def wait_for_inventory(self) -> None:
        """Wait until no inventory is being written."""
        waiting = AsyncRetrying(
            wait=wait_fixed(0.2),
            stop=stop_after_delay(WAIT_TIMEOUT_SECONDS),
            retry=retry_if_result(bool),
        )
        await waiting(self._is_writing_inventory)

    async def _is_writing_inventory(self) -> bool:
        handle = self.client.get_workflow_handle(self.inventory_workflow_id)
        try:
            description = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return description.status is WorkflowExecutionStatus.RUNNING

    async def fetch_events(self, since: datetime, until: datetime) -> list[HistoryEvent]:
        """Return the events of both workflows in this period, in all their runs."""
        ids = f"'{workflow_id(self.fabric_id)}', '{self.inventory_workflow_id}'"
        start, end = since.timestamp(), until.timestamp()
        events = []
        async for execution in self.client.list_workflows(f"WorkflowId IN ({ids})"):
            handle = self.client.get_workflow_handle(execution.id, run_id=execution.run_id)
            async for event in handle.fetch_history_events():
                if start <= event.event_time.ToMicroseconds() / 1e6 < end:
                    events.append(event)
        return events

    @property
    def _loop(self) -> WorkflowHandle[FabricSync, str]:
        return self.client.get_workflow_handle_for(FabricSync.run, workflow_id(self.fabric_id))
