"""Distinct faults, and what became of them."""

from dataclasses import dataclass
from typing import NamedTuple

from tests.support.faults.faults import Dependency


class Triple(NamedTuple):
    """A distinct fault: what fails, how, and at which step."""

    dependency: Dependency
    fault: str
    step: str

    def __str__(self) -> str:
        return f"{self.dependency}, {self.fault} at {self.step}"


@dataclass(frozen=True)
class Outcome:
    """What a fault has cost: nothing, if it was survived."""

    triple: Triple
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.triple}: {'; '.join(self.problems) or 'survived'}"
