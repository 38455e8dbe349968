"""A Dockerfile, read into the steps of its stages."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.support.paths import PROJECT

DOCKERFILE: Final = PROJECT / "deploy" / "Dockerfile"


@dataclass(frozen=True)
class Step:
    """One instruction and its arguments, without comments and line breaks."""

    instruction: str
    arguments: str

    @property
    def words(self) -> list[str]:
        """The arguments of an instruction in its JSON form, or separated by blanks."""
        if self.arguments.startswith("["):
            words: list[str] = json.loads(self.arguments)
            return words
        return self.arguments.split()


@dataclass(frozen=True)
class Stage:
    """The steps after a `FROM`: its base is an image or the name of another stage."""

    name: str
    base: str
    steps: tuple[Step, ...]


class Dockerfile:
    """The stages of a file."""

    def __init__(self, file: Path = DOCKERFILE) -> None:
        """Read `file`."""
        self._text = file.read_text()

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """All stages by their names, in their order."""
        defaults: dict[str, str] = {}
        stages: dict[str, Stage] = {}
        for step in self._steps():
            if step.instruction == "ARG" and not stages:
                name, _, default = step.arguments.partition("=")
                defaults[name] = default
            elif step.instruction == "FROM":
                base, _, name = step.words
                stages[name] = Stage(name, _replace_arguments(base, defaults), ())
            else:
                name, stage = stages.popitem()
                stages[name] = Stage(name, stage.base, (*stage.steps, step))
        return stages

    def lineage(self, target: str) -> list[Stage]:
        """Return a stage and those that it is from, the first one first."""
        stage = self.stages[target]
        return [*(self.lineage(stage.base) if stage.base in self.stages else ()), stage]

    def _steps(self) -> Iterator[Step]:
        lines = [line for line in self._text.splitlines() if not line.startswith("#")]
        for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
            if line.strip():
                instruction, _, arguments = line.strip().partition(" ")
                yield Step(instruction, arguments.strip())


def _replace_arguments(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)}", lambda found: values[found[1]], text)
