"""What a loop remembers of its fabric's inventory from sync to sync, and when it is to be looked at.

Even if there is nothing to write, a look at what NetBox holds costs a handful of requests. So a sync leaves the
inventory alone as long as nothing has changed that it follows from, except for a full one now and then,
which puts right what people have changed in NetBox.
"""

from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel

from fabrics.inventory.report.report import (
    DeletesWaiting,
    InventoryOutcome,
    InventoryProgress,
    InventoryReport,
    Problem,
)
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.active_sync import Turn
from fabrics.record.config import FabricConfig
from fabrics.record.status import Observation


class Basis(BaseModel, frozen=True):
    """All that an inventory follows from: both states and the configuration by digest, and the `rules`
    by the release that has them."""

    desired: str
    live: str
    config: str
    rules: str

    @classmethod
    def of(cls, seen: Observation, config: FabricConfig, release: str) -> Self:
        """What an inventory follows from now."""
        return cls(
            desired=seen.desired_digest, live=seen.live_digest, config=config.hash, rules=release
        )


class InventoryStatus(BaseModel, frozen=True):
    """What people and programs read of an inventory.

    `report` is of the sync that began at `mirrored`, the last one that brought NetBox up to date.
    `writing` means that one is at it now. Its loop does not hear of `progress`: readers add what they know.
    """

    writing: bool = False
    progress: InventoryProgress | None = None
    mirrored: datetime | None = None
    report: InventoryReport | None = None
    deletes_waiting: DeletesWaiting | None = None

    @property
    def needs_a_person(self) -> bool:
        """Whether syncs alone will not put it right."""
        problems = self.report.problems.keys() if self.report else set()
        return self.deletes_waiting is not None or bool(problems - {Problem.SKIPPED})


class Inventory(BaseModel, frozen=True):
    """One fabric's inventory as its loop knows it.

    `basis` is what NetBox was last made to show; None where that is not known, as after a failure.
    `under_way` is what it is made to show right now. `confirmed` are deletes that somebody agreed to.
    """

    basis: Basis | None = None
    under_way: Basis | None = None
    mirrored: datetime | None = None
    outcome: InventoryOutcome | None = None
    failed: bool = False
    confirmed: str = ""

    @property
    def deletes_waiting(self) -> DeletesWaiting | None:
        """Deletes that somebody has to confirm."""
        return self.outcome.deletes_waiting if self.outcome else None

    @property
    def status(self) -> InventoryStatus:
        """What to show of it."""
        return InventoryStatus(
            writing=self.under_way is not None,
            mirrored=self.mirrored,
            report=self.outcome.report if self.outcome else None,
            deletes_waiting=self.deletes_waiting,
        )

    def is_due(self, basis: Basis, started: datetime, longest: timedelta) -> bool:
        """Whether a sync that began at `started` has to look at it, be it that `longest` has passed."""
        long_ago = self.mirrored is None or started - self.mirrored >= longest
        return long_ago or self._is_pending or basis != self.basis

    def begun(self, basis: Basis) -> "Inventory":
        """The inventory while NetBox is made to show `basis`."""
        return self.model_copy(update={"under_way": basis})

    def request(self, config: FabricConfig, seen: Observation, turn: Turn) -> InventoryRequest:
        """What a sync asks for, after it saw the fabric."""
        return InventoryRequest(
            config=config,
            live_digest=seen.live_digest,
            counts=seen.counts,
            sync=turn.number,
            commit=seen.commit,
            absences=self.outcome.absences if self.outcome else {},
            confirmed=self.confirmed,
            adopt=turn.adopt,
        )

    def after(self, result: InventoryOutcome | str, started: datetime) -> "Inventory":
        """The inventory once the sync that began at `started` has brought it up to date, or why not."""
        assert self.under_way is not None  # noqa: S101  only what has begun can end
        if failure_of(result) or not isinstance(result, InventoryOutcome):
            return self.forgotten().model_copy(update={"failed": True})
        waiting = result.deletes_waiting
        agreed = waiting is not None and waiting.digest == self.confirmed
        return Inventory(
            basis=self.under_way.model_copy(update={"live": result.live_digest}),
            mirrored=started,
            outcome=result,
            # Somebody who agreed while this was under way has still to be heard.
            confirmed=self.confirmed if agreed else "",
        )

    def forgotten(self) -> "Inventory":
        """The inventory when it is no longer known to be up to date, so that the next sync is full."""
        return self.model_copy(update={"basis": None, "under_way": None})

    def check_waits(self, digest: str) -> None:
        """Raise ValueError unless the deletes that wait are those with this digest."""
        if self.deletes_waiting is None:
            raise ValueError("no deletes wait to be confirmed")
        if self.deletes_waiting.digest != digest:
            raise ValueError("the deletes that wait are others by now; look at them again")

    def confirm(self, digest: str) -> "Inventory":
        """The inventory once somebody agreed to the deletes that wait."""
        return self.model_copy(update={"confirmed": digest})

    @property
    def _is_pending(self) -> bool:
        unfinished = self.outcome is not None and self.outcome.pending
        return unfinished or bool(self.deletes_waiting or self.confirmed)


def failure_of(result: InventoryOutcome | str | None) -> str:
    """Why an inventory was not brought up to date; empty where it was, or did not have to be."""
    return result.held if isinstance(result, InventoryOutcome) else result or ""
