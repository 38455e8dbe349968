"""Hours of the fleet in seconds: when it looks, what it remembers, and that nothing stops it."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from tests.support.workflows.fleet_environment import FleetEnvironment, RunningFleet, fleet

CLOCK = timedelta(seconds=1)
"""What the server's clock may advance by while a workflow task is handled."""

ROUND = timedelta(seconds=30)


def gaps(moments: list[datetime]) -> list[timedelta]:
    """The times between neighbours."""
    return [later - earlier for earlier, later in pairwise(moments)]


async def first_round(running: RunningFleet) -> None:
    """Let the first round pass."""
    await running.sleep(1)
    assert len(running.world.rounds) == 1


async def test_a_round_every_half_minute_for_hours_in_short_histories(
    env: WorkflowEnvironment,
) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await running.sleep(2 * 3600)
        rounds = running.world.rounds
        assert 236 <= len(rounds) <= 241
        assert all(ROUND - CLOCK < gap < ROUND + CLOCK for gap in gaps(rounds))
        described = await running.handle.describe()
        assert described.run_id != running.handle.first_execution_run_id
        assert described.history_length < 350
        told = await running.summary()
        assert told.checked is not None
        assert told.states == {"in_sync": len(rounds)}


async def test_what_is_told_counts_at_once(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await first_round(running)
        await running.tell()
        await running.until_rounds(2)
        assert gaps(running.world.rounds)[0] < ROUND - 10 * CLOCK
        await running.sleep(20)
        assert len(running.world.rounds) == 2


async def test_what_is_told_during_a_round_is_one_more(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await first_round(running)
        running.world.go_on.clear()
        await running.tell()
        await running.until_rounds(2)
        for _ in range(20):
            await running.tell()
        running.world.go_on.set()
        await running.until_rounds(3)
        await running.sleep(20)
        assert len(running.world.rounds) == 3


async def test_a_round_that_fails_is_shown_changes_nothing_and_is_made_up_for(
    env: WorkflowEnvironment,
) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await first_round(running)
        before = await running.summary()
        running.world.error = "NetBox at http://netbox does not answer in time."
        await running.sleep(61)
        failed = await running.summary()
        assert failed == before.model_copy(update={"error": running.world.error})
        assert "The last round changed nothing: NetBox at http://netbox" in await running.details()
        running.world.error = ""
        await running.sleep(30)
        after = await running.summary()
        assert (after.error, after.states) == ("", {"in_sync": len(running.world.rounds)})
        assert "changed nothing" not in await running.details()


async def test_a_failure_nobody_foresaw_ends_nothing(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment(unforeseen=True)) as running:
        await running.sleep(95)
        assert len(running.world.rounds) == 4
        assert (await running.summary()).error


async def test_releases_are_remembered_from_run_to_run(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await first_round(running)
        await running.sleep(1800)
        assert running.world.known[0] == ()
        assert set(running.world.known[1:]) == {("first",)}
        asked = len(running.world.known)
        running.world.release = "second"
        await running.sleep(1800)
        assert running.world.known[asked] == ("first",)
        assert set(running.world.known[asked + 1 :]) == {("first", "second")}


async def test_a_round_that_failed_under_a_new_release_leaves_it_new(
    env: WorkflowEnvironment,
) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await first_round(running)
        running.world.release, running.world.error = "second", "NetBox is down."
        await running.sleep(60)
        running.world.error = ""
        await running.sleep(60)
        assert running.world.known[-2:] == [("first",), ("first", "second")]


@pytest.mark.parametrize("arguments", [["x"], [1], [None, None], [{"fabric": "a"}]])
async def test_a_malformed_signal_is_noted_and_stops_nothing(
    env: WorkflowEnvironment, arguments: list[object]
) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await first_round(running)
        await running.handle.signal("record_changed", args=arguments)
        await running.handle.signal("no_such_signal", args=arguments)
        assert "Message: ignored: record_changed" in await running.details()
        await running.sleep(20)
        assert len(running.world.rounds) == 1
        await running.sleep(30)
        assert len(running.world.rounds) == 2


@pytest.mark.parametrize("during_a_round", [True, False])
async def test_cancellation_ends_it(env: WorkflowEnvironment, during_a_round: bool) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await first_round(running)
        if during_a_round:
            running.world.go_on.clear()
            await running.tell()
            await running.until_rounds(2)
        await running.handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await asyncio.wait_for(running.handle.result(), 20)
        running.world.go_on.set()
        assert isinstance(caught.value.cause, CancelledError)
