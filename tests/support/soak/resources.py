"""What an installation uses of its host: processes, descriptors, threads, files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.soak.supervised_worker import SupervisedWorker, is_worker


@dataclass(frozen=True)
class HostUsage:
    """What workers use at one time.

    `processes` are the commands of all, also of orphans; `zombies` have ended, and nobody has asked for their result.
    `leftovers` are temporary files and those that an interrupted git has left in the cache.
    """

    processes: tuple[str, ...]
    zombies: int
    descriptors: int
    threads: int
    leftovers: tuple[str, ...]
    mirrors: int


def measure_usage(workers: Iterable[SupervisedWorker], folder: Path) -> HostUsage:
    """Measure workers with the folders `tmp` and `cache` in `folder`."""
    processes = [process for worker in workers for process in worker.list_processes()]
    own = [process for process in processes if is_worker(process)]
    return HostUsage(
        processes=tuple(sorted(_get_command(process) for process in list_processes(folder))),
        zombies=sum(process.status() == psutil.STATUS_ZOMBIE for process in processes),
        descriptors=sum(process.num_fds() for process in own),
        threads=sum(process.num_threads() for process in own),
        leftovers=tuple(sorted(_iter_leftovers(folder))),
        mirrors=sum(path.is_dir() for path in (folder / "cache" / "git").iterdir()),
    )


def list_processes(folder: Path) -> list[psutil.Process]:
    """List the processes with a variable that names this folder, of any parent.

    A worker has its temporary directory there, and git its repository.
    """
    return [
        process
        for process in psutil.process_iter(["environ"])
        if any(str(folder) in value for value in (process.info["environ"] or {}).values())
    ]


def _get_command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[:3])
    except psutil.NoSuchProcess:
        return "(ended)"


def _iter_leftovers(folder: Path) -> Iterator[str]:
    yield from (str(path) for path in (folder / "tmp").rglob("*"))
    for path in (folder / "cache" / "git").glob("*/**/*"):
        if path.name.startswith("tmp_") or path.suffix == ".lock":
            yield str(path)
