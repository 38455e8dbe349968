"""Talking to the fabrics' loops in Temporal. Every call has a deadline."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import QueryRejectCondition, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from activities.queues import queue_has_worker
from activities.search_attributes import NAME_ATTRIBUTE, STATUS_ATTRIBUTE
from cli.errors import CommandError
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.fleet.summary import FleetSummary
from fabrics.inventory.report.report import InventoryProgress
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop, loop_summary, workflow_id
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.config import FabricConfig
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet
from workflows.messages import UPDATE_TIMEOUT

RPC_TIMEOUT: Final = timedelta(seconds=10)
"""For what Temporal answers by itself, and for a worker to answer an update."""

QUERY_TIMEOUT: Final = timedelta(seconds=5)
"""For a worker to answer a query: it takes milliseconds, or seconds after a worker's restart."""

UPDATE_INVENTORY_ACTIVITY: Final = "update_inventory"

type Message = Literal["pause", "resume", "set_interval", "sync_now"]
"""Each exists as a signal and as an update of this name and effect."""

TIMEOUT_CODES: Final = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED})
REQUEST_QUEUED_TEXT: Final = (
    "What was asked is kept in Temporal and will be done when a worker comes."
)


class NoWorker(CommandError):
    """No worker answers for the loops."""


class NoLoop(Exception):
    """The fabric has no loop to talk to."""


@dataclass(frozen=True)
class ListedLoop:
    """How Temporal lists a loop, by its search attributes; empty where it does not know them."""

    name: str
    status: str


class LoopClient:
    """The loops of one installation."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self.client = client
        self.task_queue = task_queue

    @property
    def no_worker_text(self) -> str:
        """What to say where `has_worker` is false."""
        return (
            f'No worker takes work from the task queue "{self.task_queue}";'
            " start one with `python worker.py`."
        )

    # -- what there is ----------------------------------------------------------------------------

    async def list_running_ids(self) -> frozenset[str]:
        """The ids of the fabrics that have a loop. Temporal lists new ones after a moment."""
        return frozenset(await self.list_running())

    async def list_running(self) -> Mapping[str, ListedLoop]:
        """By id, the fabrics that have a loop."""
        prefix = workflow_id("")
        found = self.client.list_workflows(
            "WorkflowType = 'FabricSync' AND ExecutionStatus = 'Running'",
            page_size=1000,
            rpc_timeout=RPC_TIMEOUT,
        )
        return {
            loop.id.removeprefix(prefix): _parse_search_attributes(loop.typed_search_attributes)
            async for loop in found
        }

    async def has_worker(self, queue: str = "") -> bool:
        """Whether a worker takes work from `queue`, which is the loops' unless another is named."""
        return await queue_has_worker(self.client, queue or self.task_queue)

    # -- what they say ----------------------------------------------------------------------------

    async def get_status(self, fabric_id: str) -> FabricStatus | None:
        """What the running loop knows; None where there is none, or it does not answer."""
        try:
            told = await self._get_handle(fabric_id).query(
                FabricSync.status,
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=QUERY_TIMEOUT,
            )
            return await self._add_progress(told)
        except (WorkflowQueryRejectedError, WorkflowQueryFailedError, RPCError):
            return None

    async def get_latest_status(self, fabric_id: str) -> FabricStatus:
        """What the present or latest loop knows. Raises `NoLoop`, `NoWorker`."""
        return await self._add_progress(await self._query(fabric_id, FabricSync.status))

    async def _add_progress(self, status: FabricStatus) -> FabricStatus:
        """The status with how far its inventory is, where that is being written now."""
        if not status.inventory.writing:
            return status
        inventory = status.inventory.model_copy(
            update={"progress": await self._get_progress(status.fabric_id)}
        )
        return status.model_copy(update={"inventory": inventory})

    async def _get_progress(self, fabric_id: str) -> InventoryProgress | None:
        """What the writing of the inventory last told of itself, if it has begun."""
        described = await self._get_handle(fabric_id).describe(rpc_timeout=RPC_TIMEOUT)
        for work in described.raw_description.pending_activities:
            if (
                work.activity_type.name == UPDATE_INVENTORY_ACTIVITY
                and work.heartbeat_details.payloads
            ):
                [progress] = await self.client.data_converter.decode(
                    work.heartbeat_details.payloads, [InventoryProgress]
                )
                return InventoryProgress.model_validate(progress)
        return None

    async def get_history(self, fabric_id: str) -> Sequence[SyncReport]:
        """The last syncs of the present or latest loop, oldest first. Raises `NoLoop`, `NoWorker`."""
        return await self._query(fabric_id, FabricSync.history)

    async def get_fleet_summary(self) -> FleetSummary | None:
        """How the fleet is. Raises `NoLoop` where it does not run; None where it does not answer."""
        try:
            return await self.client.get_workflow_handle_for(Fleet.run, FLEET_WORKFLOW_ID).query(
                Fleet.summary,
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=QUERY_TIMEOUT,
            )
        except WorkflowQueryRejectedError:
            raise NoLoop from None
        except WorkflowQueryFailedError:
            return None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NoLoop from None
            return None

    # -- what they are told -----------------------------------------------------------------------

    async def start_or_reload(self, config: FabricConfig) -> None:
        """Let the loop read its record again; start one where there is none. Needs no worker."""
        await self.client.start_workflow(
            FabricSync.run,
            FabricLoop(fabric_id=config.fabric_id),
            id=workflow_id(config.fabric_id),
            task_queue=self.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            start_signal="record_changed",
            static_summary=loop_summary(config.fabric_id),
            rpc_timeout=RPC_TIMEOUT,
        )

    async def reload(self, fabric_id: str) -> None:
        """Let the running loop read its record again. Raises `NoLoop`."""
        await self._send_signal(fabric_id, "record_changed")

    async def signal(self, fabric_id: str, message: Message, *arguments: object) -> None:
        """Leave a message that the loop gets as soon as a worker runs. Raises `NoLoop`."""
        await self._send_signal(fabric_id, message, *arguments)

    async def update(self, fabric_id: str, message: Message, *arguments: object) -> FabricStatus:
        """Give the loop a message and return its status then.

        Raises `NoLoop`, or, once the message is left for later, `NoWorker`.
        """
        update = await self._start_update_or_signal(fabric_id, message, arguments, FabricStatus)
        return await self._wait_for_update(update, RPC_TIMEOUT)

    async def sync(self, fabric_id: str, request: SyncRequest) -> SyncReport:
        """Ask for a sync and wait for its report. Raises as `tell` does."""
        update = await self._start_update_or_signal(
            fabric_id, "sync_now", _sync_now_arguments(request), SyncReport
        )
        return await self._wait_for_update(update, UPDATE_TIMEOUT)

    async def confirm_deletes(self, fabric_id: str, digest: str) -> SyncReport:
        """Agree to the deletes that wait, and have them done; the report of that sync.

        Raises `NoLoop`, `NoWorker`; nothing is left for later, when other deletes may wait.
        """
        update = await self._start_update(fabric_id, "confirm_deletes", (digest,), SyncReport)
        return await self._wait_for_update(update, UPDATE_TIMEOUT)

    async def request_sync(self, fabric_id: str, request: SyncRequest) -> None:
        """Ask for a sync without waiting for it. Raises as `tell` does."""
        await self.signal(fabric_id, "sync_now", *_sync_now_arguments(request))
        if not await self.has_worker():
            raise NoWorker(f"{self.no_worker_text} {REQUEST_QUEUED_TEXT}")

    async def wait_until_ended(self, fabric_id: str, time_limit: timedelta) -> bool:
        """Whether the loop ends within that time, however it does."""
        try:
            async with asyncio.timeout(time_limit.total_seconds()):
                await self._get_handle(fabric_id).result()
        except TimeoutError:
            return False
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        except WorkflowFailureError:
            pass
        return True

    # -- details ----------------------------------------------------------------------------------

    def _get_handle(self, fabric_id: str) -> WorkflowHandle[FabricSync, str]:
        return self.client.get_workflow_handle_for(FabricSync.run, workflow_id(fabric_id))

    async def _query[T](self, fabric_id: str, query: Callable[[FabricSync], T]) -> T:
        """Ask the present or latest loop."""
        if not await self.has_worker():
            raise NoWorker(self.no_worker_text)
        try:
            return await self._get_handle(fabric_id).query(query, rpc_timeout=RPC_TIMEOUT)
        except WorkflowQueryFailedError:
            raise CommandError(
                f"The loop of {fabric_id} cannot answer, since it fails: see {workflow_id(fabric_id)} in the"
                " Temporal Web UI. Once it is overdue, the fleet replaces it."
            ) from None
        except RPCError as error:
            raise self._translate_rpc_error(error) from None

    async def _start_update_or_signal[T](
        self, fabric_id: str, message: Message, arguments: Sequence[object], result_type: type[T]
    ) -> WorkflowUpdateHandle[T]:
        """Send an update that the loop accepts; where no worker does that in time, the signal."""
        try:
            return await self._start_update(fabric_id, message, arguments, result_type)
        except NoWorker:
            await self.signal(fabric_id, message, *arguments)
            raise NoWorker(f"{self.no_worker_text} {REQUEST_QUEUED_TEXT}") from None

    async def _start_update[T](
        self, fabric_id: str, name: str, arguments: Sequence[object], result_type: type[T]
    ) -> WorkflowUpdateHandle[T]:
        """Send an update that the loop accepts."""
        if not await self.has_worker():
            raise NoWorker(self.no_worker_text)
        try:
            update: WorkflowUpdateHandle[T] = await self._get_handle(fabric_id).start_update(
                name,
                args=arguments,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                result_type=result_type,
                rpc_timeout=RPC_TIMEOUT,
            )
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise NoWorker(self.no_worker_text) from None
        except RPCError as error:
            raise self._translate_rpc_error(error) from None
        return update

    async def _wait_for_update[T](
        self, update: WorkflowUpdateHandle[T], time_limit: timedelta
    ) -> T:
        try:
            async with asyncio.timeout(time_limit.total_seconds()):
                return await update.result()
        except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
            raise NoWorker(
                f"The worker has not finished this yet, or was stopped. {REQUEST_QUEUED_TEXT}"
            ) from None

    async def _send_signal(self, fabric_id: str, name: str, *arguments: object) -> None:
        try:
            await self._get_handle(fabric_id).signal(name, args=arguments, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            raise self._translate_rpc_error(error) from None

    def _translate_rpc_error(self, error: RPCError) -> Exception:
        """What a failed call to a loop means; the rest is Temporal's own failure."""
        if error.status is RPCStatusCode.NOT_FOUND:
            return NoLoop()
        return NoWorker(self.no_worker_text) if error.status in TIMEOUT_CODES else error


def _parse_search_attributes(attributes: TypedSearchAttributes) -> ListedLoop:
    return ListedLoop(
        name=attributes.get(NAME_ATTRIBUTE, ""), status=attributes.get(STATUS_ATTRIBUTE, "")
    )


def _sync_now_arguments(request: SyncRequest) -> tuple[bool, bool, bool]:
    """A request as the arguments of `sync_now`."""
    return request.full, request.accept_empty, request.adopt
