"""Many hints at once become few actions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("fabric_sync.webhooks")


class Bursts[T]:
    """Hands hints on: the first at once, then those of each `pause` (in seconds) together.

    So there is at most one action a pause, and the last hint of a burst is never lost.
    """

    def __init__(self, act: Callable[[frozenset[T]], Awaitable[None]], pause: float) -> None:
        self._act = act
        self._pause = pause
        self._hints: set[T] = set()
        self._some = asyncio.Event()

    def add(self, hint: T) -> None:
        """Take a hint; equal ones are one."""
        self._hints.add(hint)
        self._some.set()

    async def run(self) -> None:
        """Act on what comes, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            hints, self._hints = frozenset(self._hints), set()
            try:
                await self._act(hints)
            except Exception:  # a defect must not make all that follow go unheard
                log.exception("%d webhooks came to nothing.", len(hints))
            await asyncio.sleep(self._pause)
