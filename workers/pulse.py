"""Signs of life of the worker's processes, which its probes judge.

Each process shows its own in memory that it shares with the one that forked it, which answers for both. A Temporal
that is down is no reason to restart a worker, so calls need only return. A poller that fails ends its process anyway.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import IntEnum
from mmap import mmap
from time import monotonic
from typing import Final

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

BEAT_SECONDS: Final = 2.0
CALL_SECONDS: Final = 5.0
CALL_TIMEOUT: Final = timedelta(seconds=5)

MAX_SILENCE_SECONDS: Final = 15.0
"""Far more than the beats of a busy process are apart: activities parse in turn so that its heartbeats are in time."""

MAX_UNANSWERED_SECONDS: Final = 30.0
"""How long a process counts as ready although Temporal does not answer it."""


class Sign(IntEnum):
    """A sign of life; its number is its place in the shared memory."""

    BEAT = 0
    """The event loop has run, and so has a thread."""
    CALL = 1
    """A call to Temporal has returned, with an answer or an error."""
    ANSWER = 2
    """Temporal has answered while the workers of the process run."""


FAULTS: Final = {
    Sign.BEAT: "its event loop or its threads have not run",
    Sign.CALL: "no call to Temporal has returned, not even with an error,",
}

log = logging.getLogger("fabric_sync.worker")


class Pulse:
    """When one process last showed each sign, on the clock that all processes share."""

    def __init__(self, process: str) -> None:
        self.process = process
        # Anonymous memory that a fork shares; 0 before the first time.
        self._times: memoryview[float] = memoryview(mmap(-1, 8 * len(Sign))).cast("d")
        self._is_working = False

    def show(self, sign: Sign) -> None:
        """Show a sign now."""
        self._times[sign] = monotonic()

    def begin_work(self) -> None:
        """Count Temporal's answers from now on: the workers run."""
        self._is_working = True

    def end_work(self) -> None:
        """Be no longer ready: the workers are about to stop."""
        self._is_working = False
        self._times[Sign.ANSWER] = 0.0

    def find_faults(self, now: float) -> list[str]:
        """Say why the process does not live; one that has not begun yet does."""
        return [
            f"The process {self.process} hangs: {fault} for {now - shown:.0f} s."
            for sign, fault in FAULTS.items()
            if (shown := self._times[sign]) and now - shown > MAX_SILENCE_SECONDS
        ]

    def takes_work(self, now: float) -> bool:
        """Return whether the workers run and are connected to Temporal."""
        answered = self._times[Sign.ANSWER]
        return bool(answered) and now - answered <= MAX_UNANSWERED_SECONDS

    @asynccontextmanager
    async def beating(self, client: Client) -> AsyncIterator[None]:
        """Show the signs of this process until the block ends."""
        for sign in FAULTS:
            self.show(sign)  # so that a first call that hangs is found, too
        with ThreadPoolExecutor(1, "pulse") as threads:
            tasks = [
                asyncio.create_task(self._beat(threads), name="beat"),
                asyncio.create_task(self._call(client), name="call Temporal"),
            ]
            for task in tasks:
                task.add_done_callback(_log_failure)
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    async def _beat(self, threads: Executor) -> None:
        while True:
            await asyncio.get_running_loop().run_in_executor(threads, self.show, Sign.BEAT)
            await asyncio.sleep(BEAT_SECONDS)

    async def _call(self, client: Client) -> None:
        while True:
            if await _is_answered(client) and self._is_working:
                self.show(Sign.ANSWER)
            self.show(Sign.CALL)
            await asyncio.sleep(CALL_SECONDS)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.error(
            "The sign of life '%s' has failed, so the probe will say that this process hangs:",
            task.get_name(),
            exc_info=task.exception(),
        )


async def _is_answered(client: Client) -> bool:
    request = GetSystemInfoRequest()
    try:
        await client.workflow_service.get_system_info(request, timeout=CALL_TIMEOUT)
    except RPCError:
        return False
    return True
