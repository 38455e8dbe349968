"""The pause until an API that had too much is read again.

A reading that fails is not cached, so each would cost the same CPU time again, which other fabrics need.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from cachetools import TLRUCache

from activities.errors import OversizedError
from fabrics.record.config import KubernetesTarget

PAUSE_PER_CPU_SECOND: Final = 50.0
"""So such an API takes at most 2 % of a core."""

MAX_PAUSE_SECONDS: Final = 600.0

MAX_REFUSALS: Final = 10_000

type _Refusal = tuple[str, float]
"""A sentence, and the seconds for which it holds."""


class Refusals:
    """Remembers why an API was refused, and for how long. Threads may share it."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """Remember nothing yet; `timer` returns seconds."""
        self._refusals: TLRUCache[KubernetesTarget, _Refusal] = TLRUCache(
            MAX_REFUSALS, lambda _target, refusal, now: now + refusal[1], timer
        )
        self._lock = Lock()

    @contextmanager
    def limiting(self, target: KubernetesTarget) -> Iterator[None]:
        """Read an API in the block, unless it was refused a short time ago.

        Raises `OversizedError` then, with the same sentence as before.
        """
        with self._lock:
            refusal = self._refusals.get(target)
        if refusal:
            raise OversizedError(refusal[0])
        started = time.thread_time()
        try:
            yield
        except OversizedError as error:
            pause = PAUSE_PER_CPU_SECOND * (time.thread_time() - started)
            with self._lock:
                self._refusals[target] = str(error), min(pause, MAX_PAUSE_SECONDS)
            raise
