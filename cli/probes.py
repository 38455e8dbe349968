"""Questions to a fabric that a worker answers, one which can reach it and has its credentials."""

from datetime import timedelta
from typing import Final
from uuid import uuid4

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.types import MethodAsyncSingleParam

from cli.errors import Failure
from cli.loops import Loops, NoWorker
from fabrics.check import Check
from fabrics.config import FabricConfig
from fabrics.diff import DiffReport
from fabrics.inventory.preview import InventoryPreview
from fabrics.inventory.report import InventoryReport
from workflows import calls
from workflows.probe import Examination, Preview, Probe, Removal

LONGEST_PROBE: Final = timedelta(minutes=3)
"""For a worker at the fabric's site to take a question and answer it, twice if need be."""

LONGEST_REMOVAL: Final = timedelta(hours=1)


async def diff(loops: Loops, config: FabricConfig) -> DiffReport:
    """Compare a fabric with its Git directory. Raises `NoWorker`, or `Failure` with the reason."""
    return await _ask(loops, Probe.run, config, "diff")


async def examine(loops: Loops, config: FabricConfig) -> list[Check]:
    """Try whether a fabric can be read. Raises as `diff` does."""
    return await _ask(loops, Examination.run, config, "doctor")


async def preview(loops: Loops, config: FabricConfig) -> InventoryPreview:
    """What a sync would write to NetBox's inventory now. Raises as `diff` does."""
    return await _ask(loops, Preview.run, config, "inventory")


async def remove_inventory(loops: Loops, config: FabricConfig) -> InventoryReport:
    """Delete all that a fabric has in NetBox. Raises as `diff` does."""
    return await _ask(loops, Removal.run, config, "removal", LONGEST_REMOVAL)


async def _ask[Q, A](
    loops: Loops,
    question: MethodAsyncSingleParam[Q, FabricConfig, A],
    config: FabricConfig,
    what: str,
    longest: timedelta = LONGEST_PROBE,
) -> A:
    if not await loops.worker_polls():
        raise NoWorker(loops.no_worker)
    try:
        return await loops.client.execute_workflow(
            question,
            config,
            id=f"fabric-probe/{config.fabric_id or config.record_id}/{uuid4()}",
            task_queue=loops.task_queue,
            execution_timeout=longest,
            static_summary=f"{what} of {config.name}"[:200],
        )
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ActivityError | ApplicationError):
            raise Failure(calls.sentence(cause, config.task_queue)) from None
        raise Failure(f"No worker answered for {config.name} within {longest}.") from None
