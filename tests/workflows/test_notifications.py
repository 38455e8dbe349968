"""Hours of one target of notifications in seconds, also of a dead one."""

import asyncio

from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from activities.errors import UnknownTarget
from fabrics.fleet.notifications import TargetSummary
from tests.support.system.installation import wait_until
from tests.support.workflows.details import read_details
from tests.support.workflows.target_environment import INTERVAL, ROUND, target
from workflows.notifications import FORGET_AFTER, MAX_HISTORY_EVENTS


async def test_lasting_trouble_and_its_end_are_told(env: WorkflowEnvironment) -> None:
    async with target(env) as running:
        await running.observe(a="error", b="in_sync")
        await running.sleep(INTERVAL)
        assert running.told() == []
        await running.sleep(2 * ROUND)
        assert running.told() == [("error", ["a"])]
        await running.observe(a="in_sync", b="in_sync")
        await running.sleep(INTERVAL + 2 * ROUND)
        assert running.told() == [("error", ["a"]), ("in_sync", ["a"])]
        assert await running.summary() == TargetSummary(target="ops", told=0, waiting=0)


async def test_short_trouble_is_not_told(env: WorkflowEnvironment) -> None:
    async with target(env) as running:
        for _ in range(5):
            await running.observe(a="error")
            await running.sleep(INTERVAL)
            await running.observe(a="in_sync")
            await running.sleep(INTERVAL)
        await running.sleep(3600)
        assert running.attempts == []


async def test_dead_target_is_tried_for_hours_and_then_told_what_holds(
    env: WorkflowEnvironment,
) -> None:
    async with target(env) as running:
        running.error = "It is not available."
        await running.observe(a="error", b="error")
        await running.sleep(3 * 3600 + 350)  # now it is left alone for some minutes
        summary = await running.summary()
        assert (summary.told, summary.waiting, summary.error) == (0, 2, running.error)
        described = await running.handle.describe()
        assert described.history_length < 200
        assert 10 < len(running.attempts) < 150
        await running.observe(a="in_sync", b="error")
        running.error = ""
        await running.sleep(1200)
        assert running.told() == [("error", ["b"])]
        assert (await running.summary()).error == ""


async def test_new_run_and_new_fleet_repeat_nothing(env: WorkflowEnvironment) -> None:
    async with target(env) as running:
        await running.observe(a="error")
        await running.sleep(INTERVAL + 2 * ROUND)
        first = (await running.handle.describe()).run_id
        for _ in range(MAX_HISTORY_EVENTS):
            await running.observe(a="error")
        # No more rounds now: Temporal begins no new run while signals arrive.
        await wait_until(running.handle.describe, lambda described: described.run_id != first)
        await running.sleep(3600)
        assert running.told() == [("error", ["a"])]


async def test_malformed_states_are_shown_and_change_nothing(env: WorkflowEnvironment) -> None:
    async with target(env) as running:
        await running.observe(a="error")
        states = (await running.make_states({"a": "in_sync"})).model_dump(mode="json")
        group = states["groups"][0]
        for arguments in (
            [],
            [7],
            ["a", "b"],
            [states | {"checked": "soon"}],
            [states | {"checked": "9999-12-31T23:00:00Z"}],
            [states | {"checked": states["checked"].removesuffix("Z")}],
            [states | {"round_interval": 10**30}],
            [states | {"groups": [group | {"interval": 10**30}]}],
            [states | {"groups": [group | {"fabrics": ["x" * 10_000]}]}],
        ):
            await running.handle.signal("states_changed", args=arguments)
        assert r"ignored: states\_changed: " in await read_details(running.handle)
        await running.sleep(INTERVAL + 2 * ROUND)
        assert running.told() == [("error", ["a"])]


async def test_target_of_which_the_fleet_says_nothing_ends(env: WorkflowEnvironment) -> None:
    async with target(env) as running:
        await running.observe(a="in_sync")
        await running.sleep(FORGET_AFTER.total_seconds() - 3600)
        description = await running.handle.describe()
        assert description.status is WorkflowExecutionStatus.RUNNING
        await running.sleep(2 * 3600)
        await asyncio.wait_for(running.handle.result(), timeout=60)


async def test_target_that_is_out_of_the_file_ends_with_its_next_news(
    env: WorkflowEnvironment,
) -> None:
    async with target(env) as running:
        running.error, running.error_type = "There is no such target.", UnknownTarget.__name__
        await running.observe(a="error")
        await running.sleep(INTERVAL + 2 * ROUND)
        await asyncio.wait_for(running.handle.result(), timeout=60)
        assert len(running.attempts) == 1
