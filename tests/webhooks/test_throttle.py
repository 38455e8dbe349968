"""Throttled hints: the first acts at once, the last is never lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from webhooks.throttle import MAX_HINTS, Throttle

INTERVAL_SECONDS = 2
"""More than a busy machine needs for an immediate action."""


@asynccontextmanager
async def running(throttle: Throttle[int]) -> AsyncIterator[None]:
    task = asyncio.create_task(throttle.run())
    yield
    task.cancel()


class RecordedActions:
    """Records the hints and times of actions."""

    def __init__(self) -> None:
        self._done: asyncio.Queue[tuple[set[int], float]] = asyncio.Queue()

    async def act(self, hints: frozenset[int]) -> None:
        if 13 in hints:
            raise RuntimeError("no luck")
        await self._done.put((set(hints), monotonic()))

    async def next(self) -> tuple[set[int], float]:
        return await asyncio.wait_for(self._done.get(), 10 * INTERVAL_SECONDS)

    def is_empty(self) -> bool:
        return self._done.empty()


async def test_hints_of_one_interval_are_one_action() -> None:
    actions = RecordedActions()
    throttle = Throttle(actions.act, INTERVAL_SECONDS)
    async with running(throttle):
        started = monotonic()
        throttle.add(1)
        hints, first = await actions.next()
        assert hints == {1}
        assert first - started < INTERVAL_SECONDS

        for number in (2, 3, 2, 4):
            throttle.add(number)
        hints, second = await actions.next()
        assert hints == {2, 3, 4}
        assert second - first >= INTERVAL_SECONDS

        throttle.add(5)
        hints, third = await actions.next()
        assert hints == {5}
        assert third - second >= INTERVAL_SECONDS
        assert actions.is_empty()


async def test_hint_during_action_is_not_lost() -> None:
    actions = RecordedActions()

    async def act(hints: frozenset[int]) -> None:
        if 1 in hints:
            throttle.add(2)
        await actions.act(hints)

    throttle = Throttle(act, interval_seconds=0)
    async with running(throttle):
        throttle.add(1)
        assert [(await actions.next())[0], (await actions.next())[0]] == [{1}, {2}]


async def test_failed_action_does_not_stop_later_hints(
    caplog: pytest.LogCaptureFixture,
) -> None:
    actions = RecordedActions()

    async def act(hints: frozenset[int]) -> None:
        if 13 in hints:
            throttle.add(14)
        await actions.act(hints)

    throttle = Throttle(act, interval_seconds=0)
    async with running(throttle):
        throttle.add(13)
        assert (await actions.next())[0] == {14}
    assert "1 webhooks could not be processed" in caplog.text


async def test_hints_that_wait_are_bounded() -> None:
    actions = RecordedActions()
    throttle = Throttle(actions.act, interval_seconds=0)
    for number in range(100, 100 + 2 * MAX_HINTS):
        throttle.add(number)
    async with running(throttle):
        assert (await actions.next())[0] == set(range(100, 100 + MAX_HINTS))
        throttle.add(1)
        assert (await actions.next())[0] == {1}
