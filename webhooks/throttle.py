"""Many hints at once become few actions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("fabric_sync.webhooks")


class Throttle[T]:
    """Hands hints on: the first at once, then those of each `pause` (in seconds) together.

    So there is at most one action a pause, and the last hint of a burst is never lost.
    """

    def __init__(
        self, action: Callable[[frozenset[T]], Awaitable[None]], interval_seconds: float
    ) -> None:
        self._action = action
        self._interval_seconds = interval_seconds
        self._hints: set[T] = set()
        self._has_hints = asyncio.Event()

    def add(self, hint: T) -> None:
        """Take a hint; equal ones are one."""
        self._hints.add(hint)
        self._has_hints.set()

    async def run(self) -> None:
        """Act on what comes, until cancelled."""
        while True:
            await self._has_hints.wait()
            self._has_hints.clear()
            hints, self._hints = frozenset(self._hints), set()
            try:
                await self._action(hints)
            except Exception:  # a defect must not make all that follow go unheard
                log.exception("%d webhooks came to nothing.", len(hints))
            await asyncio.sleep(self._interval_seconds)
