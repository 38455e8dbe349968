"""Programs in process groups of their own, with bounds on time and output.

The whole group ends with the program, however that ends. What git, ssh and login programs start would otherwise run on
after a timeout, and become zombies of a worker that is the first process of its container, since nobody else waits for
them.
"""

import os
import selectors
import signal
from collections.abc import Iterable
from contextlib import suppress
from subprocess import CompletedProcess, Popen
from typing import Final

from activities.connections import Deadline

NETWORK_VARIABLES: Final = (
    *("PATH", "TMPDIR", "TZ"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)
"""What every program needs that reaches a host: where other programs, scratch space and CAs are, and the proxies."""

CHUNK_BYTES: Final = 256 * 1024
MAX_ERROR_BYTES: Final = 64 * 1024
"""The end of what a program says on stderr; a Git server can make git say any number of lines."""


def inherit_variables(names: Iterable[str]) -> dict[str, str]:
    """Return these of the worker's variables.

    A program needs no others, and some are secrets of other systems.
    """
    return {name: os.environ[name] for name in names if name in os.environ}


def communicate(
    process: Popen[bytes], deadline: Deadline, max_output_bytes: int
) -> CompletedProcess[bytes]:
    """Read from a program in a session of its own, and end its process group.

    One that has written `max_output_bytes` is killed; slightly more may be returned. What is not a pipe counts as
    empty. Raises `TimeoutError` at the deadline.
    """
    output, errors = bytearray(), bytearray()
    with process:
        try:
            _read(process, output, errors, deadline, max_output_bytes)
        finally:
            _end(process)
    if len(errors) == MAX_ERROR_BYTES:
        del errors[: errors.find(b"\n") + 1]  # nobody knows how the line that was cut began
    return CompletedProcess(process.args, process.returncode, bytes(output), bytes(errors))


def _read(
    process: Popen[bytes],
    output: bytearray,
    errors: bytearray,
    deadline: Deadline,
    max_output_bytes: int,
) -> None:
    """Read until the program has ended or written too much."""
    has_ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(has_ended, selectors.EVENT_READ)
            for stream, received in ((process.stdout, output), (process.stderr, errors)):
                if stream:
                    selector.register(stream, selectors.EVENT_READ, received)
            while selector.get_map() and len(output) < max_output_bytes:
                for key, _ in selector.select(deadline.count_seconds_left()):
                    if key.fd == has_ended:
                        _kill(process)  # what it has left behind may keep the pipes open
                    elif chunk := os.read(key.fd, CHUNK_BYTES):
                        key.data.extend(chunk)
                        continue
                    selector.unregister(key.fileobj)
                del errors[:-MAX_ERROR_BYTES]
    finally:
        os.close(has_ended)


def _end(process: Popen[bytes]) -> None:
    """Kill what is left of the group, and wait for it."""
    _kill(process)
    process.wait()
    # Orphans of the group are children of this process only where no other init process adopts them.
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-process.pid, 0)


def _kill(process: Popen[bytes]) -> None:
    """Kill the group of a program that was not waited for: its id is still its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
