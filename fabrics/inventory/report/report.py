"""What a sync did to a fabric's inventory, in a form that messages and people can take."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel

MAX_FINDINGS: Final = 30
MAX_TEXT: Final = 300
"""Characters of each text of a finding."""

MAX_BYTES: Final = 5_000
"""All findings together, as JSON: a loop takes them along, and a message has its limits."""


class Problem(StrEnum):
    """What is the matter with an object that NetBox does not show as it should.

    `skipped`: it has no form in NetBox. `conflict`: somebody's own object is in its way, or hangs on
    it. `adoptable`: that object has our tag, so somebody offers it to us. `failed`: NetBox refused.
    """

    SKIPPED = "skipped"
    CONFLICT = "conflict"
    ADOPTABLE = "adoptable"
    FAILED = "failed"


class Finding(BaseModel, frozen=True):
    """A problem with one object; `what` is its `hh_key`, and `why` a sentence."""

    problem: Problem
    what: str
    why: str


class InventoryReport(BaseModel, frozen=True):
    """How many objects were written, and how many have which problem, with the first of these.

    `adopted` ones were people's before; the next sync brings them up to date.
    """

    created: int = 0
    updated: int = 0
    deleted: int = 0
    adopted: int = 0
    unchanged: int = 0
    problems: dict[Problem, int] = {}
    findings: tuple[Finding, ...] = ()

    @property
    def wrote(self) -> bool:
        """Whether anything changed in NetBox."""
        return bool(self.created or self.updated or self.deleted or self.adopted)


class DeletesWaiting(BaseModel, frozen=True):
    """Deletes that somebody has to confirm, by their `digest`; `counts` are by NetBox's models."""

    digest: str
    counts: dict[str, int]
    first: tuple[str, ...]


class InventoryOutcome(BaseModel, frozen=True):
    """What `update_inventory` answers.

    `live_digest` is that of the live state which NetBox shows now. `absences` are for the request of
    the next sync. `held` says why nothing at all was done; it is empty when all was.
    """

    live_digest: str
    report: InventoryReport = InventoryReport()
    absences: dict[str, int] = {}
    deletes_waiting: DeletesWaiting | None = None
    held: str = ""

    @property
    def pending(self) -> bool:
        """Whether the next sync has something to do even if nothing changes meanwhile."""
        open_problems = self.report.problems.keys() - {Problem.SKIPPED}
        return bool(self.held or self.absences or open_problems or self.report.adopted)


class InventoryProgress(BaseModel, frozen=True):
    """How far a pass is, as its heartbeats tell: so many of all writes are done."""

    done: int
    total: int
