"""A real worker process, its CPU time and its memory."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.installation.cpu_time import read_cpu_seconds
from stack.processes.supervisor import Service, Supervisor

WORKER_SCRIPT: Final = Path(__file__).parents[2] / "worker.py"


@dataclass(frozen=True)
class WorkerProcess:
    """A running worker with all processes that it has started."""

    service: Service

    def read_cpu_seconds(self) -> float:
        """Return the CPU time so far, with that of children that have ended."""
        return read_cpu_seconds(self.service.list_processes())

    def read_memory_mb(self) -> float:
        """Return the memory in use, in MB; shared pages count once."""
        processes = self.service.list_processes()
        return sum(process.memory_full_info().pss for process in processes) / 1e6


@contextmanager
def worker_process(log_dir: Path, settings: Mapping[str, str]) -> Iterator[WorkerProcess]:
    """Run `worker.py` until the block ends."""
    with closing(Supervisor(log_dir)) as supervisor:
        yield WorkerProcess(
            supervisor.start("Worker", [sys.executable, WORKER_SCRIPT], env=settings)
        )
