"""The CPU time of processes."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def read_cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU time so far, with that of children that have ended."""
    seconds = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds
