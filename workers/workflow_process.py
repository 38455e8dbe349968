"""The process that runs workflows, beside the one that executes activities.

While threads parse large states, other Python code in their process runs rarely, and workflow tasks would time
out. The process is forked, before Temporal's client starts threads: so it neither imports everything again nor
keeps a second copy of that in memory.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Thread
from typing import Final

STOP_SECONDS: Final = 8.0
"""For running workflow tasks to finish; with the activities' 20 s it is below the 30 s of Docker and Kubernetes."""

FORK: Final = multiprocessing.get_context("fork")


log = logging.getLogger("fabric_sync.worker")


class WorkflowProcessEnded(Exception):
    """The process failed or was killed; the text is for the operator."""


class WorkflowProcess:
    """A child that calls `run` once `running` begins, and ends with its parent."""

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = run
        self._may_begin = FORK.Semaphore(0)  # an event would wait for a child that was killed
        self._process = FORK.Process(target=self._run_when_allowed, name="workflows", daemon=True)
        self._process.start()

    @property
    def pid(self) -> int | None:
        """The process id of the child."""
        return self._process.pid

    @asynccontextmanager
    async def running(self, on_end: Callable[[], None]) -> AsyncIterator[None]:
        """Let the process work until the block ends; call `on_end` if it ends earlier.

        At the end it gets SIGTERM. Raises `WorkflowProcessEnded` if it failed.
        """
        event_loop, sentinel = asyncio.get_running_loop(), self._process.sentinel

        def end() -> None:
            event_loop.remove_reader(sentinel)  # it stays readable
            on_end()

        event_loop.add_reader(sentinel, end)
        self._may_begin.release()
        try:
            yield
        finally:
            event_loop.remove_reader(sentinel)
            self._process.terminate()
            await asyncio.to_thread(self._process.join, STOP_SECONDS)
            was_killed = self._process.exitcode is None
            self._process.kill()  # if it still runs
            self._process.join()
        if was_killed:
            log.warning("The workflows did not stop within %g s, and were ended.", STOP_SECONDS)
        elif self._process.exitcode not in (0, -signal.SIGTERM):
            raise WorkflowProcessEnded(
                f"The process {self._process.pid}, which runs the workflows, {self._describe_end()};"
                " restart the worker."
            )

    def _run_when_allowed(self) -> None:
        # Ctrl-C reaches both; the parent will stop us.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
        self._may_begin.acquire()
        self._run()

    def _describe_end(self) -> str:
        code = self._process.exitcode or 0
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"failed with exit code {code}: see its log"


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
