"""A terminal in which a demo runs, and the processes and settings of that demo."""

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
    """A demo in a terminal: its process, and everything that it has written."""

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
        """Everything written so far, including control sequences."""
        return b"".join(self._written).decode(errors="replace")

    def press_ctrl_c(self) -> int:
        """Interrupt every process in the terminal, and return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait until the demo ends, and return its exit code."""
        code = self.process.wait(timeout=60)
        self._reader.join()
        return code

    def _read(self, controller: int) -> None:
        with open(controller, "rb", buffering=0) as output:
            while chunk := _read_chunk(output.fileno()):
                self._written.append(chunk)


@contextmanager
def terminal(folder: Path, temporary: Path) -> Iterator[Terminal]:
    """Run a demo in a terminal, and interrupt it after the block."""
    demo = Terminal(folder, temporary)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.press_ctrl_c()


def environment(temporary: Path) -> dict[str, str]:
    """Return an environment with foreign settings and an unreachable proxy.

    A demo's processes are found by their folder for temporary files.
    """
    variables = {
        "FABRIC_SYNC_NETBOX_URL": "http://netbox.example.com",
        "TEMPORAL_ADDRESS": "temporal.example.com:7233",
        "http_proxy": "http://127.0.0.1:9",
    }
    return {**os.environ, **variables, "TMPDIR": str(temporary)}


def find_processes(temporary: Path) -> list[psutil.Process]:
    """Return the running processes of the demo with this folder for temporary files.

    Their `info` has `cmdline` and `environ`.
    """
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if (process.info["environ"] or {}).get("TMPDIR") == str(temporary)
        and process.info["cmdline"] is not None  # it has ended meanwhile
    ]


def read_exports(env_file: Path, temporary: Path) -> dict[str, str]:
    """Return the environment of a shell that has sourced the demo's settings."""
    shell = subprocess.run(
        ["bash", "-c", 'source "$0"; env -0', str(env_file)],
        env=environment(temporary),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)


def parse_fabrics(output: str) -> dict[str, dict[str, Any]]:
    """Return the fabrics by name from the JSON on the last line of `output`."""
    return {fabric["name"]: fabric for fabric in json.loads(output.splitlines()[-1])["fabrics"]}


def _read_chunk(controller: int) -> bytes:
    try:
        return os.read(controller, 65536)
    except OSError:  # the last process in the terminal has ended
        return b""
