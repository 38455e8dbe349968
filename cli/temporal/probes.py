"""Short workflows, run by a worker that can reach the fabric."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import uuid4

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.types import MethodAsyncSingleParam

from activities.checks import Check
from activities.observe import ObserveRequest
from cli.errors import CommandError
from cli.temporal.loop_client import LoopClient, NoWorker
from fabrics.drift.diff_report import DiffReport
from fabrics.inventory.report.preview import InventoryPreview
from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
from fabrics.record.config import FabricConfig
from workflows.activity_errors import describe_error
from workflows.probe import Examination, Preview, Probe, Removal

PROBE_TIMEOUT: Final = timedelta(minutes=3)
"""For a remote worker to run the activity, with time for a second attempt."""

REMOVAL_TIMEOUT: Final = timedelta(hours=1)

WORKER_CHECK_INTERVAL: Final = timedelta(seconds=3)
"""How often to check that a worker still polls while waiting for a result."""


async def diff(loops: LoopClient, config: FabricConfig) -> DiffReport:
    """Compare a fabric with Git. Raises `NoWorker`, or `CommandError`."""
    return await _execute_workflow(loops, Probe.run, config, config, "diff")


async def diagnose(loops: LoopClient, config: FabricConfig) -> list[Check]:
    """Check whether a fabric's sources can be read. Raises as `diff` does."""
    return await _execute_workflow(loops, Examination.run, config, config, "doctor")


async def preview_inventory(
    loops: LoopClient, config: FabricConfig, previous_counts: dict[str, int]
) -> InventoryPreview:
    """Return what a sync would write to NetBox now. Raises as `diff` does.

    `previous_counts` are the objects that the last sync found, by kind.
    """
    request = ObserveRequest(config=config, previous_counts=previous_counts)
    return await _execute_workflow(loops, Preview.run, request, config, "inventory")


async def remove_inventory(loops: LoopClient, config: FabricConfig) -> InventoryReport:
    """Delete a fabric's inventory, or join a running removal. Raises as `diff` does.

    A removal has the workflow id of the updates, so that the inventory never has two writers. If the last worker
    stops meanwhile, it continues with the next one.
    """
    return await _execute_workflow(
        loops,
        Removal.run,
        config,
        config,
        "removal",
        inventory_workflow_id(config.fabric_id),
        REMOVAL_TIMEOUT,
    )


async def _execute_workflow[Q, G, A](  # noqa: PLR0913, PLR0917  what a workflow takes
    loops: LoopClient,
    workflow_run: MethodAsyncSingleParam[Q, G, A],
    argument: G,
    config: FabricConfig,
    operation: str,
    workflow_id: str = "",
    time_limit: timedelta = PROBE_TIMEOUT,
) -> A:
    if not await loops.has_worker():
        raise NoWorker(loops.no_worker_text)
    handle = await loops.client.start_workflow(
        workflow_run,
        argument,
        id=workflow_id or f"fabric-probe/{config.fabric_id or config.record_id}/{uuid4()}",
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        task_queue=loops.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        execution_timeout=time_limit,
        static_summary=f"{operation}: {config.name}"[:200],
    )
    if workflow_id and (await handle.describe()).workflow_type != Removal.__name__:
        raise CommandError(
            f"The inventory of {config.name} is still being written; nothing was deleted. Try again in a minute."
        )
    try:
        return await _wait_for_result(loops, handle)
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ActivityError | ApplicationError):
            raise CommandError(describe_error(cause, config.task_queue)) from None
        limit = f"{time_limit.seconds // 60} minutes"
        raise CommandError(f"No worker answered for {config.name} within {limit}.") from None


async def _wait_for_result[Q, A](loops: LoopClient, handle: WorkflowHandle[Q, A]) -> A:
    """Return the workflow's result. Raises `NoWorker` once no worker polls any more."""
    result = asyncio.ensure_future(handle.result())
    try:
        while not (await asyncio.wait({result}, timeout=WORKER_CHECK_INTERVAL.total_seconds()))[0]:
            if not await loops.has_worker():
                raise NoWorker(loops.no_worker_text)
        return await result
    finally:
        result.cancel()
