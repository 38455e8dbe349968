"""Progress of a long start: one line in a terminal, else one per step."""

import re
from types import TracebackType
from typing import Self

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli import console


class StartupProgress:
    """A context manager to call with the current step, from any thread."""

    def __init__(self) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=console.err, transient=True)
        self._task = self._progress.add_task("Starting Temporal, NetBox and Git")
        self._last_logged = ""

    def __enter__(self) -> Self:
        if console.err.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if console.err.is_terminal:
            self._progress.stop()

    def __call__(self, step: str) -> None:
        if console.err.is_terminal:
            self._progress.update(self._task, description=step)
        else:
            self._log_step(step)

    def _log_step(self, step: str) -> None:
        """Print a step, unless only its numbers have changed since the last one."""
        words = re.sub(r"\d+", "", step)
        if words != self._last_logged:
            self._last_logged = words
            console.err.print(step)
