"""The command line as operators run it: a process of its own, its output and its exit status."""

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
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its one line of JSON."""
        [line] = self.out.splitlines()
        document: dict[str, Any] = json.loads(line)
        return document

    @property
    def fabric(self) -> dict[str, Any]:
        """The one fabric in its JSON."""
        fabrics: list[dict[str, Any]] = self.json["fabrics"]
        assert len(fabrics) == 1
        return fabrics[0]

    def refused(self, sentence: str) -> bool:
        """Whether it ended as every refusal does: nothing done, one sentence that has these words."""
        lines = self.err.splitlines()
        said = len(lines) == 1 and lines[0].startswith("starter.py: ") and sentence in lines[0]
        return said and self.code == 2 and self.out == ""


class CommandLine:
    """`starter.py` with these environment variables."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def with_(self, **variables: str) -> "CommandLine":
        """The same with other variables."""
        return CommandLine({**self._variables, **variables})

    async def __call__(self, *arguments: str) -> Result:
        """Run it to its end."""
        done = await asyncio.to_thread(self._run, subprocess.DEVNULL, arguments)
        assert "Traceback" not in done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    async def answered(self, answer: str, *arguments: str) -> Result:
        """Run it on a terminal where somebody types `answer`."""
        terminal, end = os.openpty()
        os.write(terminal, f"{answer}\n".encode())
        try:
            done = await asyncio.to_thread(self._run, end, arguments)
        finally:
            os.close(terminal)
            os.close(end)
        return Result(done.returncode, done.stdout, done.stderr)

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
