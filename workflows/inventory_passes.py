"""The passes over an inventory: how a loop starts, cancels and checks them."""

import asyncio
from datetime import datetime
from typing import Final

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    FailureError,
    WorkflowAlreadyStartedError,
)

with workflow.unsafe.imports_passed_through():
    from fabrics.inventory.report.report import InventoryFailure
    from fabrics.loop.inventory_pass import InventoryPass, PassRequest, inventory_workflow_id
    from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop
    from workflows import activity_calls, activity_errors
    from workflows.fabric_inventory import FabricInventory

type PassHandle = workflow.ChildWorkflowHandle[FabricInventory, None]

UNREPORTED_END: Final = "its run was terminated or failed; a later sync tries it again."


class InventoryPasses:
    """The passes of one loop: at most one runs, and it outlives the loop's runs."""

    def __init__(self, loop: FabricLoop) -> None:
        """Take over the pass that an earlier run may have left in the state of `loop`."""
        self._loop = loop
        self._handle: PassHandle | None = None

    @property
    def is_open(self) -> bool:
        """True until the pass has reported and its workflow has closed."""
        is_closed = self._handle is None or self._handle.done()
        return self._loop.inventory.running is not None or not is_closed

    @property
    def is_lost(self) -> bool:
        """True if the pass that this run started has ended, but has not reported."""
        running, handle = self._loop.inventory.running, self._handle
        if running is None or handle is None or not handle.done():
            return False
        return running.run_id == handle.first_execution_run_id

    async def start_when_due(self, now: datetime) -> None:
        """Start a pass over the inventory, which goes on by itself."""
        request = self._loop.begin_pass(str(workflow.uuid4()), now)
        if request is None:
            return
        self._handle = await _start(request)
        if self._handle is None:
            self._loop.drop_pass(request.token)
        else:
            self._loop.on_pass_started(request.token, self._handle.first_execution_run_id or "")

    async def settle(self) -> None:
        """Cancel a pass that is no longer wanted; note one that ended without a report."""
        running, is_lost = self._loop.inventory.running, self.is_lost
        if running and self._loop.is_pass_unwanted:
            self._loop.on_pass_cancelled()
            is_lost = not await _cancel(self._loop.fabric_id, running)
        elif running and running.is_cancelled:
            await self.check_inherited()
        if is_lost:
            self._end_lost()

    async def check_inherited(self) -> None:
        """Ask Temporal for the pass of an earlier run, whose end this run does not see."""
        running = self._loop.inventory.running
        if running is None or self._handle is not None:
            return
        if not await _is_running(self._loop.fabric_id, running):
            self._end_lost()

    def _end_lost(self) -> None:
        if running := self._loop.inventory.running:
            self._loop.end_pass(running.token, InventoryFailure(message=UNREPORTED_END))


async def _start(request: PassRequest) -> PassHandle | None:
    """Start a pass that outlives this run of the loop; None if another one runs."""
    config = request.request.config
    try:
        handle = await workflow.start_child_workflow(
            FabricInventory.run,
            request,
            id=inventory_workflow_id(config.fabric_id),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary=f"brings the fabric {config.fabric_id} into NetBox's inventory",
        )
    except WorkflowAlreadyStartedError:
        return None
    # The pass reports by a signal; asyncio must not complain that nobody looks at its failure here.
    handle.add_done_callback(_ignore_result)
    return handle


async def _cancel(fabric_id: str, running: InventoryPass) -> bool:
    """Cancel this pass; return whether it still ran."""
    id_ = inventory_workflow_id(fabric_id)
    try:
        await workflow.get_external_workflow_handle(id_, run_id=running.run_id or None).cancel()
    except FailureError as error:
        activity_errors.raise_if_cancelled(error)
        return False
    return True


async def _is_running(fabric_id: str, running: InventoryPass) -> bool:
    """Return whether the workflow of this pass runs; True if nobody can say."""
    try:
        return await activity_calls.is_running(inventory_workflow_id(fabric_id), running.run_id)
    except ActivityError as error:
        activity_errors.raise_if_cancelled(error)
        return True


def _ignore_result(handle: "asyncio.Task[None]") -> None:
    if not handle.cancelled():
        handle.exception()
