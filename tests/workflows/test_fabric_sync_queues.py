"""In whose slots a fabric is read, and what is said where nobody reads it."""

from datetime import timedelta
from itertools import pairwise

from temporalio.testing import WorkflowEnvironment

from fabrics.record.status import SyncStatus
from fabrics.record.task_queues import observe_queue, unresponsive_queue
from tests.support.workflows.loop_environment import LoopEnvironment, config, loop, observers

SITE = "site-oslo"


async def test_a_fabric_that_falls_silent_leaves_the_slots_of_the_others(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config())
    quick = observe_queue(world.queue)
    patient = unresponsive_queue(quick)
    async with loop(env, world) as running:
        await running.sleep(90)
        assert set(world.queues) == {quick}
        world.silent = True
        world.queues.clear()
        await running.sleep(240)
        assert world.queues == [quick, *[patient] * 4]
        status = await running.status()
        assert (status.sync_status, status.missed) == (SyncStatus.ERROR, 0)
        world.silent = False
        world.queues.clear()
        await running.sleep(180)
        assert world.queues == [patient, quick, quick]
        assert (await running.status()).sync_status is SyncStatus.IN_SYNC


async def test_a_fabric_that_is_only_slow_is_no_error(env: WorkflowEnvironment) -> None:
    world = LoopEnvironment(config(), slow=True)
    async with loop(env, world) as running:
        await running.sleep(300)
        assert {report.sync_status for report in await running.history()} == {SyncStatus.IN_SYNC}
        assert unresponsive_queue(observe_queue(world.queue)) in world.queues


# The test server's clock stands still while work lies on a queue, so nobody takes it here in another way:
# it is taken, and waits for another try.


async def test_a_site_without_a_worker_is_an_error_that_says_so(env: WorkflowEnvironment) -> None:
    world = LoopEnvironment(config(task_queue=SITE), takes=timedelta(hours=1))
    async with loop(env, world) as running, observers(env.client, world, SITE):
        await running.sleep(30 + 15)
        status = await running.status()
        assert status.sync_status is SyncStatus.ERROR
        assert f'No worker takes work from the task queue "{SITE}"' in status.sync_error
        assert f"--task-queue {SITE} --activities-only" in status.sync_error
        assert world.statuses[-1] is SyncStatus.ERROR
        assert len(world.questions) == 1
        world.takes = timedelta(0)
        await running.sleep(130)
        status = await running.status()
        assert (status.sync_status, status.missed) == (SyncStatus.IN_SYNC, 0)
        assert len(world.questions) == 1


async def test_a_site_whose_worker_goes_before_the_inventory_is_written_says_so(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config(task_queue=SITE), inventory_takes=timedelta(hours=1))
    async with loop(env, world) as running, observers(env.client, world, SITE):
        await running.sleep(30 + 15)
        status = await running.status()
        assert (status.sync_status, status.connection_status) == (SyncStatus.ERROR, "connected")
        assert "The inventory in NetBox is not up to date" in status.sync_error
        assert f'No worker takes work from the task queue "{SITE}"' in status.sync_error


async def test_a_site_that_is_busy_is_waited_for(env: WorkflowEnvironment) -> None:
    world = LoopEnvironment(
        config(task_queue=SITE), takes=timedelta(minutes=20), site_has_worker=True
    )
    async with loop(env, world) as running, observers(env.client, world, SITE):
        await running.sleep(30 + 18 * 60)
        status = await running.status()
        assert (status.syncs, status.sync_error) == (0, "")
        pauses = [later - earlier for earlier, later in pairwise(world.questions)]
        assert [round(pause.total_seconds()) for pause in pauses] == [20, 40, 80, 160, 300, 300]
        world.takes = timedelta(0)
        await running.sleep(3 * 60)
        status = await running.status()
        assert (status.sync_status, status.sync_error) == (SyncStatus.IN_SYNC, "")
        assert 19 <= status.missed <= 20
