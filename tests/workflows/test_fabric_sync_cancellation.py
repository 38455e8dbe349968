"""A sync that takes an hour: what people do meanwhile counts, and who switches the fabric off stops it."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from fabrics.record.status import SyncStatus
from tests.support.workflows.loop_environment import Loop, LoopEnvironment, config, loop, observers
from workflows.fabric_sync import FabricSync


async def under_way(world: LoopEnvironment, running: Loop) -> None:
    """Let the first load begin, which takes an hour."""
    while not world.requests:
        await running.sleep(0.1)
    await running.sleep(60)
    assert world.statuses[-1] is SyncStatus.SYNCING


async def edit(world: LoopEnvironment, running: Loop, **fields: object) -> None:
    """Change the record, of which the loop is told."""
    assert world.record is not None
    world.record = world.record.model_copy(update=fields)
    await running.handle.signal(FabricSync.record_changed)


async def left_no_trace(running: Loop) -> None:
    """A sync that was stopped has neither failed nor been."""
    assert (await running.status()).sync_error == ""
    assert await running.history() == []


async def ended_soon(running: Loop) -> str:
    """What the loop said in the end, which was long before that of the load."""
    said = await running.handle.result()
    described = await running.handle.describe()
    assert described.close_time is not None
    assert described.close_time - described.start_time < timedelta(minutes=5)
    return said


def long_load(**changes: object) -> LoopEnvironment:
    """A fabric whose first load takes an hour."""
    return LoopEnvironment(config(**changes), inventory_takes=timedelta(hours=1))


async def test_a_load_of_a_fabric_that_is_switched_off_stops(env: WorkflowEnvironment) -> None:
    world = long_load()
    async with loop(env, world) as running:
        await under_way(world, running)
        await edit(world, running, enabled=False)
        assert await ended_soon(running) == "disabled"
        assert world.statuses[-1] is SyncStatus.DISABLED
        await left_no_trace(running)


async def test_a_load_of_a_fabric_whose_record_is_deleted_stops(env: WorkflowEnvironment) -> None:
    world = long_load()
    async with loop(env, world) as running:
        await under_way(world, running)
        world.record = None
        await running.handle.signal(FabricSync.record_changed)
        assert await ended_soon(running) == "record deleted"


@pytest.mark.parametrize("site", ["", "berlin"])
async def test_a_load_whose_interval_becomes_zero_stops_wherever_it_is_done(
    env: WorkflowEnvironment, site: str
) -> None:
    world = long_load(task_queue=site)
    world.site_has_worker = True
    async with loop(env, world) as running, observers(env.client, world, site or "nowhere"):
        await under_way(world, running)
        await running.handle.signal(FabricSync.set_interval_by_signal, 0)
        assert await ended_soon(running) == "disabled"
        assert world.record is not None
        assert world.record.interval == 0


async def test_a_load_goes_on_after_edits_that_leave_the_fabric_switched_on(
    env: WorkflowEnvironment,
) -> None:
    world = long_load()
    async with loop(env, world) as running:
        await under_way(world, running)
        await running.handle.signal(FabricSync.set_interval_by_signal, 1800)
        await running.sleep(60)
        assert world.record is not None
        assert world.record.interval == 1800
        assert world.statuses[-1] is SyncStatus.SYNCING
        await edit(world, running, name="Berlin")
        await running.sleep(60)
        assert (await running.status()).name == "Berlin"
        await running.sleep(3600)
        [first, *_] = await running.history()
        assert (first.error, first.inventory is not None) == ("", True)


async def test_netbox_that_fails_during_a_load_is_asked_again_after_it(
    env: WorkflowEnvironment,
) -> None:
    world = long_load()
    async with loop(env, world) as running:
        await under_way(world, running)
        world.netbox_error = "NetBox is down."
        await running.handle.signal(FabricSync.record_changed)
        await running.sleep(120)
        assert "NetBox is down" in (await running.status()).netbox_error
        world.netbox_error = ""
        await running.sleep(3600)
        assert (await running.status()).netbox_error == ""
        assert world.statuses[-1] is SyncStatus.IN_SYNC


@pytest.mark.parametrize("site", ["", "berlin"])
async def test_a_fabric_that_is_switched_off_while_it_is_read_is_not_waited_for(
    env: WorkflowEnvironment, site: str
) -> None:
    world = LoopEnvironment(config(task_queue=site), takes=timedelta(hours=1), site_has_worker=True)
    async with loop(env, world) as running, observers(env.client, world, site or "nowhere"):
        while not world.observed:
            await running.sleep(0.1)
        await edit(world, running, enabled=False)
        assert await ended_soon(running) == "disabled"
        assert world.requests == []
        await left_no_trace(running)


async def test_a_cancelled_loop_ends_in_a_load(env: WorkflowEnvironment) -> None:
    world = long_load()
    async with loop(env, world) as running:
        await under_way(world, running)
        await running.handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await running.handle.result()
        assert isinstance(caught.value.cause, CancelledError)
