"""The command line as operators run it: its output and its exit status."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from importlib import reload
from io import StringIO
from typing import Any, Final, TextIO, override
from unittest.mock import patch

from cli import app, console
from tests.support.paths import PROJECT

TIMEOUT_SECONDS: Final = 120

_in_command = ContextVar("_in_command", default=False)
"""Whether a command runs this code, in whatever thread."""

_one_at_a_time = ThreadPoolExecutor(1, "command", _in_command.set, (True,))
"""Runs commands, each of which has the environment and the standard streams for itself."""


@dataclass(frozen=True)
class Result:
    """The exit status and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The only line of output, which is JSON."""
        [line] = self.out.splitlines()
        document: dict[str, Any] = json.loads(line)
        return document

    @property
    def fabric(self) -> dict[str, Any]:
        """The only fabric in the JSON."""
        fabrics: list[dict[str, Any]] = self.json["fabrics"]
        assert len(fabrics) == 1
        return fabrics[0]

    def is_refused(self, sentence: str) -> bool:
        """True if the command exited with 2 and one stderr line with `sentence`."""
        lines = self.err.splitlines()
        matches = len(lines) == 1 and lines[0].startswith("starter.py: ") and sentence in lines[0]
        return matches and self.code == 2 and self.out == ""


class CommandLine:
    """Runs commands with these environment variables, in a thread of this process.

    They behave as in `StarterProcess`, but take no second of CPU for imports. Commands at the same time run one
    after the other.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def with_(self, **variables: str) -> "CommandLine":
        """Return the same command line with other variables."""
        return CommandLine({**self._variables, **variables})

    async def __call__(self, *arguments: str) -> Result:
        """Run a command without a terminal, and wait until it ends."""
        return await self._run(arguments, StringIO())

    async def run_with_answer(self, answer: str, *arguments: str) -> Result:
        """Run a command in a terminal in which somebody types `answer`."""
        controller, terminal = os.openpty()
        os.write(controller, f"{answer}\n".encode())
        try:
            with os.fdopen(terminal) as stdin:
                return await self._run(arguments, stdin)
        finally:
            os.close(controller)

    async def _run(self, arguments: tuple[str, ...], stdin: TextIO) -> Result:
        run = partial(_run_here, arguments, self._variables, stdin)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(_one_at_a_time, run)


OFFLINE: Final = CommandLine(
    {"TEMPORAL_ADDRESS": "127.0.0.1:1", "FABRIC_SYNC_NETBOX_URL": "http://127.0.0.1:1"}
)
"""Commands to which nothing answers."""


class StarterProcess:
    """Runs `starter.py` as operators do, as a process with these variables."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    async def __call__(self, *arguments: str) -> Result:
        """Run a command without a terminal, and wait until it ends."""
        completed = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "starter.py", *arguments],
            cwd=PROJECT,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert "Traceback" not in completed.stderr
        return Result(completed.returncode, completed.stdout, completed.stderr)


class _CommandOutput(StringIO):
    """What a command writes; what others write meanwhile goes to `stream`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    @override
    def write(self, text: str) -> int:
        return super().write(text) if _in_command.get() else self._stream.write(text)


def _run_here(arguments: tuple[str, ...], variables: Mapping[str, str], stdin: TextIO) -> Result:
    with ExitStack() as exits:
        out, err = _CommandOutput(sys.stdout), _CommandOutput(sys.stderr)
        exits.enter_context(redirect_stdout(out))
        exits.enter_context(redirect_stderr(err))
        exits.enter_context(patch.object(sys, "stdin", stdin))
        exits.enter_context(_environment(variables))
        exits.enter_context(_warnings_logged_to(err))
        reload(console)  # it looks at the streams and the environment once
        code = app.run(list(arguments))
    assert "Traceback" not in err.getvalue()
    return Result(code, out.getvalue(), err.getvalue())


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let the block have only these variables."""
    before = _get_environment()
    _set_environment(variables)
    try:
        yield
    finally:
        _set_environment(before)


def _get_environment() -> dict[str, str]:
    """Return all variables but those that pytest changes meanwhile."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}


def _set_environment(variables: Mapping[str, str]) -> None:
    # Those that stay, such as PATH, are never absent: other threads start programs meanwhile.
    for name in _get_environment().keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


@contextmanager
def _warnings_logged_to(stream: TextIO) -> Iterator[None]:
    """Log as Python does in a process in which nobody configures logging."""
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    logging.root.addHandler(handler)
    try:
        yield
    finally:
        logging.root.removeHandler(handler)
