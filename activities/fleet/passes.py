"""The passes over inventories, as a round finds, cancels and ends them."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from activities.executions import (
    STUCK_AFTER_ATTEMPTS,
    count_task_attempts,
    describe_problem,
    execution_is_running,
    find_execution,
    is_at_work,
    is_failing,
    list_running,
    query_running,
)
from fabrics.loop.inventory_pass import INVENTORY_WORKFLOW_PREFIX
from fabrics.loop.loop import workflow_id

INVENTORY_WORKFLOW_TYPE: Final = "FabricInventory"
"""The workflow type of a pass; the class is in a higher layer. A removal has another type."""

RUNNING_PASSES_QUERY: Final = query_running(INVENTORY_WORKFLOW_TYPE, INVENTORY_WORKFLOW_PREFIX)

log = logging.getLogger("fabric_sync.worker")


@dataclass(frozen=True)
class FleetPasses:
    """The running passes that Temporal listed when a round began."""

    client: Client
    listed: tuple[WorkflowExecution, ...]

    @classmethod
    async def load(cls, client: Client) -> Self:
        """List the running passes. Raises `TransientError`."""
        return cls(client, await list_running(client, RUNNING_PASSES_QUERY))

    @property
    def fabric_ids(self) -> frozenset[str]:
        """The fabrics whose inventory is being written."""
        return frozenset(map(_get_fabric_id, self.listed))

    async def cancel(self, fabric_ids: Iterable[str]) -> None:
        """Cancel passes that no loop waits for; the next round tries again what fails.

        Temporal's lists lag behind, so the loop is asked for by its id, too. By now a removal may run under the id
        of a pass, so only the run that was listed is cancelled.
        """
        unwanted = frozenset(fabric_ids)
        for run in self.listed:
            if _get_fabric_id(run) not in unwanted:
                continue
            with suppress(RPCError):
                if not await execution_is_running(self.client, workflow_id(_get_fabric_id(run))):
                    await self.client.get_workflow_handle(run.id, run_id=run.run_id).cancel()

    async def end_stuck(self) -> list[str]:
        """Terminate passes whose task keeps failing, so that others may begin; name them.

        One whose activity still writes is left alone: two must never write at once.
        """
        sentences = []
        for run in filter(is_failing, self.listed):
            with suppress(RPCError):
                execution = await find_execution(self.client, run.id, run.run_id)
                if execution is None or is_at_work(execution):
                    continue
                if count_task_attempts(execution) > STUCK_AFTER_ATTEMPTS:
                    sentence = f"{describe_problem(execution)}; it was terminated, and a later sync starts another."
                    handle = self.client.get_workflow_handle(run.id, run_id=run.run_id)
                    await handle.terminate(reason=sentence)
                    log.warning("%s", sentence)
                    sentences.append(sentence)
        return sentences


def _get_fabric_id(inventory_pass: WorkflowExecution) -> str:
    return inventory_pass.id.removeprefix(INVENTORY_WORKFLOW_PREFIX)
