"""A throttle that combines many hints into few actions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

MAX_HINTS: Final = 1_000
"""How many hints wait for an action. Others are lost, as any may be: the next slots find what they announced."""

log = logging.getLogger("fabric_sync.webhooks")


class Throttle[T]:
    """Passes on the first hint at once, and then the hints of each interval together.

    So there is at most one action per interval, and the last hint of a burst is not lost.
    """

    def __init__(
        self, action: Callable[[frozenset[T]], Awaitable[None]], interval_seconds: float
    ) -> None:
        self._action = action
        self._interval_seconds = interval_seconds
        self._hints: set[T] = set()
        self._has_hints = asyncio.Event()

    def add(self, hint: T) -> None:
        """Add a hint; equal hints count once, and those above `MAX_HINTS` do not count."""
        if len(self._hints) < MAX_HINTS:
            self._hints.add(hint)
        self._has_hints.set()

    async def run(self) -> None:
        """Act on hints until cancelled."""
        while True:
            await self._has_hints.wait()
            self._has_hints.clear()
            hints, self._hints = frozenset(self._hints), set()
            try:
                await self._action(hints)
            except Exception:  # a defect must not stop all later webhooks
                log.exception("%d webhooks could not be processed.", len(hints))
            await asyncio.sleep(self._interval_seconds)
