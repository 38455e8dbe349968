"""The worker's folder of mirrors: who may use one, and when one is deleted.

Beside each mirror is its lock file, whose time of modification says when the mirror was last used. Processes may
share the folder: nobody deletes a mirror that another one has locked, and one that is deleted is fetched again.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

MAX_UNUSED_SECONDS: Final = 7 * 24 * 3600.0
"""Long enough for a fabric that is paused or does not answer for some days."""

MAX_CACHE_BYTES: Final = 10 * 1024**3
"""For all mirrors; those that were not used for the longest time are deleted beyond that."""

OWNER_ONLY: Final = 0o700


@contextmanager
def locked(mirror: Path, timeout: float) -> Iterator[None]:
    """Lock and use `mirror`; raises `filelock.Timeout` after `timeout` seconds."""
    for folder in (mirror.parent.parent, mirror.parent):
        folder.mkdir(OWNER_ONLY, parents=True, exist_ok=True)
    with _lock(mirror, timeout):
        os.utime(_get_lock_file(mirror))
        yield


def mark_used(mirror: Path) -> None:
    """Note that somebody still follows what `mirror` holds."""
    with suppress(OSError):  # it was deleted, or its disk has an error that the next fetch explains
        os.utime(_get_lock_file(mirror))


def measure(mirror: Path) -> int:
    """Return the bytes of the packs in `mirror`, which are nearly all of it."""
    with (
        suppress(FileNotFoundError, NotADirectoryError),
        os.scandir(mirror / "objects" / "pack") as packs,
    ):
        return sum(pack.stat().st_size for pack in packs)
    return 0


def delete(mirror: Path) -> None:
    """Delete `mirror`, whatever is in its place, as far as the disk allows."""
    with suppress(OSError):
        mirror.unlink()  # also a link, and never what it leads to
    shutil.rmtree(mirror, ignore_errors=True)


def remove_unfinished(mirror: Path) -> None:
    """Remove what git leaves in a locked `mirror` when it is killed."""
    for pattern in ("objects/pack/tmp_*", "*.lock", "refs/**/*.lock"):
        for path in mirror.glob(pattern):
            path.unlink(missing_ok=True)


def prune(folder: Path) -> None:
    """Delete mirrors in `folder` that were unused for long or are too much in all."""
    oldest = time.time() - MAX_UNUSED_SECONDS
    size = 0
    for last_used, mirror in sorted(_iter_mirrors(folder), reverse=True):
        size += measure(mirror)
        if last_used < oldest or size > MAX_CACHE_BYTES:
            _delete_unless_used(mirror, last_used)


def _iter_mirrors(folder: Path) -> Iterator[tuple[float, Path]]:
    for lock in folder.glob("*.lock"):
        with suppress(FileNotFoundError):  # another process has pruned it
            yield lock.stat().st_mtime, lock.with_suffix("")


def _delete_unless_used(mirror: Path, last_used: float) -> None:
    """Delete `mirror` if nobody has locked it or has used it since `last_used`."""
    lock = _get_lock_file(mirror)
    with suppress(Timeout), _lock(mirror, 0.0):
        if lock.stat().st_mtime == last_used:
            delete(mirror)
            if not mirror.exists():
                lock.unlink()  # whoever waits for it notices that, and creates it again


def _lock(mirror: Path, timeout: float) -> FileLock:
    return FileLock(_get_lock_file(mirror), timeout=timeout, mode=0o600)


def _get_lock_file(mirror: Path) -> Path:
    return mirror.with_suffix(".lock")
