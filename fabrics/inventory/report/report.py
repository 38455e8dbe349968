"""The report of an inventory update, short enough for messages and people."""

from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.cabling import CablingFinding

MAX_FINDINGS: Final = 30
MAX_FINDING_TEXT_CHARS: Final = 300
"""The longest `what` and `why` of a finding, in characters each."""

MAX_FINDINGS_BYTES: Final = 5_000
"""The longest findings as JSON, in bytes: the size of a message is limited."""

MAX_CABLING_BYTES: Final = 2_000
"""The longest findings on cabling as JSON, in bytes; one with names of usual length takes some 200."""


class FindingType(StrEnum):
    """The reason why NetBox does not show an object as it should.

    `skipped`: NetBox cannot show it. `conflict`: an object that somebody made takes its place or depends on
    it. `adoptable`: so does an object that somebody gave the tag, to have it adopted. `failed`: NetBox
    refused the write. `waiting`: an object that it refers to could not be written. `unexpected`: the fabric has
    something else than is stated.
    """

    SKIPPED = "skipped"
    CONFLICT = "conflict"
    ADOPTABLE = "adoptable"
    FAILED = "failed"
    WAITING = "waiting"
    UNEXPECTED = "unexpected"


class Finding(BaseModel, frozen=True):
    """A problem with one object: `what` is its `hh_key`, `why` the reason in words."""

    problem: FindingType
    what: str
    why: str


class InventoryReport(BaseModel, frozen=True):
    """The numbers of writes and of objects with each problem, and the first findings.

    `adopted` counts objects that people made; the next pass brings them up to date.
    """

    created: int = 0
    updated: int = 0
    deleted: int = 0
    adopted: int = 0
    unchanged: int = 0
    problems: dict[FindingType, int] = {}
    findings: tuple[Finding, ...] = ()

    @property
    def writes(self) -> dict[str, int]:
        """The number of objects that changed in NetBox, by what was done to them."""
        return {
            "created": self.created,
            "updated": self.updated,
            "deleted": self.deleted,
            "adopted": self.adopted,
        }

    @property
    def has_changes(self) -> bool:
        """True if anything changed in NetBox."""
        return any(self.writes.values())


class DeletesWaiting(BaseModel, frozen=True):
    """Deletes that somebody has to confirm, with the `digest` that names them.

    `counts` are by NetBox model; `first` are the models and `hh_key`s of the first ones.
    """

    digest: str
    counts: dict[str, int]
    first: tuple[str, ...]


class InventoryOutcome(BaseModel, frozen=True):
    """The result of `update_inventory`.

    `live_digest` is that of the live state that NetBox shows now. `absence_counts` belong in the next pass's
    request. `withheld` says why nothing was done at all, or is empty. `breakouts` are the ports that a switch has
    divided otherwise than its Switch states; None if no agents were read. `cabling` are links that are cabled
    otherwise than stated (None if no agents were ever read), `cabling_seen` what the last reading alone shows,
    which the next one has to confirm.
    """

    result: Literal["outcome"] = "outcome"
    live_digest: str
    report: InventoryReport = InventoryReport()
    absence_counts: dict[str, int] = {}
    deletes_waiting: DeletesWaiting | None = None
    withheld: str = ""
    breakouts: tuple[BreakoutMismatch, ...] | None = None
    cabling: tuple[CablingFinding, ...] | None = None
    cabling_seen: tuple[CablingFinding, ...] | None = None

    @property
    def has_pending_work(self) -> bool:
        """True if the next pass has work to do even if nothing changes until then."""
        was_read = self.breakouts is not None
        unconfirmed = was_read and set(self.cabling_seen or ()) - set(self.cabling or ())
        open_problems = self.report.problems.keys() - {
            FindingType.SKIPPED,
            FindingType.UNEXPECTED,
        }
        pending = self.absence_counts or open_problems or self.report.adopted or unconfirmed
        return bool(self.withheld or pending)


class InventoryFailure(BaseModel, frozen=True):
    """The reason, in a sentence, why an inventory could not be brought up to date."""

    result: Literal["failure"] = "failure"
    message: str


CANCELLED: Final = InventoryFailure(message="its run was cancelled; a later sync tries it again.")


class InventoryProgress(BaseModel, frozen=True):
    """The progress of a pass, as in its heartbeats: how many of all writes are done."""

    done: int
    total: int
