"""`.demo.env`: what a second terminal needs to talk to a running demo."""

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from stack.cache import cache_dir, fingerprint
from stack.processes.supervisor import StackError


@contextmanager
def env_file(variables: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """A file of `export` lines that only its owner may read, gone at the end of the `with` block.

    It is called `.demo.env`, or `.demo-2.env` and so on where other demos of this folder still run.
    """
    with _reserve_path(folder) as path:
        _write_private_file(path, _format_exports(variables))
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _write_private_file(path: Path, text: str) -> None:
    try:
        path.unlink(missing_ok=True)  # left behind by a demo that was killed
        path.touch(mode=0o600)
        path.write_text(text)
    except OSError as error:
        raise StackError(
            f"{path} cannot be written ({error.strerror}); start the demo in a folder of your own."
        ) from None


def _format_exports(variables: Mapping[str, str]) -> str:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    programs = shlex.quote(str(Path(sys.prefix, "bin")))
    return "\n".join(
        [
            *lines,
            f'export PATH={programs}:"$PATH"',
            'export no_proxy=127.0.0.1,"${no_proxy:-$NO_PROXY}"',
            "",
        ]
    )


@contextmanager
def _reserve_path(folder: Path) -> Iterator[Path]:
    for number in count(1):
        path = folder.resolve() / (".demo.env" if number == 1 else f".demo-{number}.env")
        if lock := _try_lock(path):
            with lock:
                yield path
            return


def _try_lock(path: Path) -> FileLock | None:
    """The lock of that name, held; None where another demo holds it."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache_dir() / f"demo-{fingerprint(bytes(path))}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
