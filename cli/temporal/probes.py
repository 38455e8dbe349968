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
from cli.errors import Failure
from cli.temporal.loop_client import Loops, NoWorker
from fabrics.check import Check
from fabrics.drift.diff_report import DiffReport
from fabrics.inventory.report.preview import InventoryPreview
from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.loop import LOST_TASK
from fabrics.record.config import FabricConfig
from workflows import activity_calls
from workflows.probe import Examination, Preview, Probe, Removal

LONGEST_PROBE: Final = timedelta(minutes=3)
"""For a worker at the fabric's site to take a question and answer it, twice if need be."""

LONGEST_REMOVAL: Final = timedelta(hours=1)

LOOK_FOR_WORKER: Final = timedelta(seconds=3)
"""How often it is made sure that somebody is at it."""


async def diff(loops: Loops, config: FabricConfig) -> DiffReport:
    """Compare a fabric with its Git directory. Raises `NoWorker`, or `Failure` with the reason."""
    return await _ask(loops, Probe.run, config, config, "diff", _new_id(config))


async def examine(loops: Loops, config: FabricConfig) -> list[Check]:
    """Try whether a fabric can be read. Raises as `diff` does."""
    return await _ask(loops, Examination.run, config, config, "doctor", _new_id(config))


async def preview(loops: Loops, config: FabricConfig, before: dict[str, int]) -> InventoryPreview:
    """What a sync would write to NetBox's inventory now. Raises as `diff` does.

    `before` is how many objects of each kind the last sync found.
    """
    wanted = ObserveRequest(config=config, before=before)
    return await _ask(loops, Preview.run, wanted, config, "inventory", _new_id(config))


async def remove_inventory(loops: Loops, config: FabricConfig) -> InventoryReport:
    """Delete all that a fabric has in NetBox, be it that this was asked for before. Raises as `diff` does.

    Where no worker is left to do it, it goes on when one comes.
    """
    only = f"fabric-removal/{config.fabric_id}"
    return await _ask(loops, Removal.run, config, config, "removal", only, LONGEST_REMOVAL)


def _new_id(config: FabricConfig) -> str:
    return f"fabric-probe/{config.fabric_id or config.record_id}/{uuid4()}"


async def _ask[Q, G, A](  # noqa: PLR0913, PLR0917  what a workflow takes
    loops: Loops,
    question: MethodAsyncSingleParam[Q, G, A],
    given: G,
    config: FabricConfig,
    what: str,
    workflow_id: str,
    longest: timedelta = LONGEST_PROBE,
) -> A:
    if not await loops.worker_polls():
        raise NoWorker(loops.no_worker)
    asked = await loops.client.start_workflow(
        question,
        given,
        id=workflow_id,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        task_queue=loops.task_queue,
        task_timeout=LOST_TASK,
        execution_timeout=longest,
        static_summary=f"{what} of {config.name}"[:200],
    )
    try:
        return await _answer(loops, asked)
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ActivityError | ApplicationError):
            raise Failure(activity_calls.sentence(cause, config.task_queue)) from None
        raise Failure(f"No worker answered for {config.name} within {longest}.") from None


async def _answer[Q, A](loops: Loops, asked: WorkflowHandle[Q, A]) -> A:
    """What a worker answers, as long as there is one."""
    answer = asyncio.ensure_future(asked.result())
    try:
        while not (await asyncio.wait({answer}, timeout=LOOK_FOR_WORKER.total_seconds()))[0]:
            if not await loops.worker_polls():
                raise NoWorker(loops.no_worker)
        return await answer
    finally:
        answer.cancel()
