"""`worker.py` as a service: whenever it has ended, it is started again."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Final

import psutil

from tests.support.system.installation import Installation

RESTART_SECONDS: Final = 1.0
"""The pause before the next start, as service managers make one."""


class Casualty(StrEnum):
    """What a kill ends.

    The kernel, short of memory, ends one of the two processes. When a container is killed, all in it end at once.
    """

    ACTIVITIES = "activities"
    WORKFLOWS = "workflows"
    CONTAINER = "container"


class SupervisedWorker:
    """One worker; `restarts` counts its starts after the first.

    `killed` are the ids of the processes of activities whose worker was hit by a kill: one that just ends may be hit
    again.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.killed: set[int] = set()

    async def run(self) -> None:
        """Keep the worker running until cancelled; then it gets SIGTERM."""
        while True:
            async with self._installation.worker_process() as self._process:
                await asyncio.to_thread(self._process.wait)
            self.restarts += 1
            await asyncio.sleep(RESTART_SECONDS)

    def kill(self, casualty: Casualty) -> bool:
        """Send SIGKILL; return whether that hit a process.

        A worker that is just starting may have one process only, and one that has ended has none.
        """
        processes = self.list_processes()
        victims = {
            Casualty.ACTIVITIES: processes[:1],
            Casualty.WORKFLOWS: [process for process in processes[1:] if is_worker(process)],
            Casualty.CONTAINER: processes,
        }
        has_hit = False
        for process in victims[casualty]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
                self.killed.add(processes[0].pid)
                has_hit = True
        return has_hit

    def list_processes(self) -> list[psutil.Process]:
        """List the process of the activities, and all that it has started."""
        with suppress(psutil.NoSuchProcess):
            if self._process and self._process.poll() is None:
                activities = psutil.Process(self._process.pid)
                return [activities, *activities.children(recursive=True)]
        return []


def is_worker(process: psutil.Process) -> bool:
    """Return whether a process is one of the two that make a worker."""
    with suppress(psutil.NoSuchProcess):
        return "worker.py" in process.cmdline()
    return False


@asynccontextmanager
async def supervised_worker(installation: Installation) -> AsyncIterator[SupervisedWorker]:
    """Keep a worker running until the block ends."""
    worker = SupervisedWorker(installation)
    supervision = asyncio.create_task(worker.run(), name="supervise worker")
    try:
        yield worker
    finally:
        supervision.cancel()
        with suppress(asyncio.CancelledError):
            await supervision
