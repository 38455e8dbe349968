"""On which task queue a fabric is read, and the error if no worker reads it."""

from datetime import timedelta
from itertools import pairwise

from temporalio.testing import WorkflowEnvironment

from fabrics.record.sync_status import SyncStatus
from fabrics.record.task_queues import observe_queue, unresponsive_queue
from tests.support.workflows.loop_environment import LoopEnvironment, config, loop, observers

SITE = "site-oslo"

TOLERANCE = timedelta(seconds=30)
"""Half an interval. The server's clock does not stand still while a workflow task is handled."""


def are_unresponsive(environment: LoopEnvironment) -> list[bool]:
    """Return for each read whether it was on the queue for unresponsive fabrics."""
    queue = unresponsive_queue(observe_queue(environment.queue))
    return [task_queue == queue for task_queue in environment.queues]


async def test_fabric_that_stops_answering_moves_to_unresponsive_queue(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(90)
        assert are_unresponsive(environment) == [False, False]
        environment.silent = True
        environment.queues.clear()
        await running.sleep(240)
        assert are_unresponsive(environment) == [False, True, True, True, True]
        status = await running.status()
        assert (status.sync_status, status.missed) == (SyncStatus.ERROR, 0)
        environment.silent = False
        environment.queues.clear()
        await running.sleep(180)
        assert are_unresponsive(environment) == [True, False, False]
        assert (await running.status()).sync_status is SyncStatus.IN_SYNC


async def test_slow_fabric_syncs_on_unresponsive_queue_without_error(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(), slow=True)
    async with loop(env, environment) as running:
        await running.sleep(300)
        assert {report.sync_status for report in await running.history()} == {SyncStatus.IN_SYNC}
        assert any(are_unresponsive(environment))


# The test server's clock stands still while a task waits on a queue. So these tests cannot leave a task there:
# a worker takes it, and it waits for a retry.


async def test_site_without_worker_is_error_that_names_its_queue(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(task_queue=SITE), observe_duration=timedelta(hours=1))
    async with loop(env, environment) as running, observers(env.client, environment, SITE):
        await running.sleep(30 + 15)
        status = await running.status()
        assert status.sync_status is SyncStatus.ERROR
        assert f'No worker takes work from the task queue "{SITE}"' in status.sync_error
        assert f"--task-queue {SITE} --activities-only" in status.sync_error
        assert environment.statuses[-1] is SyncStatus.ERROR
        assert len(environment.worker_checks) == 1
        environment.observe_duration = timedelta(0)
        await running.sleep(130)
        status = await running.status()
        assert (status.sync_status, status.missed) == (SyncStatus.IN_SYNC, 0)
        assert len(environment.worker_checks) == 1


async def test_site_whose_worker_is_lost_before_the_pass_is_a_failed_inventory(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(task_queue=SITE), inventory_duration=timedelta(hours=1))
    async with loop(env, environment) as running, observers(env.client, environment, SITE):
        await running.sleep(30 + 15)
        status = await running.status()
        assert (status.sync_status, status.inventory_state) == (SyncStatus.IN_SYNC, "failed")
        assert "The inventory in NetBox is not up to date" in status.inventory.failure
        assert f'No worker takes work from the task queue "{SITE}"' in status.inventory.failure


async def test_busy_site_is_waited_for_with_growing_check_intervals(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(
        config(task_queue=SITE), observe_duration=timedelta(minutes=20), site_has_worker=True
    )
    async with loop(env, environment) as running, observers(env.client, environment, SITE):
        await running.sleep(30 + 18 * 60)
        status = await running.status()
        assert (status.syncs, status.sync_error) == (0, "")
        intervals = [later - earlier for earlier, later in pairwise(environment.worker_checks)]
        for interval, seconds in zip(intervals, (20, 40, 80, 160, 300, 300), strict=True):
            assert timedelta(0) <= interval - timedelta(seconds=seconds) < TOLERANCE
        environment.observe_duration = timedelta(0)
        await running.sleep(3 * 60)
        status = await running.status()
        assert (status.sync_status, status.sync_error) == (SyncStatus.IN_SYNC, "")
        assert 19 <= status.missed <= 20
