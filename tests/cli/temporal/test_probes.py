"""The removal of an inventory: it waits for a pass, and people may stop it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import override

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Worker

from cli.errors import CommandError
from cli.temporal import probes
from cli.temporal.loop_client import LoopClient
from fabrics.loop.inventory_pass import inventory_workflow_id
from tests.support.system.installation import Installation
from tests.support.workflows.loop_environment import config
from workflows.probe import Removal

NOBODY = "nobody"
FABRIC = config()


class WatchedLoops(LoopClient):
    """Loops whose worker runs; `on_check` is called whenever a command checks that."""

    def __init__(
        self, installation: Installation, on_check: Callable[[], Awaitable[object]]
    ) -> None:
        super().__init__(installation.client, installation.queue)
        self._on_check = on_check

    @override
    async def has_worker(self, queue: str = "") -> bool:
        with suppress(RPCError):  # the workflow has not begun, or has ended
            await self._on_check()
        return True


@pytest.fixture(autouse=True)
def _frequent_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "WORKER_CHECK_INTERVAL", timedelta(milliseconds=50))


async def start(client: Client, workflow_type: str) -> WorkflowHandle[object, object]:
    """Start a workflow that stays open under the id of the fabric's inventory."""
    return await client.start_workflow(
        workflow_type, id=inventory_workflow_id(FABRIC.fabric_id), task_queue=NOBODY
    )


async def test_wait_ends_when_the_pass_has_closed(installation: Installation) -> None:
    running = await start(installation.client, "FabricInventory")
    await probes.wait_for_pass(WatchedLoops(installation, running.terminate), FABRIC)
    assert (await running.describe()).status is WorkflowExecutionStatus.TERMINATED


async def test_nothing_is_deleted_while_the_pass_stays_open(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await start(installation.client, "FabricInventory")
    loops = WatchedLoops(installation, running.describe)
    monkeypatch.setattr(probes, "PASS_END_TIMEOUT", timedelta(0))
    with pytest.raises(CommandError, match="is still being written; nothing was deleted"):
        await probes.wait_for_pass(loops, FABRIC)
    with pytest.raises(CommandError, match="is still being written; nothing was deleted"):
        await probes.remove_inventory(loops, FABRIC)


async def test_running_removal_is_joined_without_a_wait(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    removal = await start(installation.client, "Removal")
    monkeypatch.setattr(probes, "PASS_END_TIMEOUT", timedelta(0))
    await probes.wait_for_pass(WatchedLoops(installation, removal.describe), FABRIC)


@pytest.mark.parametrize("stop", [WorkflowHandle.cancel, WorkflowHandle.terminate])
async def test_removal_that_somebody_stops_says_so(
    installation: Installation, stop: Callable[[WorkflowHandle[object, object]], Awaitable[None]]
) -> None:
    client = installation.client
    removal = client.get_workflow_handle(inventory_workflow_id(FABRIC.fabric_id))
    loops = WatchedLoops(installation, lambda: stop(removal))
    # No worker takes the activity, so the removal stays open until it is stopped.
    async with Worker(client, task_queue=installation.queue, workflows=[Removal]):
        with pytest.raises(CommandError, match="was cancelled or terminated in Temporal"):
            await probes.remove_inventory(loops, FABRIC)
