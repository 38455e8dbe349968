"""What the first start makes once for all checkouts of this user, kept in the cache directory.

An entry is a directory whose name says what it was made from. It is made under a file lock and
renamed into place when complete, so that a crash, or two first starts at once, cannot leave half
of one.
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
    """Return the directory `entry`; where it is missing, have `make(directory)` fill it first."""
    if not entry.exists():
        entry.parent.mkdir(parents=True, exist_ok=True)
        with _lock_entry(entry, supervisor, progress):
            if not entry.exists():
                _make_entry(entry, make)
    return entry


def _make_entry(entry: Path, make: Callable[[Path], None]) -> None:
    unfinished = entry.with_name(f"{entry.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a start that was killed
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
            progress(f"Waiting for another first start, which makes {entry.name}")
    try:
        yield
    finally:
        lock.release()
