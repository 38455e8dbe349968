"""Cached results of the first start, shared by all checkouts of one user.

A cache entry is a directory; its name has a hash of its inputs. It is made under a file lock and
renamed into place when complete, so a crash or a concurrent first start cannot leave part of one.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from stack.processes.supervisor import Supervisor

Progress = Callable[[str], None]


def cache_dir() -> Path:
    return platformdirs.user_cache_path("fabric-sync")


def fingerprint(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def get_or_make(
    entry: Path, make: Callable[[Path], None], supervisor: Supervisor, progress: Progress
) -> Path:
    """Return the directory `entry`; `make(directory)` fills it if it is missing."""
    if not entry.exists():
        entry.parent.mkdir(parents=True, exist_ok=True)
        with _lock_entry(entry, supervisor, progress):
            if not entry.exists():
                _make_entry(entry, make)
    return entry


def _make_entry(entry: Path, make: Callable[[Path], None]) -> None:
    unfinished = entry.with_name(f"{entry.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # left by a start that was killed
    unfinished.mkdir()
    make(unfinished)
    unfinished.rename(entry)


@contextmanager
def _lock_entry(entry: Path, supervisor: Supervisor, progress: Progress) -> Iterator[None]:
    lock = FileLock(entry.with_name(f"{entry.name}.lock"))
    while not lock.is_locked:
        supervisor.check_not_closed()  # wait in short steps, so that Ctrl-C ends the wait
        try:
            lock.acquire(timeout=1)
        except Timeout:
            progress(f"Waiting for another first start, which is preparing {entry.name}")
    try:
        yield
    finally:
        lock.release()
