"""The calls by which a loop starts, cancels and checks a pass over its inventory."""

import asyncio
from typing import Final

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    FailureError,
    WorkflowAlreadyStartedError,
)

with workflow.unsafe.imports_passed_through():
    from fabrics.loop.inventory_pass import InventoryPass, PassRequest, inventory_workflow_id
    from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
    from workflows import activity_calls, activity_errors
    from workflows.fabric_inventory import FabricInventory

type PassHandle = workflow.ChildWorkflowHandle[FabricInventory, None]

UNREPORTED_END: Final = "its run was terminated or failed; a later sync tries it again."


async def start(request: PassRequest) -> PassHandle | None:
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


async def cancel(fabric_id: str, running: InventoryPass) -> bool:
    """Cancel this pass; return whether it still ran."""
    id_ = inventory_workflow_id(fabric_id)
    try:
        await workflow.get_external_workflow_handle(id_, run_id=running.run_id or None).cancel()
    except FailureError as error:
        activity_errors.raise_if_cancelled(error)
        return False
    return True


async def is_running(fabric_id: str, running: InventoryPass) -> bool:
    """Return whether the workflow of this pass runs; True if nobody can say."""
    try:
        return await activity_calls.is_running(inventory_workflow_id(fabric_id), running.run_id)
    except ActivityError as error:
        activity_errors.raise_if_cancelled(error)
        return True


def _ignore_result(handle: "asyncio.Task[None]") -> None:
    if not handle.cancelled():
        handle.exception()
