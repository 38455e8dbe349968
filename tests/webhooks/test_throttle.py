"""The first hint counts at once, the last is never lost, and there are few actions in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from webhooks.throttle import Throttle

PAUSE = 2
"""Seconds: more than a busy machine needs for what is done at once."""


@asynccontextmanager
async def running(bursts: Throttle[int]) -> AsyncIterator[None]:
    task = asyncio.create_task(bursts.run())
    yield
    task.cancel()


class Acts:
    """What was done: about which hints, and when."""

    def __init__(self) -> None:
        self._done: asyncio.Queue[tuple[set[int], float]] = asyncio.Queue()

    async def act(self, hints: frozenset[int]) -> None:
        if 13 in hints:
            raise RuntimeError("no luck")
        await self._done.put((set(hints), monotonic()))

    async def next(self) -> tuple[set[int], float]:
        return await asyncio.wait_for(self._done.get(), 10 * PAUSE)

    def are_over(self) -> bool:
        return self._done.empty()


async def test_a_burst_is_two_actions() -> None:
    acts = Acts()
    bursts = Throttle(acts.act, PAUSE)
    async with running(bursts):
        began = monotonic()
        bursts.add(1)
        hints, first = await acts.next()
        assert hints == {1}
        assert first - began < PAUSE

        for number in (2, 3, 2, 4):
            bursts.add(number)
        hints, second = await acts.next()
        assert hints == {2, 3, 4}
        assert second - first >= PAUSE

        bursts.add(5)
        hints, third = await acts.next()
        assert hints == {5}
        assert third - second >= PAUSE
        assert acts.are_over()


async def test_what_comes_during_an_action_is_not_lost() -> None:
    acts = Acts()

    async def act(hints: frozenset[int]) -> None:
        if 1 in hints:
            bursts.add(2)
        await acts.act(hints)

    bursts = Throttle(act, interval_seconds=0)
    async with running(bursts):
        bursts.add(1)
        assert [(await acts.next())[0], (await acts.next())[0]] == [{1}, {2}]


async def test_a_failure_is_logged_and_the_next_hint_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    acts = Acts()

    async def act(hints: frozenset[int]) -> None:
        if 13 in hints:
            bursts.add(14)
        await acts.act(hints)

    bursts = Throttle(act, interval_seconds=0)
    async with running(bursts):
        bursts.add(13)
        assert (await acts.next())[0] == {14}
    assert "1 webhooks came to nothing" in caplog.text
