"""A terminal in which a demo runs, and what is left of it afterwards."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import psutil

from tests.support.paths import PROJECT

STARTER = PROJECT / "starter.py"
COMMAND = [sys.executable, str(STARTER), "demo"]


class Terminal:
    """A demo that somebody watches: its process, and all that it has written to the terminal."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        controller, terminal = pty.openpty()
        self.process = subprocess.Popen(
            COMMAND,
            cwd=folder,
            env=environment(temporary) | {"TERM": "xterm", "COLUMNS": "160", "LINES": "50"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self._written: list[bytes] = []
        self._reader = Thread(target=self._read, args=(controller,))
        self._reader.start()

    @property
    def screen(self) -> str:
        """Everything so far, control sequences included."""
        return b"".join(self._written).decode(errors="replace")

    def press_ctrl_c(self) -> int:
        """What the terminal does then: a signal to all that runs in it; the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """The exit code, once the demo has ended."""
        code = self.process.wait(timeout=60)
        self._reader.join()
        return code

    def _read(self, controller: int) -> None:
        with open(controller, "rb", buffering=0) as output:
            while chunk := _chunk(output.fileno()):
                self._written.append(chunk)


@contextmanager
def terminal(folder: Path, temporary: Path) -> Iterator[Terminal]:
    """A demo in a terminal, interrupted at the end of the block if it still runs."""
    demo = Terminal(folder, temporary)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.press_ctrl_c()


def environment(temporary: Path) -> dict[str, str]:
    """A newcomer's environment: set up for other places, and with a proxy that knows none of this.

    The folder for temporary files is how a demo's processes are known.
    """
    elsewhere = {
        "FABRIC_SYNC_NETBOX_URL": "http://netbox.example.com",
        "TEMPORAL_ADDRESS": "temporal.example.com:7233",
        "http_proxy": "http://127.0.0.1:9",
    }
    return {**os.environ, **elsewhere, "TMPDIR": str(temporary)}


def processes_of(temporary: Path) -> list[psutil.Process]:
    """All processes that a demo with this folder for temporary files has started and that still run.

    Their `info` has `cmdline` and `environ`.
    """
    running = psutil.process_iter(["cmdline", "environ"])
    return [
        each
        for each in running  # what ends while it is looked at has no command line
        if (each.info["environ"] or {}).get("TMPDIR") == str(temporary)
        and each.info["cmdline"] is not None
    ]


def exported(env_file: Path, temporary: Path) -> dict[str, str]:
    """The environment of a newcomer's shell that has read the demo's settings."""
    shell = subprocess.run(
        ["bash", "-c", 'source "$0"; env -0', str(env_file)],
        env=environment(temporary),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)


def fabrics_in(output: str) -> dict[str, dict[str, Any]]:
    """The fabrics by name in the JSON on the last line of `output`."""
    return {fabric["name"]: fabric for fabric in json.loads(output.splitlines()[-1])["fabrics"]}


def _chunk(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody has the other end open any more
        return b""
