"""A sync or a first load that takes an hour, with edits meanwhile."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from fabrics.record.sync_status import SyncStatus
from tests.support.workflows.loop_environment import (
    LoopEnvironment,
    RunningLoop,
    config,
    loop,
    observers,
)
from workflows.fabric_sync import FabricSync


async def wait_until_loading(environment: LoopEnvironment, running: RunningLoop) -> None:
    """Skip time until the first load, which takes an hour, has begun."""
    while not environment.inventory_requests:
        await running.sleep(0.1)
    await running.sleep(60)
    assert (await running.status()).inventory_state == "running"


async def edit(environment: LoopEnvironment, running: RunningLoop, **fields: object) -> None:
    """Edit the record and signal the loop."""
    assert environment.record is not None
    environment.record = environment.record.model_copy(update=fields)
    await running.handle.signal(FabricSync.record_changed)


async def wait_for_early_end(running: RunningLoop) -> str:
    """Return the result of a loop that ended long before its sync would have."""
    result = await running.handle.result()
    described = await running.handle.describe()
    assert described.close_time is not None
    assert described.close_time - described.start_time < timedelta(minutes=5)
    return result


def environment_with_long_load(**changes: object) -> LoopEnvironment:
    """Return an environment in which the first load takes an hour."""
    return LoopEnvironment(config(**changes), inventory_duration=timedelta(hours=1))


async def test_load_continues_after_edits_that_keep_its_target(env: WorkflowEnvironment) -> None:
    environment = environment_with_long_load()
    async with loop(env, environment) as running:
        await wait_until_loading(environment, running)
        await running.handle.signal(FabricSync.set_interval_by_signal, 1800)
        await running.sleep(60)
        assert environment.record is not None
        assert environment.record.interval == 1800
        await edit(environment, running, name="Berlin")
        await running.sleep(60)
        status = await running.status()
        assert (status.name, status.inventory_state) == ("Berlin", "running")
        environment.inventory_duration = timedelta(0)
        await running.sleep(5400)
        status = await running.status()
        assert (status.inventory_state, status.missed) == ("up_to_date", 0)


async def test_load_goes_on_while_paused_and_its_end_is_recorded(env: WorkflowEnvironment) -> None:
    environment = environment_with_long_load()
    async with loop(env, environment) as running:
        await wait_until_loading(environment, running)
        await running.handle.signal(FabricSync.pause_by_signal, "work")
        await running.sleep(60)
        assert environment.last_known.inventory_text.startswith("The inventory in NetBox is behind")
        syncs = len(environment.observed)
        await running.sleep(3600)
        assert (await running.status()).inventory_state == "up_to_date"
        assert environment.last_known.inventory_text == ""
        assert len(environment.observed) == syncs


async def test_netbox_that_fails_during_load_is_retried(env: WorkflowEnvironment) -> None:
    environment = environment_with_long_load()
    async with loop(env, environment) as running:
        await wait_until_loading(environment, running)
        environment.netbox_error = "NetBox is down."
        await running.handle.signal(FabricSync.record_changed)
        await running.sleep(120)
        assert "NetBox is down" in (await running.status()).netbox_error
        environment.netbox_error = ""
        await running.sleep(120)
        assert (await running.status()).netbox_error == ""
        assert environment.statuses[-1] is SyncStatus.IN_SYNC


@pytest.mark.parametrize("site", ["", "berlin"])
async def test_disabling_stops_observation_here_and_at_site(
    env: WorkflowEnvironment, site: str
) -> None:
    environment = LoopEnvironment(
        config(task_queue=site), observe_duration=timedelta(hours=1), site_has_worker=True
    )
    async with (
        loop(env, environment) as running,
        observers(env.client, environment, site or "nowhere"),
    ):
        # The observation and the write of the record begin at the same time.
        while not environment.observed or environment.statuses[-1:] != [SyncStatus.SYNCING]:
            await running.sleep(0.1)
        await edit(environment, running, enabled=False)
        assert await wait_for_early_end(running) == "disabled"
        assert environment.inventory_requests == []
        assert (await running.status()).sync_error == ""
        assert await running.history() == []


async def test_cancelled_loop_ends_during_load(env: WorkflowEnvironment) -> None:
    environment = environment_with_long_load()
    async with loop(env, environment) as running:
        await wait_until_loading(environment, running)
        await running.handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await running.handle.result()
        assert isinstance(caught.value.cause, CancelledError)
