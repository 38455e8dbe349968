"""The priority of processes that have a machine of their own in production."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

LOW_PRIORITY: Final = 10
"""Such a process takes a tenth of what an ordinary one gets, and makes way for it at once."""


def lower_priority(processes: Iterable[psutil.Process]) -> None:
    """Let processes, and all that they start later, have the CPU time others leave.

    Linux may compare priorities within a session only (sched(7), autogroup), so sessions get a low one, too.
    """
    for process in processes:
        with suppress(psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
            for thread in process.threads():
                os.setpriority(os.PRIO_PROCESS, thread.id, LOW_PRIORITY)
            Path(f"/proc/{process.pid}/autogroup").write_text(str(LOW_PRIORITY))
