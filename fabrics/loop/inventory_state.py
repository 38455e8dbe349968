"""The state of a fabric's inventory in its loop, and when an update is due.

Even with nothing to write, comparing with NetBox costs several requests. So a sync skips the inventory
while its inputs are unchanged; a full sync now and then reverts what people have changed in NetBox.
"""

from datetime import datetime, timedelta

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
from fabrics.record.sync_status import Observation


class InventoryInputs(BaseModel, frozen=True):
    """The inputs of an inventory: both states, configuration and rules version."""

    desired_digest: str
    live_digest: str
    config_hash: str
    release: str


class InventoryStatus(BaseModel, frozen=True):
    """An inventory's status for people and programs.

    `report` belongs to the sync that began at `mirrored`, the last one that brought NetBox up to date.
    `writing` means that an update is running. The loop does not know its `progress`; readers add it.
    """

    writing: bool = False
    progress: InventoryProgress | None = None
    mirrored: datetime | None = None
    report: InventoryReport | None = None
    deletes_waiting: DeletesWaiting | None = None

    @property
    def needs_attention(self) -> bool:
        """True if it takes a person to resolve what is left."""
        problems = self.report.problems.keys() if self.report else set()
        return self.deletes_waiting is not None or bool(problems - {FindingType.SKIPPED})


class Inventory(BaseModel, frozen=True):
    """One fabric's inventory as its loop knows it.

    `last_applied` is what NetBox shows since the last update; None if unknown, as after a failure.
    `in_progress` is what a running update applies. `confirmed_digest` names the deletes that were confirmed.
    """

    last_applied: InventoryInputs | None = None
    in_progress: InventoryInputs | None = None
    mirrored_at: datetime | None = None
    outcome: InventoryOutcome | None = None
    failed: bool = False
    confirmed_digest: str = ""

    @property
    def deletes_waiting(self) -> DeletesWaiting | None:
        """The deletes that somebody has to confirm."""
        return self.outcome.deletes_waiting if self.outcome else None

    @property
    def status(self) -> InventoryStatus:
        """The status to show."""
        return InventoryStatus(
            writing=self.in_progress is not None,
            mirrored=self.mirrored_at,
            report=self.outcome.report if self.outcome else None,
            deletes_waiting=self.deletes_waiting,
        )

    def is_due(self, inputs: InventoryInputs, started: datetime, max_age: timedelta) -> bool:
        """True if anything changed, work is pending, or `max_age` has elapsed."""
        expired = self.mirrored_at is None or started - self.mirrored_at >= max_age
        unfinished = self.outcome is not None and self.outcome.has_pending_work
        pending = unfinished or bool(self.deletes_waiting or self.confirmed_digest)
        return expired or pending or inputs != self.last_applied

    def begin_update(self, inputs: InventoryInputs) -> "Inventory":
        """Return the inventory while an update applies `inputs`."""
        return self.model_copy(update={"in_progress": inputs})

    def build_request(
        self, config: FabricConfig, observation: Observation, active_sync: ActiveSync
    ) -> InventoryRequest:
        """Return the request for an update with what a sync observed."""
        return InventoryRequest(
            config=config,
            live_digest=observation.live_digest,
            expected_counts=observation.counts,
            sync_number=active_sync.number,
            commit=observation.commit,
            absence_counts=self.outcome.absence_counts if self.outcome else {},
            confirmed_digest=self.confirmed_digest,
            adopt=active_sync.request.adopt,
        )

    def finish_update(self, result: InventoryOutcome | str, started: datetime) -> "Inventory":
        """Return the inventory after an update at `started`; a failed one stays due."""
        assert self.in_progress is not None  # noqa: S101  only what has begun can end
        if failure_message(result) or not isinstance(result, InventoryOutcome):
            return self.invalidate().model_copy(update={"failed": True})
        waiting = result.deletes_waiting
        confirmed = waiting is not None and waiting.digest == self.confirmed_digest
        return Inventory(
            last_applied=self.in_progress.model_copy(update={"live_digest": result.live_digest}),
            mirrored_at=started,
            outcome=result,
            # A confirmation that arrived during the update is for the next one.
            confirmed_digest=self.confirmed_digest if confirmed else "",
        )

    def invalidate(self) -> "Inventory":
        """Return the inventory marked as outdated, so that the next sync updates it."""
        return self.model_copy(update={"last_applied": None, "in_progress": None})

    def validate_confirmation(self, digest: str) -> None:
        """Raise ValueError unless the waiting deletes are those with this digest."""
        if self.deletes_waiting is None:
            raise ValueError("no deletes need confirmation")
        if self.deletes_waiting.digest != digest:
            raise ValueError("the pending deletes have changed; review them again")

    def confirm_deletes(self, digest: str) -> "Inventory":
        """Return the inventory with the waiting deletes confirmed."""
        return self.model_copy(update={"confirmed_digest": digest})


def failure_message(result: InventoryOutcome | str | None) -> str:
    """Return why the update failed; empty if it succeeded or none was due."""
    return result.withheld if isinstance(result, InventoryOutcome) else result or ""
