"""Questions to a fabric that a worker answers, one which can reach it and has its credentials."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import uuid4

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.types import MethodAsyncSingleParam

from activities.observe import ObserveRequest
from cli.errors import CommandError
from cli.temporal.loop_client import LoopClient, NoWorker
from fabrics.check import Check
from fabrics.drift.diff_report import DiffReport
from fabrics.inventory.report.preview import InventoryPreview
from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
from fabrics.record.config import FabricConfig
from workflows import activity_calls
from workflows.probe import Examination, Preview, Probe, Removal

PROBE_TIMEOUT: Final = timedelta(minutes=3)
"""For a worker at the fabric's site to take a question and answer it, twice if need be."""

REMOVAL_TIMEOUT: Final = timedelta(hours=1)

WORKER_CHECK_INTERVAL: Final = timedelta(seconds=3)
"""How often it is made sure that somebody is at it."""


async def diff(loops: LoopClient, config: FabricConfig) -> DiffReport:
    """Compare a fabric with its Git directory. Raises `NoWorker`, or `CommandError` with the reason."""
    return await _execute_workflow(
        loops, Probe.run, config, config, "diff", _make_workflow_id(config)
    )


async def diagnose(loops: LoopClient, config: FabricConfig) -> list[Check]:
    """Try whether a fabric can be read. Raises as `diff` does."""
    return await _execute_workflow(
        loops, Examination.run, config, config, "doctor", _make_workflow_id(config)
    )


async def preview_inventory(
    loops: LoopClient, config: FabricConfig, previous_counts: dict[str, int]
) -> InventoryPreview:
    """What a sync would write to NetBox's inventory now. Raises as `diff` does.

    `before` is how many objects of each kind the last sync found.
    """
    wanted = ObserveRequest(config=config, previous_counts=previous_counts)
    return await _execute_workflow(
        loops, Preview.run, wanted, config, "inventory", _make_workflow_id(config)
    )


async def remove_inventory(loops: LoopClient, config: FabricConfig) -> InventoryReport:
    """Delete all that a fabric has in NetBox, be it that this was asked for before. Raises as `diff` does.

    Where no worker is left to do it, it goes on when one comes.
    """
    only = f"fabric-removal/{config.fabric_id}"
    return await _execute_workflow(
        loops, Removal.run, config, config, "removal", only, REMOVAL_TIMEOUT
    )


def _make_workflow_id(config: FabricConfig) -> str:
    return f"fabric-probe/{config.fabric_id or config.record_id}/{uuid4()}"


async def _execute_workflow[Q, G, A](  # noqa: PLR0913, PLR0917  what a workflow takes
    loops: LoopClient,
    workflow_run: MethodAsyncSingleParam[Q, G, A],
    argument: G,
    config: FabricConfig,
    operation: str,
    workflow_id: str,
    time_limit: timedelta = PROBE_TIMEOUT,
) -> A:
    if not await loops.has_worker():
        raise NoWorker(loops.no_worker_text)
    asked = await loops.client.start_workflow(
        workflow_run,
        argument,
        id=workflow_id,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        task_queue=loops.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        execution_timeout=time_limit,
        static_summary=f"{operation} of {config.name}"[:200],
    )
    try:
        return await _wait_for_result(loops, asked)
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ActivityError | ApplicationError):
            raise CommandError(activity_calls.describe_error(cause, config.task_queue)) from None
        raise CommandError(f"No worker answered for {config.name} within {time_limit}.") from None


async def _wait_for_result[Q, A](loops: LoopClient, handle: WorkflowHandle[Q, A]) -> A:
    """What a worker answers, as long as there is one."""
    answer = asyncio.ensure_future(handle.result())
    try:
        while not (await asyncio.wait({answer}, timeout=WORKER_CHECK_INTERVAL.total_seconds()))[0]:
            if not await loops.has_worker():
                raise NoWorker(loops.no_worker_text)
        return await answer
    finally:
        answer.cancel()
