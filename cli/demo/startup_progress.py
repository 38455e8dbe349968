"""Progress of a long start: a live line in a terminal, else lines in a log."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Thread
from typing import Final

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli import console
from stack.cache import Progress as Report

LOG_INTERVAL_SECONDS: Final = 5


def startup_progress() -> AbstractContextManager[Report]:
    """Yield a function that takes the current step, from any thread."""
    show = _live_line if console.err.is_terminal else _log
    return show("Starting Temporal, NetBox and Git")


@contextmanager
def _live_line(step: str) -> Iterator[Report]:
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), text, TimeElapsedColumn())
    with Progress(*columns, console=console.err, transient=True) as progress:
        task = progress.add_task(step)
        yield lambda step: progress.update(task, description=step)


@contextmanager
def _log(step: str) -> Iterator[Report]:
    log = _Log(step)
    Thread(target=log.repeat, daemon=True).start()
    try:
        yield log.report
    finally:
        log.ended.set()


class _Log:
    def __init__(self, step: str) -> None:
        self.ended = Event()
        self._step = step
        console.err.print(step)

    def report(self, step: str) -> None:
        """Print a step, unless only its numbers have changed."""
        before, self._step = self._step, step
        if re.sub(r"\d+", "", step) != re.sub(r"\d+", "", before):
            console.err.print(step)

    def repeat(self) -> None:
        """Print the latest step every few seconds: long ones count or just take time."""
        while not self.ended.wait(LOG_INTERVAL_SECONDS):
            console.err.print(f"{self._step} ...")
