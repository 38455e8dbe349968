"""The CPU time of processes."""

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil


def read_cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU time so far, with that of children that have ended.

    Only the latter has a resolution of 10 ms, in which `/proc` counts.
    """
    seconds = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess, OSError):
            times = process.cpu_times()
            own = time.clock_gettime(_get_cpu_clock(process.pid))
            seconds += own + times.children_user + times.children_system
    return seconds


def _get_cpu_clock(pid: int) -> int:
    """Return the id of a process's clock, as clock_getcpuclockid(3) does on Linux."""
    return (~pid << 3) | 2
