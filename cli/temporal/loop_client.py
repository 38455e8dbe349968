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

from activities.fleet import STATUS
from activities.queues import takes_work
from cli.errors import Failure
from fabrics.fleet.reconcile import FLEET_ID
from fabrics.fleet.summary import FleetSummary
from fabrics.inventory.report.report import InventoryProgress
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.loop import LOST_TASK, FabricLoop, loop_summary, workflow_id
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.config import FabricConfig
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet
from workflows.messages import LONGEST_WAIT
from workflows.visibility import NAME

DEADLINE: Final = timedelta(seconds=10)
"""For what Temporal answers by itself, and for a worker to answer an update."""

QUERY_DEADLINE: Final = timedelta(seconds=5)
"""For a worker to answer a query: it takes milliseconds, or seconds after a worker's restart."""

UPDATE_INVENTORY: Final = "update_inventory"

type Message = Literal["pause", "resume", "set_interval", "sync_now"]
"""Each exists as a signal and as an update of this name and effect."""

UNANSWERED: Final = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED})
KEPT: Final = "What was asked is kept in Temporal and will be done when a worker comes."


class NoWorker(Failure):
    """No worker answers for the loops."""


class NoLoop(Exception):
    """The fabric has no loop to talk to."""


@dataclass(frozen=True)
class Listed:
    """How Temporal lists a loop, by its search attributes; empty where it does not know them."""

    name: str
    status: str


class Loops:
    """The loops of one installation."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self.client = client
        self.task_queue = task_queue

    @property
    def no_worker(self) -> str:
        """What to say where `worker_polls` is false."""
        return (
            f'No worker takes work from the task queue "{self.task_queue}";'
            " start one with `python worker.py`."
        )

    # -- what there is ----------------------------------------------------------------------------

    async def running(self) -> frozenset[str]:
        """The ids of the fabrics that have a loop. Temporal lists new ones after a moment."""
        return frozenset(await self.listed())

    async def listed(self) -> Mapping[str, Listed]:
        """By id, the fabrics that have a loop."""
        prefix = workflow_id("")
        found = self.client.list_workflows(
            "WorkflowType = 'FabricSync' AND ExecutionStatus = 'Running'",
            page_size=1000,
            rpc_timeout=DEADLINE,
        )
        return {
            loop.id.removeprefix(prefix): _listed(loop.typed_search_attributes)
            async for loop in found
        }

    async def worker_polls(self, queue: str = "") -> bool:
        """Whether a worker takes work from `queue`, which is the loops' unless another is named."""
        return await takes_work(self.client, queue or self.task_queue)

    # -- what they say ----------------------------------------------------------------------------

    async def status(self, fabric_id: str) -> FabricStatus | None:
        """What the running loop knows; None where there is none, or it does not answer."""
        try:
            told = await self._handle(fabric_id).query(
                FabricSync.status,
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=QUERY_DEADLINE,
            )
            return await self._with_progress(told)
        except (WorkflowQueryRejectedError, WorkflowQueryFailedError, RPCError):
            return None

    async def latest(self, fabric_id: str) -> FabricStatus:
        """What the present or latest loop knows. Raises `NoLoop`, `NoWorker`."""
        return await self._with_progress(await self._ask(fabric_id, FabricSync.status))

    async def _with_progress(self, told: FabricStatus) -> FabricStatus:
        """The status with how far its inventory is, where that is being written now."""
        if not told.inventory.writing:
            return told
        inventory = told.inventory.model_copy(
            update={"progress": await self._progress(told.fabric_id)}
        )
        return told.model_copy(update={"inventory": inventory})

    async def _progress(self, fabric_id: str) -> InventoryProgress | None:
        """What the writing of the inventory last told of itself, if it has begun."""
        described = await self._handle(fabric_id).describe(rpc_timeout=DEADLINE)
        for work in described.raw_description.pending_activities:
            if work.activity_type.name == UPDATE_INVENTORY and work.heartbeat_details.payloads:
                [progress] = await self.client.data_converter.decode(
                    work.heartbeat_details.payloads, [InventoryProgress]
                )
                return InventoryProgress.model_validate(progress)
        return None

    async def history(self, fabric_id: str) -> Sequence[SyncReport]:
        """The last syncs of the present or latest loop, oldest first. Raises `NoLoop`, `NoWorker`."""
        return await self._ask(fabric_id, FabricSync.history)

    async def fleet(self) -> FleetSummary | None:
        """How the fleet is. Raises `NoLoop` where it does not run; None where it does not answer."""
        try:
            return await self.client.get_workflow_handle_for(Fleet.run, FLEET_ID).query(
                Fleet.summary,
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=QUERY_DEADLINE,
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

    async def start(self, config: FabricConfig) -> None:
        """Let the loop read its record again; start one where there is none. Needs no worker."""
        await self.client.start_workflow(
            FabricSync.run,
            FabricLoop(fabric_id=config.fabric_id),
            id=workflow_id(config.fabric_id),
            task_queue=self.task_queue,
            task_timeout=LOST_TASK,
            start_signal="record_changed",
            static_summary=loop_summary(config.fabric_id),
            rpc_timeout=DEADLINE,
        )

    async def reload(self, fabric_id: str) -> None:
        """Let the running loop read its record again. Raises `NoLoop`."""
        await self._signal(fabric_id, "record_changed")

    async def leave(self, fabric_id: str, message: Message, *arguments: object) -> None:
        """Leave a message that the loop gets as soon as a worker runs. Raises `NoLoop`."""
        await self._signal(fabric_id, message, *arguments)

    async def tell(self, fabric_id: str, message: Message, *arguments: object) -> FabricStatus:
        """Give the loop a message and return its status then.

        Raises `NoLoop`, or, once the message is left for later, `NoWorker`.
        """
        update = await self._give(fabric_id, message, arguments, FabricStatus)
        return await self._answer(update, DEADLINE)

    async def sync(self, fabric_id: str, request: SyncRequest) -> SyncReport:
        """Ask for a sync and wait for its report. Raises as `tell` does."""
        update = await self._give(fabric_id, "sync_now", _switches(request), SyncReport)
        return await self._answer(update, LONGEST_WAIT)

    async def confirm_deletes(self, fabric_id: str, digest: str) -> SyncReport:
        """Agree to the deletes that wait, and have them done; the report of that sync.

        Raises `NoLoop`, `NoWorker`; nothing is left for later, when other deletes may wait.
        """
        update = await self._update(fabric_id, "confirm_deletes", (digest,), SyncReport)
        return await self._answer(update, LONGEST_WAIT)

    async def ask_for_sync(self, fabric_id: str, request: SyncRequest) -> None:
        """Ask for a sync without waiting for it. Raises as `tell` does."""
        await self.leave(fabric_id, "sync_now", *_switches(request))
        if not await self.worker_polls():
            raise NoWorker(f"{self.no_worker} {KEPT}")

    async def ended(self, fabric_id: str, within: timedelta) -> bool:
        """Whether the loop ends within that time, however it does."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._handle(fabric_id).result()
        except TimeoutError:
            return False
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        except WorkflowFailureError:
            pass
        return True

    # -- details ----------------------------------------------------------------------------------

    def _handle(self, fabric_id: str) -> WorkflowHandle[FabricSync, str]:
        return self.client.get_workflow_handle_for(FabricSync.run, workflow_id(fabric_id))

    async def _ask[T](self, fabric_id: str, question: Callable[[FabricSync], T]) -> T:
        """Ask the present or latest loop."""
        if not await self.worker_polls():
            raise NoWorker(self.no_worker)
        try:
            return await self._handle(fabric_id).query(question, rpc_timeout=DEADLINE)
        except WorkflowQueryFailedError:
            raise Failure(
                f"The loop of {fabric_id} cannot answer, since it fails: see {workflow_id(fabric_id)} in the"
                " Temporal Web UI. Once it is overdue, the fleet replaces it."
            ) from None
        except RPCError as error:
            raise self._meaning(error) from None

    async def _give[T](
        self, fabric_id: str, message: Message, arguments: Sequence[object], answer: type[T]
    ) -> WorkflowUpdateHandle[T]:
        """Send an update that the loop accepts; where no worker does that in time, the signal."""
        try:
            return await self._update(fabric_id, message, arguments, answer)
        except NoWorker:
            await self.leave(fabric_id, message, *arguments)
            raise NoWorker(f"{self.no_worker} {KEPT}") from None

    async def _update[T](
        self, fabric_id: str, name: str, arguments: Sequence[object], answer: type[T]
    ) -> WorkflowUpdateHandle[T]:
        """Send an update that the loop accepts."""
        if not await self.worker_polls():
            raise NoWorker(self.no_worker)
        try:
            update: WorkflowUpdateHandle[T] = await self._handle(fabric_id).start_update(
                name,
                args=arguments,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                result_type=answer,
                rpc_timeout=DEADLINE,
            )
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise NoWorker(self.no_worker) from None
        except RPCError as error:
            raise self._meaning(error) from None
        return update

    async def _answer[T](self, update: WorkflowUpdateHandle[T], within: timedelta) -> T:
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await update.result()
        except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
            raise NoWorker(
                f"The worker has not finished this yet, or was stopped. {KEPT}"
            ) from None

    async def _signal(self, fabric_id: str, name: str, *arguments: object) -> None:
        try:
            await self._handle(fabric_id).signal(name, args=arguments, rpc_timeout=DEADLINE)
        except RPCError as error:
            raise self._meaning(error) from None

    def _meaning(self, error: RPCError) -> Exception:
        """What a failed call to a loop means; the rest is Temporal's own failure."""
        if error.status is RPCStatusCode.NOT_FOUND:
            return NoLoop()
        return NoWorker(self.no_worker) if error.status in UNANSWERED else error


def _listed(known: TypedSearchAttributes) -> Listed:
    return Listed(name=known.get(NAME, ""), status=known.get(STATUS, ""))


def _switches(request: SyncRequest) -> tuple[bool, bool, bool]:
    """A request as the arguments of `sync_now`."""
    return request.full, request.accept_empty, request.adopt
