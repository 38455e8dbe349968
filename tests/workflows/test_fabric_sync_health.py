"""When a loop reads the agents of its fabric."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from temporalio.testing import WorkflowEnvironment

from fabrics.agents.health_report import Health
from tests.support.system.installation import wait_until
from tests.support.workflows.loop_environment import LoopEnvironment, config, loop
from workflows.fabric_sync import FabricSync

HOUR = 3600


async def test_agents_are_read_between_syncs_that_are_far_apart(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config(interval=HOUR))) as running:
        environment = running.environment
        await running.sleep(HOUR - 10)
        assert len(environment.observed) == 1
        times = [environment.observed[0], *environment.health_readings]
        gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
        assert [round(gap / 30) * 30 for gap in gaps] == [60] * 5 + [300] * (len(gaps) - 5)
        assert len(gaps) >= 15


@pytest.mark.parametrize("interval", [60, 300])
async def test_syncs_that_are_close_read_the_agents_themselves(
    env: WorkflowEnvironment, interval: int
) -> None:
    async with loop(env, LoopEnvironment(config(interval=interval))) as running:
        await running.sleep(900)
        running.environment.health_readings.clear()
        await running.sleep(HOUR)
        assert running.environment.health_readings == []


async def test_degraded_fabric_is_in_the_record_long_before_the_next_sync(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config(interval=HOUR))) as running:
        environment = running.environment
        await running.sleep(900)
        writes = len(environment.updates)
        environment.health = Health.DEGRADED
        await running.sleep(310)
        assert environment.last_known.health is Health.DEGRADED
        assert environment.last_known.health_message == "The agents are degraded."
        await running.sleep(900)
        assert len(environment.updates) == writes + 1, "readings that agree write nothing"
        assert len(environment.observed) == 1


async def test_agents_that_cannot_be_read_are_tried_again_and_then_unknown(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config(interval=HOUR))) as running:
        environment = running.environment
        await running.sleep(900)
        environment.health_error, environment.health_readings = "It broke.", []
        await running.sleep(1000)
        assert 2 <= len(environment.health_readings) <= 4
        status = await running.status()
        assert (status.health, status.sync_status) == ("unknown", "in_sync")
        environment.health_error = ""
        await running.sleep(310)
        assert (await running.status()).health == "healthy"


async def test_paused_fabric_claims_no_health_and_is_read_again_at_its_next_sync(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config(interval=HOUR))) as running:
        environment = running.environment
        await running.sleep(900)
        await running.handle.execute_update(FabricSync.pause)
        environment.health_readings.clear()
        await running.sleep(2 * HOUR)
        assert environment.health_readings == []
        status = await running.status()
        assert status.health_message == "The agents are not read while the fabric is paused."
        await running.handle.execute_update(FabricSync.resume)
        await running.sleep(HOUR)
        assert (await running.status()).health is Health.HEALTHY


async def test_fabric_that_does_not_answer_is_asked_by_syncs_alone(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config(interval=HOUR), silent=True)) as running:
        await running.sleep(2 * HOUR)
        assert running.environment.health_readings == []
        running.environment.silent = False
        await running.sleep(HOUR + timedelta(minutes=10).total_seconds())
        assert running.environment.health_readings


async def test_slow_reading_makes_neither_a_slot_nor_a_message_wait(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config(interval=100))) as running:
        environment = running.environment
        environment.health_gate.clear()
        later = asyncio.create_task(running.sleep(200))

        async def read_timeouts() -> list[timedelta | None]:
            return environment.health_timeouts

        [timeout] = await wait_until(read_timeouts, bool)
        next_sync = (await running.status()).next_sync
        assert timeout is not None
        assert next_sync is not None
        assert environment.health_readings[0] + timeout < next_sync + timedelta(seconds=1)
        syncs = len(environment.observed)
        await running.handle.execute_update(FabricSync.sync_now, False)
        assert len(environment.observed) == syncs + 1
        environment.health_gate.set()
        await later
