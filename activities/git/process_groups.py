"""Run a program in a process group of its own, with bounds on time and output.

The whole group ends with the program, however that ends. What git and ssh start would otherwise run on after a
timeout, and become zombies of a worker that is the first process of its container, since nobody else waits for them.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

CHUNK_BYTES: Final = 256 * 1024
MAX_ERROR_BYTES: Final = 64 * 1024
"""The end of what a program says on stderr; a Git server can make git say any number of lines."""

ANY_DIRECTORY: Final = "/"
"""Where programs start. Another thread may be creating the one that a program works on."""


@dataclass(frozen=True)
class CompletedGroup:
    """A program that has ended. Its status is negative if a signal ended it."""

    status: int
    output: bytes
    errors: bytes
    timed_out: bool


def run_group(
    command: Sequence[str],
    environment: Mapping[str, str],
    stdin: IO[bytes],
    *,
    deadline: float,
    max_output_bytes: int,
) -> CompletedGroup:
    """Run `command`, and kill it at `deadline` (in the time of `time.monotonic`).

    Also killed is what has written `max_output_bytes`; slightly more may be returned. Files that it creates are for
    this user only. Raises `OSError` if it cannot be started.
    """
    with subprocess.Popen(  # noqa: S603  the arguments are constants
        command,
        cwd=ANY_DIRECTORY,
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        umask=0o077,
        start_new_session=True,
        restore_signals=False,  # SIGXFSZ stays ignored: git says that a file is too large
    ) as process:
        output, errors = bytearray(), bytearray()
        try:
            timed_out = _read(process, output, errors, deadline, max_output_bytes)
        finally:
            _end(process)
    if len(errors) == MAX_ERROR_BYTES:
        del errors[: errors.find(b"\n") + 1]  # nobody knows how the line that was cut began
    return CompletedGroup(process.returncode, bytes(output), bytes(errors), timed_out)


def _read(
    process: subprocess.Popen[bytes],
    output: bytearray,
    errors: bytearray,
    deadline: float,
    max_output_bytes: int,
) -> bool:
    """Read until the program has ended or written too much; True if neither in time."""
    has_ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(has_ended, selectors.EVENT_READ)
            for stream, received in ((process.stdout, output), (process.stderr, errors)):
                assert stream is not None  # noqa: S101  we asked for pipes
                selector.register(stream, selectors.EVENT_READ, received)
            while selector.get_map() and len(output) < max_output_bytes:
                seconds = deadline - time.monotonic()
                if seconds <= 0:
                    return True
                for key, _ in selector.select(seconds):
                    if key.fd == has_ended:
                        _kill(process)  # what it has left behind may keep the pipes open
                    elif chunk := os.read(key.fd, CHUNK_BYTES):
                        key.data.extend(chunk)
                        continue
                    selector.unregister(key.fileobj)
                del errors[:-MAX_ERROR_BYTES]
    finally:
        os.close(has_ended)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group, and wait for it."""
    _kill(process)
    process.wait()
    # Orphans of the group are children of this process only where no other init process adopts them.
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-process.pid, 0)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the group of a program that was not waited for: its id is still its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
