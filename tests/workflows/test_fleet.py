"""Hours of the fleet workflow in seconds: its rounds, and failures meanwhile."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from tests.support.system.installation import DEFAULT_TIMEOUT_SECONDS, wait_until
from tests.support.workflows.fleet_environment import FleetEnvironment, RunningFleet, fleet

ROUND, SHORT_ROUND = timedelta(seconds=30), timedelta(seconds=5)


def gaps(moments: list[datetime]) -> list[timedelta]:
    """Return the times between successive moments."""
    return [later - earlier for earlier, later in pairwise(moments)]


def is_on_time(gap: timedelta, interval: timedelta) -> bool:
    """Return whether a round came an interval after the last, and none was skipped.

    The server's clock does not stand still while a round is handled.
    """
    return interval <= gap < 2 * interval


async def wait_for_first_round(running: RunningFleet) -> None:
    """Wait in real time until the first round has ended."""
    await wait_until(running.summary, lambda summary: summary.checked is not None)
    assert len(running.environment.rounds) == 1


async def test_rounds_every_half_minute_for_hours_in_short_histories(
    env: WorkflowEnvironment,
) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await running.sleep(2 * 3600)
        rounds = running.environment.rounds
        assert rounds[-1] - rounds[0] > timedelta(hours=2) - 2 * ROUND
        assert all(is_on_time(gap, ROUND) for gap in gaps(rounds))
        described = await running.handle.describe()
        assert described.run_id != running.handle.first_execution_run_id
        assert described.history_length < 350
        summary = await wait_until(running.summary, lambda summary: summary.checked == rounds[-1])
        assert summary.states == {"in_sync": len(rounds)}


async def test_signal_starts_round_at_once(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await wait_for_first_round(running)
        await running.signal_change()
        await running.until_rounds(2)
        assert gaps(running.environment.rounds)[0] < ROUND
        await running.sleep(20)
        assert len(running.environment.rounds) == 2


async def test_signals_during_round_lead_to_one_more_round(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await wait_for_first_round(running)
        running.environment.gate.clear()
        await running.signal_change()
        await running.until_rounds(2)
        for _ in range(20):
            await running.signal_change()
        running.environment.gate.set()
        await running.until_rounds(3)
        await running.sleep(20)
        assert len(running.environment.rounds) == 3


async def test_stream_of_hints_starts_a_round_after_each_pause_and_a_single_one_at_once(
    env: WorkflowEnvironment,
) -> None:
    pause = timedelta(seconds=10)
    async with fleet(env, FleetEnvironment(hint_pause=pause.seconds)) as running:
        await wait_for_first_round(running)
        rounds = running.environment.rounds
        await running.signal_change()
        await running.until_rounds(2)
        for _ in range(40):
            await running.signal_change()
            await running.sleep(1)
        first, *later = gaps(rounds)
        assert first < pause
        assert len(later) >= 3
        assert all(pause <= gap < 2 * pause for gap in later)


async def test_failed_round_is_shown_and_next_round_recovers(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await wait_for_first_round(running)
        before = await running.summary()
        running.environment.error = "NetBox at http://netbox does not answer in time."
        await running.sleep(75)
        failed = await running.summary()
        assert failed == before.model_copy(update={"error": running.environment.error})
        assert "The last round changed nothing: NetBox at http://netbox" in await running.details()
        running.environment.error = ""
        await running.sleep(30)
        after = await running.summary()
        assert (after.error, after.states) == ("", {"in_sync": len(running.environment.rounds)})
        assert "changed nothing" not in await running.details()


async def test_unforeseen_failure_does_not_end_fleet(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment(crashes=True)) as running:
        await running.sleep(105)
        assert len(running.environment.rounds) == 4
        assert (await running.summary()).error


async def test_each_round_knows_what_the_one_before_announced_also_across_runs(
    env: WorkflowEnvironment,
) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await running.sleep(1800)
        announced = running.environment.announced
        assert len(announced) > 26, "one run has fewer"
        assert announced == ["", *map(str, range(1, len(announced)))]


async def test_releases_are_remembered_across_runs(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await wait_for_first_round(running)
        await running.sleep(1800)
        assert running.environment.known_releases[0] == ()
        assert set(running.environment.known_releases[1:]) == {("first",)}
        rounds_before = len(running.environment.known_releases)
        running.environment.release = "second"
        await running.sleep(1800)
        assert running.environment.known_releases[rounds_before] == ("first",)
        assert set(running.environment.known_releases[rounds_before + 1 :]) == {("first", "second")}


async def test_release_of_failed_round_stays_new(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await wait_for_first_round(running)
        running.environment.release, running.environment.error = "second", "NetBox is down."
        await running.sleep(45)
        running.environment.error = ""
        await running.sleep(60)
        assert running.environment.known_releases[-2:] == [("first",), ("first", "second")]


async def test_interval_of_newer_worker_counts_from_next_round_on(env: WorkflowEnvironment) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await wait_for_first_round(running)
        running.environment.interval = SHORT_ROUND.seconds
        await running.sleep(240)
        between = gaps(running.environment.rounds)
        assert is_on_time(between[0], ROUND)
        assert all(is_on_time(gap, SHORT_ROUND) for gap in between[1:])
        described = await running.handle.describe()
        assert described.run_id != running.handle.first_execution_run_id
        running.environment.error = "NetBox is down."
        await running.sleep(60)
        assert all(is_on_time(gap, SHORT_ROUND) for gap in gaps(running.environment.rounds)[1:])


@pytest.mark.parametrize("arguments", [["x"], [1], [None, None], [{"fabric": "a"}]])
async def test_malformed_signal_is_shown_and_round_continues(
    env: WorkflowEnvironment, arguments: list[object]
) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await wait_for_first_round(running)
        await running.handle.signal("record_changed", args=arguments)
        assert r"Message: ignored: record\_changed" in await running.details()
        await running.handle.signal("no_such_signal", args=arguments)
        shown = r"Message: ignored: no\_such\_signal: there is no such signal"
        assert shown in await running.details()
        await running.sleep(20)
        assert len(running.environment.rounds) == 1
        await running.sleep(30)
        assert len(running.environment.rounds) == 2


@pytest.mark.parametrize("during_a_round", [True, False])
async def test_cancellation_ends_fleet(env: WorkflowEnvironment, during_a_round: bool) -> None:
    async with fleet(env, FleetEnvironment()) as running:
        await wait_for_first_round(running)
        if during_a_round:
            running.environment.gate.clear()
            await running.signal_change()
            await running.until_rounds(2)
        await running.handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await asyncio.wait_for(running.handle.result(), DEFAULT_TIMEOUT_SECONDS)
        running.environment.gate.set()
        assert isinstance(caught.value.cause, CancelledError)
