"""A client of the fabrics' loops in Temporal. Every call has a timeout."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateHandle,
)
from temporalio.common import QueryRejectCondition, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from activities.executions import misses_workflow
from activities.fleet.loops import RUNNING_LOOPS_QUERY
from activities.queues import queue_has_worker
from activities.search_attributes import NAME_ATTRIBUTE, STATUS_ATTRIBUTE
from cli.errors import CommandError
from cli.temporal.pending_work import RPC_TIMEOUT, get_inventory_progress
from cli.temporal.updates import LoopBusy, repeat_while_busy, start_update, wait_for_update
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop, loop_summary, workflow_id
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import InventoryState
from temporal import describe_namespace
from workflows.fabric_sync_handlers import UPDATE_TIMEOUT

QUERY_TIMEOUT: Final = timedelta(seconds=5)
"""For a worker to answer a query: it takes milliseconds, or seconds after a worker's restart."""

type Message = Literal["pause", "resume", "set_interval", "sync_now"]
"""Messages that exist both as a signal and as an update."""

type Signal = Message | Literal["record_changed"]

TIMEOUT_CODES: Final = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED})
REQUEST_QUEUED_TEXT: Final = "Temporal keeps the request until a worker has completed it."


class NoWorker(CommandError):
    """No worker answers for the loops; the text is for the operator."""


class NoLoop(Exception):
    """The fabric has no running loop."""


@dataclass(frozen=True)
class ListedLoop:
    """A loop's search attributes; empty if Temporal does not know them."""

    name: str
    status: str


class LoopClient:
    """The loops of one installation."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self.client = client
        self.task_queue = task_queue

    @property
    def no_worker_text(self) -> str:
        """The sentence for operators if `has_worker` is false."""
        return (
            f'No worker takes work from the task queue "{self.task_queue}" in {describe_namespace(self.client)};'
            " start one with `python worker.py`."
        )

    async def list_running(self) -> Mapping[str, ListedLoop]:
        """Return the running loops by fabric id. Temporal lists new ones after a moment."""
        prefix = workflow_id("")
        loops = self.client.list_workflows(
            RUNNING_LOOPS_QUERY, page_size=1000, rpc_timeout=RPC_TIMEOUT
        )
        return {
            loop.id.removeprefix(prefix): _parse_search_attributes(loop.typed_search_attributes)
            async for loop in loops
        }

    async def has_worker(self, queue: str = "") -> bool:
        """Return whether a worker polls `queue`, by default that of the loops."""
        return await queue_has_worker(self.client, queue or self.task_queue)

    # -- queries ----------------------------------------------------------------------------------

    async def get_status(self, fabric_id: str) -> FabricStatus | None:
        """Return the running loop's status; None if there is none, or no answer."""
        try:
            status = await self._get_handle(fabric_id).query(
                "status",
                result_type=FabricStatus,
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=QUERY_TIMEOUT,
            )
            return await self._add_progress(status)
        except (WorkflowQueryRejectedError, WorkflowQueryFailedError, RPCError):
            return None

    async def get_latest_status(self, fabric_id: str) -> FabricStatus:
        """Return the status of the running or latest loop. Raises `NoLoop`, `NoWorker`."""
        return await self._add_progress(await self._query(fabric_id, "status", FabricStatus))

    async def _add_progress(self, status: FabricStatus) -> FabricStatus:
        if status.inventory.state is not InventoryState.RUNNING:
            return status
        try:
            progress = await get_inventory_progress(self.client, status.fabric_id)
        except RPCError:
            return status  # it has just ended
        inventory = status.inventory.model_copy(update={"progress": progress})
        return status.model_copy(update={"inventory": inventory})

    async def get_history(self, fabric_id: str) -> Sequence[SyncReport]:
        """Return the last syncs of the running or latest loop, oldest first.

        Raises `NoLoop`, `NoWorker`.
        """
        return await self._query(fabric_id, "history", list[SyncReport])

    async def get_fleet_summary(self) -> FleetSummary | None:
        """Return the fleet's summary, None if it does not answer. Raises `NoLoop`."""
        fleet = self.client.get_workflow_handle(FLEET_WORKFLOW_ID)
        try:
            summary: FleetSummary = await fleet.query(
                "summary",
                result_type=FleetSummary,
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=QUERY_TIMEOUT,
            )
            return summary
        except WorkflowQueryRejectedError:
            raise NoLoop from None
        except (WorkflowQueryFailedError, RPCError) as error:
            if isinstance(error, RPCError) and misses_workflow(error):
                raise NoLoop from None
            return None

    # -- messages ---------------------------------------------------------------------------------

    async def start_or_reload(self, config: FabricConfig) -> None:
        """Start the loop, or make it read its record again. Needs no worker."""
        await self.client.start_workflow(
            "FabricSync",
            FabricLoop(fabric_id=config.fabric_id),
            id=workflow_id(config.fabric_id),
            task_queue=self.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            start_signal="record_changed",
            static_summary=loop_summary(config.fabric_id),
            rpc_timeout=RPC_TIMEOUT,
        )

    async def signal(self, fabric_id: str, message: Signal, *arguments: object) -> None:
        """Send a message, which the loop gets as soon as a worker runs. Raises `NoLoop`."""
        loop = self._get_handle(fabric_id)
        try:
            await loop.signal(message, args=arguments, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            raise _translate_rpc_error(error) from None

    async def update(self, fabric_id: str, message: Message, *arguments: object) -> FabricStatus:
        """Send a message and return the loop's status after it.

        Raises `NoLoop`; `NoWorker` if the message was sent, but no worker has handled it yet.
        """
        try:
            return await self._execute_or_signal(
                fabric_id, message, arguments, FabricStatus, RPC_TIMEOUT
            )
        except LoopBusy:
            await self.signal(fabric_id, message, *arguments)
            return await self.get_latest_status(fabric_id)

    async def sync(self, fabric_id: str, request: SyncRequest) -> SyncReport:
        """Request a sync and return its report. Raises as `update` does, or `LoopBusy`."""
        arguments = _sync_now_arguments(request)
        return await repeat_while_busy(
            lambda: self._execute_or_signal(
                fabric_id, "sync_now", arguments, SyncReport, UPDATE_TIMEOUT
            )
        )

    async def confirm_deletes(self, fabric_id: str, digest: str) -> SyncReport:
        """Confirm the deletes of that digest; return the report of the sync before them.

        Raises `NoLoop`, `NoWorker`, `LoopBusy`; it sends no signal, as other deletes may be pending by the time it
        arrives.
        """

        async def confirm() -> SyncReport:
            update = await self._start_update(fabric_id, "confirm_deletes", (digest,), SyncReport)
            return await self._wait_for_update(update, UPDATE_TIMEOUT)

        return await repeat_while_busy(confirm)

    async def request_sync(self, fabric_id: str, request: SyncRequest) -> None:
        """Request a sync without waiting for it. Raises as `update` does."""
        await self.signal(fabric_id, "sync_now", *_sync_now_arguments(request))
        if not await self.has_worker():
            raise NoWorker(f"{self.no_worker_text} {REQUEST_QUEUED_TEXT}")

    async def wait_until_ended(self, fabric_id: str, time_limit: timedelta) -> bool:
        """Return whether the loop ends within `time_limit`, successfully or not."""
        try:
            async with asyncio.timeout(time_limit.total_seconds()):
                await self._get_handle(fabric_id).result()
        except TimeoutError:
            return False
        except RPCError as error:
            if not misses_workflow(error):
                raise
        except WorkflowFailureError:
            pass
        return True

    def _get_handle(self, fabric_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id(fabric_id))

    async def _query[T](self, fabric_id: str, query: str, result_type: type[T]) -> T:
        if not await self.has_worker():
            raise NoWorker(self.no_worker_text)
        try:
            handle = self._get_handle(fabric_id)
            answer: T = await handle.query(query, result_type=result_type, rpc_timeout=RPC_TIMEOUT)
            return answer
        except WorkflowQueryFailedError:
            raise CommandError(
                f"The loop of {fabric_id} cannot answer: it is failing, or was ended in the middle of something. See"
                f" {workflow_id(fabric_id)} in Temporal's Web UI. The fleet soon replaces one that is failing."
            ) from None
        except RPCError as error:
            if error.status in TIMEOUT_CODES:
                raise _no_answer(fabric_id) from None
            raise _translate_rpc_error(error) from None

    async def _execute_or_signal[T](
        self,
        fabric_id: str,
        message: Message,
        arguments: Sequence[object],
        result_type: type[T],
        limit: timedelta,
    ) -> T:
        """Send an update and return its result; or the signal if no worker accepts it."""
        try:
            update = await self._start_update(fabric_id, message, arguments, result_type)
        except NoWorker as error:
            await self.signal(fabric_id, message, *arguments)
            raise NoWorker(f"{error} {REQUEST_QUEUED_TEXT}") from None
        return await self._wait_for_update(update, limit)

    async def _start_update[T](
        self, fabric_id: str, name: str, arguments: Sequence[object], result_type: type[T]
    ) -> WorkflowUpdateHandle[T]:
        if not await self.has_worker():
            raise NoWorker(self.no_worker_text)
        try:
            return await start_update(self._get_handle(fabric_id), name, arguments, result_type)
        except TimeoutError:
            raise _no_answer(fabric_id) from None
        except RPCError as error:
            raise _translate_rpc_error(error) from None

    async def _wait_for_update[T](self, update: WorkflowUpdateHandle[T], limit: timedelta) -> T:
        try:
            return await wait_for_update(update, limit)
        except TimeoutError:
            text = f"The worker has not finished yet, or was stopped. {REQUEST_QUEUED_TEXT}"
            raise NoWorker(text) from None


def _no_answer(fabric_id: str) -> NoWorker:
    """Return the error for a loop that does not answer, although a worker polls."""
    return NoWorker(
        f"The loop of {fabric_id} has not answered within {RPC_TIMEOUT.seconds} s: its worker was lost, or is busy."
    )


def _translate_rpc_error(error: RPCError) -> Exception:
    """Return the meaning of a failed call, or `error` if Temporal itself failed."""
    return NoLoop() if misses_workflow(error) else error


def _parse_search_attributes(attributes: TypedSearchAttributes) -> ListedLoop:
    return ListedLoop(attributes.get(NAME_ATTRIBUTE, ""), attributes.get(STATUS_ATTRIBUTE, ""))


def _sync_now_arguments(request: SyncRequest) -> tuple[bool, bool, bool]:
    return request.full, request.accept_empty, request.adopt
