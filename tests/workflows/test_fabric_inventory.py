"""Passes over an inventory on a real server, cancelled or without their loop.

The time-skipping server may hang when one workflow cancels another, and stops skipping once a pass outlives the
run of the loop that started it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.loop import FabricLoop
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.report import FabricStatus
from fabrics.record.sync_status import SyncStatus
from tests.support.system.installation import (
    Installation,
    query_until_answered,
    wait_until,
)
from tests.support.workflows.loop_environment import (
    LoopEnvironment,
    config,
    observers,
    start,
    terminate,
    worker,
)
from workflows.fabric_sync import FabricSync

type Loop = WorkflowHandle[FabricSync, str]

SETTINGS = {"first_sync_spread": 0, "inventory_retry_interval": 0}


@asynccontextmanager
async def loading(client: Client, environment: LoopEnvironment) -> AsyncIterator[Loop]:
    """Run a worker and a loop whose first load lasts until the gate is opened."""
    defaults = environment.installation
    environment.installation = defaults.model_copy(update=SETTINGS)
    environment.inventory_gate.clear()
    async with worker(client, environment):
        loop = await start_loop(client, environment)
        try:
            await wait_until(partial(count_requests, environment), bool)
            yield loop
        finally:
            environment.inventory_gate.set()
            await terminate(loop)
            await terminate(inventory_run(client))


async def start_loop(client: Client, environment: LoopEnvironment) -> Loop:
    """Start the fabric's loop."""
    return await start(client, FabricLoop(fabric_id="oslo"), environment.queue)


def inventory_run(client: Client) -> WorkflowHandle[object, None]:
    """Return the latest pass over the fabric's inventory."""
    return client.get_workflow_handle(inventory_workflow_id("oslo"))


async def wait_for_state(loop: Loop, state: str) -> FabricStatus:
    """Wait until the inventory is in this state, and return the loop's status."""
    return await wait_until(
        partial(read_status, loop), lambda status: status.inventory_state == state
    )


async def read_status(loop: Loop) -> FabricStatus:
    """Return the loop's status; a new one on a busy machine answers after a while."""
    return await query_until_answered(loop, FabricSync.status)


async def test_terminated_pass_is_noticed_and_started_again(installation: Installation) -> None:
    environment = LoopEnvironment(config(interval=5))
    async with loading(installation.client, environment) as loop:
        await inventory_run(installation.client).terminate()
        status = await wait_until(
            partial(read_status, loop), lambda status: status.inventory.failure != ""
        )
        assert "its run was terminated or failed" in status.inventory.failure
        assert status.sync_error == ""
        environment.inventory_gate.set()
        await wait_for_state(loop, "up_to_date")


async def test_pass_reports_to_a_later_run_of_the_loop(installation: Installation) -> None:
    environment = LoopEnvironment(config(interval=3600))
    async with loading(installation.client, environment) as loop:
        first_run = (await loop.describe()).run_id

        async def is_in_later_run() -> bool:
            await loop.signal(FabricSync.record_changed)
            described = await loop.describe()
            assert described.history_length <= 3 * LoopSettings().max_history_events
            return described.run_id != first_run

        await wait_until(is_in_later_run, bool)
        await wait_for_state(loop, "running")
        environment.inventory_gate.set()
        status = await wait_for_state(loop, "up_to_date")
        assert (status.inventory.last_sync, len(environment.inventory_requests)) == (1, 1)


async def test_pass_without_a_loop_just_ends(installation: Installation) -> None:
    environment = LoopEnvironment(config(interval=3600))
    async with loading(installation.client, environment) as loop:
        await loop.terminate()
        environment.inventory_gate.set()
        load = inventory_run(installation.client)
        await load.result()
        assert (await load.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_new_loop_waits_for_the_pass_of_an_old_one_and_starts_its_own(
    installation: Installation,
) -> None:
    client, environment = installation.client, LoopEnvironment(config(interval=5))
    async with loading(client, environment) as old:
        await old.terminate()
        loop = await start_loop(client, environment)
        # The second sync has ended, and has found that its pass cannot start.
        await wait_until(
            partial(read_status, loop),
            lambda status: status.syncs >= 2 and status.inventory_state == "behind",
        )
        assert len(environment.inventory_requests) == 1
        environment.inventory_gate.set()
        await wait_for_state(loop, "up_to_date")
        assert len(environment.inventory_requests) == 2
        await terminate(loop)


async def edit(loop: Loop, environment: LoopEnvironment, **fields: object) -> None:
    """Edit the record and signal the loop."""
    assert environment.record is not None
    environment.record = environment.record.model_copy(update=fields)
    await loop.signal(FabricSync.record_changed)


async def read_pass_status(client: Client) -> WorkflowExecutionStatus | None:
    """Return the status of the latest pass."""
    return (await inventory_run(client).describe()).status


async def check_that_pass_was_stopped(client: Client, ended_loop: Loop) -> None:
    """Check that the pass was cancelled, and that the loop knew before it ended.

    A pass reports to its loop before it closes, so the loop may end first.
    """
    assert (await ended_loop.query(FabricSync.status)).inventory_state != "running"
    closed = await wait_until(
        partial(read_pass_status, client),
        lambda status: status is not WorkflowExecutionStatus.RUNNING,
    )
    assert closed is WorkflowExecutionStatus.CANCELED


async def test_disabling_stops_the_pass_before_the_loop_ends(installation: Installation) -> None:
    client, environment = installation.client, LoopEnvironment(config())
    async with loading(client, environment) as loop:
        await edit(loop, environment, enabled=False)
        assert await loop.result() == "disabled"
        await check_that_pass_was_stopped(client, loop)
        assert environment.statuses[-1] is SyncStatus.DISABLED
        status = await loop.query(FabricSync.status)
        assert (status.sync_error, status.inventory.failure) == ("", "")


async def test_deleting_the_record_stops_the_pass(installation: Installation) -> None:
    client, environment = installation.client, LoopEnvironment(config())
    async with loading(client, environment) as loop:
        environment.record = None
        await loop.signal(FabricSync.record_changed)
        assert await loop.result() == "record deleted"
        await check_that_pass_was_stopped(client, loop)


async def test_interval_zero_stops_the_pass_at_a_site(installation: Installation) -> None:
    client, environment = installation.client, LoopEnvironment(config(task_queue="berlin"))
    environment.site_has_worker = True
    async with (
        observers(client, environment, "berlin"),
        loading(client, environment) as loop,
    ):
        await loop.signal(FabricSync.set_interval_by_signal, 0)
        assert await loop.result() == "disabled"
        await check_that_pass_was_stopped(client, loop)
        assert environment.record is not None
        assert environment.record.interval == 0


@pytest.mark.parametrize(
    "fields", [{"scope": "dcim.site 7"}, {"git": None}], ids=["site", "source"]
)
async def test_pass_for_another_site_or_source_is_stopped_and_started_anew(
    installation: Installation, fields: dict[str, object]
) -> None:
    client, environment = installation.client, LoopEnvironment(config(interval=3600))
    async with loading(client, environment) as loop:
        await edit(loop, environment, **fields)
        await wait_until(partial(count_requests, environment), lambda count: count == 2)
        environment.inventory_gate.set()
        status = await wait_for_state(loop, "up_to_date")
        first, second = environment.inventory_requests
        assert first.config != second.config == environment.record
        assert status.inventory.failure == ""


async def count_requests(environment: LoopEnvironment) -> int:
    """Return how many passes have begun."""
    return len(environment.inventory_requests)
