"""What every measured scheduler offers: starts, kills, and the use of resources."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Literal, Self

import psutil

from bench.installation.cpu_time import read_cpu_seconds
from bench.measure.arrivals import ArrivalLog
from stack.processes.supervisor import Supervisor

PROJECT: Final = Path(__file__).parents[2]

KILL_TIMEOUT_SECONDS: Final = 30.0

type Role = Literal["worker", "server"]

ROLES: Final[tuple[Role, ...]] = ("worker", "server")


@dataclass(frozen=True)
class FleetSize:
    """A number of fabrics; their interval and a look's length are in seconds."""

    fabrics: int
    interval: int
    look_seconds: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `FABRICS@INTERVAL`, such as `1000@60`. Raises ValueError."""
        fabrics, separator, interval = text.partition("@")
        if not separator:
            raise ValueError(f"{text} is not FABRICS@INTERVAL, such as 1000@60")
        return cls(int(fabrics), int(interval))

    @property
    def fabric_ids(self) -> list[str]:
        """The fabric ids, which end with a number."""
        return [f"fabric-{number}" for number in range(self.fabrics)]


class Scheduler(ABC):
    """A scheduler that runs during a `with` block, with all its files in `folder`."""

    name: ClassVar[str]
    polls: ClassVar[str]
    """How it notices what is due."""

    def __init__(self, size: FleetSize) -> None:
        """Prepare a fleet of this size."""
        self.size = size
        self.folder = Path(tempfile.mkdtemp(prefix="fabric-sync-bench-"))
        self.arrivals = ArrivalLog(self.folder)
        self._supervisor = Supervisor(self.folder)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._stop()
        if error is None:  # otherwise the logs say why
            shutil.rmtree(self.folder)

    @abstractmethod
    def _start(self) -> None:
        """Start all processes and the first looks."""

    def _stop(self) -> None:
        self._supervisor.close()

    @abstractmethod
    def start_workers(self) -> None:
        """Start the workers, also after they were killed."""

    @abstractmethod
    def list_processes(self, role: Role) -> list[psutil.Process]:
        """List the running processes of the workers, or of all that they depend on."""

    @abstractmethod
    def read_lateness(self, since: float, until: float) -> list[float]:
        """Return the lateness of looks due in this period, by its own account."""

    @abstractmethod
    def list_planned(self) -> set[str]:
        """Return the fabric ids whose next look is planned, or waits for a worker."""

    def read_last_write(self) -> float:
        """Return when a record was last written, in seconds since the epoch; 0 if never."""
        return 0.0

    def kill_workers(self) -> None:
        """End all workers with SIGKILL."""
        kill(self.list_processes("worker"))

    def measure_cpu_seconds(self) -> dict[Role, float]:
        """Return the processor time that each role has used, ended children included."""
        return {role: read_cpu_seconds(self.list_processes(role)) for role in ROLES}

    def measure_memory(self) -> dict[Role, float]:
        """Return the resident memory of each role in bytes."""
        return {role: _sum_resident_bytes(self.list_processes(role)) for role in ROLES}


def kill(processes: list[psutil.Process]) -> None:
    """End processes with SIGKILL and wait until they are gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=KILL_TIMEOUT_SECONDS)


def _sum_resident_bytes(processes: Iterable[psutil.Process]) -> float:
    """Return the resident memory of all processes that have not ended meanwhile."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total
