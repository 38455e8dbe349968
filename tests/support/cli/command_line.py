"""The command line as operators run it: a process with output and an exit status."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.paths import PROJECT


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
    """Runs `starter.py` with these environment variables."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def with_(self, **variables: str) -> "CommandLine":
        """Return the same command line with other variables."""
        return CommandLine({**self._variables, **variables})

    async def __call__(self, *arguments: str) -> Result:
        """Run a command without a terminal, and wait until it ends."""
        completed = await asyncio.to_thread(self._run, subprocess.DEVNULL, arguments)
        assert "Traceback" not in completed.stderr
        return Result(completed.returncode, completed.stdout, completed.stderr)

    async def run_with_answer(self, answer: str, *arguments: str) -> Result:
        """Run a command in a terminal in which somebody types `answer`."""
        controller, terminal = os.openpty()
        os.write(controller, f"{answer}\n".encode())
        try:
            completed = await asyncio.to_thread(self._run, terminal, arguments)
        finally:
            os.close(controller)
            os.close(terminal)
        return Result(completed.returncode, completed.stdout, completed.stderr)

    def _run(self, stdin: int, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "starter.py", *arguments],
            cwd=PROJECT,
            env=self._variables,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
