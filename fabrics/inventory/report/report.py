"""What a sync did to a fabric's inventory, in a form that messages and people can take."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel

MAX_FINDINGS: Final = 30
MAX_FINDING_TEXT_CHARS: Final = 300
"""Characters of each text of a finding."""

MAX_FINDINGS_BYTES: Final = 5_000
"""All findings together, as JSON: a loop takes them along, and a message has its limits."""


class FindingType(StrEnum):
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

    problem: FindingType
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
    problems: dict[FindingType, int] = {}
    findings: tuple[Finding, ...] = ()

    @property
    def has_changes(self) -> bool:
        """Whether anything changed in NetBox."""
        return bool(self.created or self.updated or self.deleted or self.adopted)


class DeletesWaiting(BaseModel, frozen=True):
    """Deletes that somebody has to confirm, by their `digest`; `counts` are by NetBox's models."""

    digest: str
    counts: dict[str, int]
    first: tuple[str, ...]


class InventoryOutcome(BaseModel, frozen=True):
    """What `update_inventory` answers.

    `live_digest` is that of the live state which NetBox shows now. `absence_counts` are for the request of
    the next sync. `held` says why nothing at all was done; it is empty when all was.
    """

    live_digest: str
    report: InventoryReport = InventoryReport()
    absence_counts: dict[str, int] = {}
    deletes_waiting: DeletesWaiting | None = None
    withheld: str = ""

    @property
    def has_pending_work(self) -> bool:
        """Whether the next sync has something to do even if nothing changes meanwhile."""
        open_problems = self.report.problems.keys() - {FindingType.SKIPPED}
        return bool(self.withheld or self.absence_counts or open_problems or self.report.adopted)


class InventoryProgress(BaseModel, frozen=True):
    """How far a pass is, as its heartbeats tell: so many of all writes are done."""

    done: int
    total: int
