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
    FindingType,
    InventoryOutcome,
    InventoryProgress,
    InventoryReport,
)
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.active_sync import ActiveSync
from fabrics.record.config import FabricConfig
from fabrics.record.status import Observation


class InventoryInputs(BaseModel, frozen=True):
    """All that an inventory follows from: both states and the configuration by digest, and the `rules`
    by the release that has them."""

    desired_digest: str
    live_digest: str
    config_hash: str
    release: str

    @classmethod
    def from_observation(cls, observation: Observation, config: FabricConfig, release: str) -> Self:
        """What an inventory follows from now."""
        return cls(
            desired_digest=observation.desired_digest,
            live_digest=observation.live_digest,
            config_hash=config.hash,
            release=release,
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
    def needs_attention(self) -> bool:
        """Whether syncs alone will not put it right."""
        problems = self.report.problems.keys() if self.report else set()
        return self.deletes_waiting is not None or bool(problems - {FindingType.SKIPPED})


class Inventory(BaseModel, frozen=True):
    """One fabric's inventory as its loop knows it.

    `basis` is what NetBox was last made to show; None where that is not known, as after a failure.
    `in_progress` is what it is made to show right now. `confirmed_digest` are deletes that somebody agreed to.
    """

    last_applied: InventoryInputs | None = None
    in_progress: InventoryInputs | None = None
    mirrored_at: datetime | None = None
    outcome: InventoryOutcome | None = None
    failed: bool = False
    confirmed_digest: str = ""

    @property
    def deletes_waiting(self) -> DeletesWaiting | None:
        """Deletes that somebody has to confirm."""
        return self.outcome.deletes_waiting if self.outcome else None

    @property
    def status(self) -> InventoryStatus:
        """What to show of it."""
        return InventoryStatus(
            writing=self.in_progress is not None,
            mirrored=self.mirrored_at,
            report=self.outcome.report if self.outcome else None,
            deletes_waiting=self.deletes_waiting,
        )

    def is_due(self, inputs: InventoryInputs, started: datetime, max_age: timedelta) -> bool:
        """Whether a sync that began at `started` has to look at it, be it that `longest` has passed."""
        long_ago = self.mirrored_at is None or started - self.mirrored_at >= max_age
        return long_ago or self._has_pending_work or inputs != self.last_applied

    def begin_update(self, inputs: InventoryInputs) -> "Inventory":
        """The inventory while NetBox is made to show `basis`."""
        return self.model_copy(update={"in_progress": inputs})

    def build_request(
        self, config: FabricConfig, observation: Observation, active_sync: ActiveSync
    ) -> InventoryRequest:
        """What a sync asks for, after it saw the fabric."""
        return InventoryRequest(
            config=config,
            live_digest=observation.live_digest,
            expected_counts=observation.counts,
            sync_number=active_sync.number,
            commit=observation.commit,
            absence_counts=self.outcome.absence_counts if self.outcome else {},
            confirmed_digest=self.confirmed_digest,
            adopt=active_sync.adopt,
        )

    def finish_update(self, result: InventoryOutcome | str, started: datetime) -> "Inventory":
        """The inventory once the sync that began at `started` has brought it up to date, or why not."""
        assert self.in_progress is not None  # noqa: S101  only what has begun can end
        if failure_message(result) or not isinstance(result, InventoryOutcome):
            return self.invalidate().model_copy(update={"failed": True})
        waiting = result.deletes_waiting
        agreed = waiting is not None and waiting.digest == self.confirmed_digest
        return Inventory(
            last_applied=self.in_progress.model_copy(update={"live_digest": result.live_digest}),
            mirrored_at=started,
            outcome=result,
            # Somebody who agreed while this was under way has still to be heard.
            confirmed_digest=self.confirmed_digest if agreed else "",
        )

    def invalidate(self) -> "Inventory":
        """The inventory when it is no longer known to be up to date, so that the next sync is full."""
        return self.model_copy(update={"last_applied": None, "in_progress": None})

    def validate_confirmation(self, digest: str) -> None:
        """Raise ValueError unless the deletes that wait are those with this digest."""
        if self.deletes_waiting is None:
            raise ValueError("no deletes wait to be confirmed")
        if self.deletes_waiting.digest != digest:
            raise ValueError("the deletes that wait are others by now; look at them again")

    def confirm_deletes(self, digest: str) -> "Inventory":
        """The inventory once somebody agreed to the deletes that wait."""
        return self.model_copy(update={"confirmed_digest": digest})

    @property
    def _has_pending_work(self) -> bool:
        unfinished = self.outcome is not None and self.outcome.has_pending_work
        return unfinished or bool(self.deletes_waiting or self.confirmed_digest)


def failure_message(result: InventoryOutcome | str | None) -> str:
    """Why an inventory was not brought up to date; empty where it was, or did not have to be."""
    return result.withheld if isinstance(result, InventoryOutcome) else result or ""
