"""Short workflows, run by a worker that can reach the fabric."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import uuid4

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    TerminatedError,
)
from temporalio.service import RPCError
from temporalio.types import MethodAsyncSingleParam

from activities.checks import Check
from activities.executions import misses_workflow
from activities.observe import ComparisonRequest
from cli.errors import CommandError
from cli.temporal.loop_client import LoopClient, NoWorker
from cli.temporal.pending_work import RPC_TIMEOUT
from fabrics.drift.diff_report import DiffReport
from fabrics.drift.export import MANIFESTS_FILE
from fabrics.inventory.report.preview import InventoryPreview
from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
from fabrics.packed_files import unpack_files
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import LastKnownState
from fabrics.texts import cut_summary
from workflows.activity_errors import describe_error
from workflows.probe import (
    Comparison,
    Examination,
    Export,
    Preview,
    Probe,
    ProbeRequest,
    Removal,
)

PROBE_TIMEOUT: Final = timedelta(minutes=3)
"""For a remote worker to run the activity, with time for a second attempt."""

REMOVAL_TIMEOUT: Final = timedelta(hours=1)

PASS_END_TIMEOUT: Final = timedelta(seconds=60)
"""How long a pass may take to close: the fleet cancels one whose loop is gone in its next round."""

WORKER_CHECK_INTERVAL: Final = timedelta(seconds=3)
"""How often to check that a worker still polls while waiting for a result."""


async def diff(loops: LoopClient, config: FabricConfig, last_known: LastKnownState) -> DiffReport:
    """Compare a fabric with Git. Raises `NoWorker`, or `CommandError`."""
    request = ProbeRequest.build(config, last_known)
    return await _execute_workflow(loops, Probe.run, request, config, "diff")


async def compare(
    loops: LoopClient,
    config: FabricConfig,
    last_known: LastKnownState,
    *,
    commit: str,
    packed_files: str,
) -> DiffReport:
    """Compare a fabric with a commit, or with files. Raises as `diff` does."""
    answered = ProbeRequest.build(config, last_known).answered
    request = ComparisonRequest(
        config=config, answered=answered, commit=commit, packed_files=packed_files
    )
    return await _execute_workflow(loops, Comparison.run, request, config, "diff")


async def export(loops: LoopClient, config: FabricConfig, last_known: LastKnownState) -> str:
    """Return manifests of a fabric's live state. Raises as `diff` does."""
    request = ProbeRequest.build(config, last_known)
    result = await _execute_workflow(loops, Export.run, request, config, "diff --export")
    if result.error:
        raise CommandError(result.error)
    return unpack_files(result.packed_files)[MANIFESTS_FILE].decode()


async def diagnose(loops: LoopClient, config: FabricConfig) -> list[Check]:
    """Check whether a fabric's sources can be read. Raises as `diff` does."""
    return await _execute_workflow(loops, Examination.run, config, config, "doctor")


async def preview_inventory(
    loops: LoopClient, config: FabricConfig, last_known: LastKnownState
) -> InventoryPreview:
    """Return what a sync would write to NetBox now. Raises as `diff` does."""
    request = ProbeRequest.build(config, last_known)
    return await _execute_workflow(loops, Preview.run, request, config, "inventory")


async def wait_for_pass(loops: LoopClient, config: FabricConfig) -> None:
    """Wait until the fabric's inventory is no longer written.

    The loop ends once the pass has reported, a moment before the pass has closed. Raises `NoWorker`, or
    `CommandError` if the pass stays open.
    """
    id_ = inventory_workflow_id(config.fabric_id)
    try:
        latest = await loops.client.get_workflow_handle(id_).describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if misses_workflow(error):
            return
        raise
    if latest.workflow_type == Removal.__name__:
        return
    inventory_pass = loops.client.get_workflow_handle(id_, run_id=latest.run_id)
    try:
        async with asyncio.timeout(PASS_END_TIMEOUT.total_seconds()):
            with suppress(WorkflowFailureError):  # it was cancelled
                await _wait_for_result(loops, inventory_pass)
    except TimeoutError:
        raise CommandError(_still_written_text(config)) from None


async def remove_inventory(loops: LoopClient, config: FabricConfig) -> InventoryReport:
    """Delete a fabric's inventory, or join a running removal. Raises as `diff` does.

    A removal has the workflow id of the updates, so that the inventory never has two writers. If the last worker
    stops meanwhile, it continues with the next one.
    """
    id_ = inventory_workflow_id(config.fabric_id)
    removal = await _start(loops, Removal.run, config, config, "removal", id_, REMOVAL_TIMEOUT)
    if (await removal.describe()).workflow_type != Removal.__name__:
        raise CommandError(_still_written_text(config))
    try:
        return await _wait_for_result(loops, removal)
    except WorkflowFailureError as error:
        if isinstance(error.cause, CancelledError | TerminatedError):
            raise CommandError(
                f"The removal of {config.name} was cancelled or terminated in Temporal, so some of its inventory may"
                " be left. Run this command again to delete the rest."
            ) from None
        raise _explain_failure(error, config, REMOVAL_TIMEOUT) from None


async def _execute_workflow[Q, G, A](
    loops: LoopClient,
    workflow_run: MethodAsyncSingleParam[Q, G, A],
    argument: G,
    config: FabricConfig,
    operation: str,
) -> A:
    id_ = f"fabric-probe/{config.fabric_id or config.record_id}/{uuid4()}"
    handle = await _start(loops, workflow_run, argument, config, operation, id_, PROBE_TIMEOUT)
    try:
        return await _wait_for_result(loops, handle)
    except WorkflowFailureError as error:
        raise _explain_failure(error, config, PROBE_TIMEOUT) from None


async def _start[Q, G, A](  # noqa: PLR0913, PLR0917  what a workflow takes
    loops: LoopClient,
    workflow_run: MethodAsyncSingleParam[Q, G, A],
    argument: G,
    config: FabricConfig,
    operation: str,
    workflow_id: str,
    time_limit: timedelta,
) -> WorkflowHandle[Q, A]:
    """Start a workflow, or join the one with this id. Raises `NoWorker`."""
    if not await loops.has_worker():
        raise NoWorker(loops.no_worker_text)
    return await loops.client.start_workflow(
        workflow_run,
        argument,
        id=workflow_id,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        task_queue=loops.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        execution_timeout=time_limit,
        static_summary=cut_summary(f"{operation}: {config.name}"),
    )


def _still_written_text(config: FabricConfig) -> str:
    return (
        f"The inventory of {config.name} is still being written; nothing was deleted. Try again in a"
        " minute."
    )


def _explain_failure(
    error: WorkflowFailureError, config: FabricConfig, time_limit: timedelta
) -> CommandError:
    """Return why the workflow failed, as an error for operators."""
    if isinstance(error.cause, ActivityError | ApplicationError):
        return CommandError(describe_error(error.cause, config.task_queue))
    limit = f"{time_limit.seconds // 60} minutes"
    return CommandError(f"No worker answered for {config.name} within {limit}.")


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
