"""The state of a fabric's inventory in its loop, and when a pass over it is due.

Even with nothing to write, comparing with NetBox costs several requests. So there is no pass while its inputs
are unchanged; a full sync now and then reverts what people have changed in NetBox.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, PlainSerializer

from fabrics.agents.cabling import CablingFinding
from fabrics.inventory.report.report import (
    DeletesWaiting,
    FindingType,
    InventoryOutcome,
    InventoryProgress,
    InventoryReport,
)
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.inventory_pass import InventoryInputs, InventoryPass, PassResult
from fabrics.record.sync_status import InventoryState

FAILURE_PREFIX = "The inventory in NetBox is not up to date: "


def _name_values(finding: CablingFinding) -> dict[str, object]:
    return finding._asdict()


type NamedCablingFinding = Annotated[CablingFinding, PlainSerializer(_name_values)]
"""A finding that is an object in JSON, for programs, and no list of values."""


class InventoryStatus(BaseModel, frozen=True):
    """An inventory's status for people and programs.

    `report` belongs to the pass that began at `mirrored`, the last one that brought NetBox up to date.
    `behind_since` is when a sync first found what NetBox does not show yet. `failure` says why the last pass
    failed. `last_sync` is the number of the sync at whose end the last pass began that has ended, 0 if there
    was none. The loop does not know the `progress` of a running pass; readers add it. `cabling` are links that
    are cabled otherwise than the fabric's objects state, as two readings of the switches agree; None if
    nobody has read them.
    """

    state: InventoryState = InventoryState.UNKNOWN
    progress: InventoryProgress | None = None
    mirrored: datetime | None = None
    behind_since: datetime | None = None
    failure: str = ""
    last_sync: int = 0
    report: InventoryReport | None = None
    deletes_waiting: DeletesWaiting | None = None
    cabling: tuple[NamedCablingFinding, ...] | None = None

    @property
    def needs_attention(self) -> bool:
        """True if it takes a person to resolve what is left."""
        problems = self.report.problems.keys() if self.report else set()
        waiting = self.deletes_waiting is not None or bool(problems - {FindingType.SKIPPED})
        return waiting or bool(self.failure)


class Inventory(BaseModel, frozen=True):
    """One fabric's inventory as its loop knows it.

    `observed` is what the syncs have found since `observed_since`, unless the last one left the fabric `unread`.
    `applied` is what NetBox shows since the last pass that succeeded. After a failure NetBox is `unverified`, and
    compared although nothing has changed.
    `full_sync` and `adopt_sync` are the numbers of the last syncs that were asked for a comparison and for
    adoption, 0 if that is done. `confirmed_digest` names the deletes that were confirmed. `last_attempt` is
    when the last pass began, None if the next one need not wait.
    """

    observed: InventoryInputs | None = None
    observed_since: datetime | None = None
    unread: bool = False
    applied: InventoryInputs | None = None
    behind_since: datetime | None = None
    running: InventoryPass | None = None
    full_sync: int = 0
    adopt_sync: int = 0
    confirmed_digest: str = ""
    unverified: bool = False
    failure: str = ""
    mirrored_at: datetime | None = None
    outcome: InventoryOutcome | None = None
    last_attempt: datetime | None = None
    last_sync: int = 0

    @property
    def deletes_waiting(self) -> DeletesWaiting | None:
        """The deletes that somebody has to confirm."""
        return self.outcome.deletes_waiting if self.outcome else None

    @property
    def is_requested(self) -> bool:
        """True if a person waits for a pass."""
        return bool(self.full_sync or self.adopt_sync or self.confirmed_digest)

    def find_running(self, token: str) -> InventoryPass | None:
        """Return the running pass if it has this token."""
        return self.running if self.running and self.running.token == token else None

    def was_asked_since(self, begun: InventoryPass) -> bool:
        """True if a person waits for something that this pass did not carry."""
        confirmed = self.confirmed_digest not in {"", begun.confirmed_digest}
        return confirmed or max(self.full_sync, self.adopt_sync) > begun.sync

    def status(self, *, enabled: bool) -> InventoryStatus:
        """Return the status to show."""
        status = InventoryStatus(
            mirrored=self.mirrored_at,
            behind_since=self.behind_since,
            failure=self.failure,
            last_sync=self.last_sync,
            report=self.outcome.report if self.outcome else None,
            deletes_waiting=self.deletes_waiting,
            cabling=self.outcome.cabling if self.outcome else None,
        )
        states = {
            InventoryState.OFF: not enabled,
            InventoryState.RUNNING: self.running is not None,
            InventoryState.FAILED: bool(self.failure),
            InventoryState.WAITING: status.needs_attention,
            InventoryState.BEHIND: self.behind_since is not None,
            InventoryState.UNKNOWN: self.mirrored_at is None,
            InventoryState.UP_TO_DATE: True,
        }
        state = next(state for state, applies in states.items() if applies)
        return status.model_copy(update={"state": state})

    def after_sync(
        self, inputs: InventoryInputs, number: int, started: datetime, request: SyncRequest
    ) -> "Inventory":
        """Return the inventory after the sync of that number observed `inputs`."""
        is_behind = inputs != self.applied
        update: dict[str, object] = {
            "observed": inputs,
            "unread": False,
            "observed_since": started if inputs != self.observed else self.observed_since,
            "behind_since": (self.behind_since or started) if is_behind else None,
            "full_sync": number if request.full else self.full_sync,
            "adopt_sync": number if request.adopt else self.adopt_sync,
        }
        if request.full or request.adopt:
            update["last_attempt"] = None
        return self.model_copy(update=update)

    def after_unread_sync(self) -> "Inventory":
        """Return the inventory after a sync that could not read the fabric."""
        return self.model_copy(update={"unread": True, "unverified": True})

    def ask_for_pass(self) -> "Inventory":
        """Return the inventory with a pass due, although nothing else has changed."""
        return self.model_copy(update={"unverified": True})

    def is_due(self, now: datetime, max_age: timedelta, retry_interval: timedelta) -> bool:
        """True if a pass is needed: changes, requests, pending work, or old age.

        What failed or is pending is tried again after `retry_interval`, unless a person asks for it. Nothing is due
        after a sync that could not read the fabric, since an absence counts once for each observation.
        """
        if self.observed is None or self.unread:
            return False
        may_retry = self.last_attempt is None or now - self.last_attempt >= retry_interval
        if self.failure:
            return may_retry
        expired = self.mirrored_at is None or now - self.mirrored_at >= max_age
        unfinished = self.outcome is not None and self.outcome.has_pending_work
        pending = unfinished or self.deletes_waiting is not None
        changed = self.observed != self.applied or self.unverified
        return changed or expired or self.is_requested or (pending and may_retry)

    def begin(self, started_pass: InventoryPass) -> "Inventory":
        """Return the inventory while a pass runs."""
        return self.model_copy(
            update={"running": started_pass, "last_attempt": started_pass.started}
        )

    def note_run(self, run_id: str) -> "Inventory":
        """Return the inventory with the run of its pass."""
        assert self.running is not None  # noqa: S101  only a pass that began has a run
        running = self.running.model_copy(update={"run_id": run_id})
        return self.model_copy(update={"running": running})

    def note_cancelled(self) -> "Inventory":
        """Return the inventory with its pass cancelled, which ends soon."""
        assert self.running is not None  # noqa: S101  only a running pass can be cancelled
        running = self.running.model_copy(update={"is_cancelled": True})
        return self.model_copy(update={"running": running})

    def drop_pass(self) -> "Inventory":
        """Return the inventory without a pass that never began."""
        return self.model_copy(update={"running": None, "last_attempt": None})

    def end(self, result: PassResult) -> "Inventory":
        """Return the inventory after its pass; what was asked of a failed one stays."""
        assert self.running is not None  # noqa: S101  only what has begun can end
        ended = self.model_copy(update={"running": None, "last_sync": self.running.sync})
        failure = failure_sentence(result)
        if failure or not isinstance(result, InventoryOutcome):
            shown = "" if self.running.is_cancelled else failure
            return ended.model_copy(update={"failure": shown, "unverified": True})
        return ended._after_success(self.running, result)

    def _after_success(self, done: InventoryPass, outcome: InventoryOutcome) -> "Inventory":
        applied = done.inputs.model_copy(update={"live_digest": outcome.live_digest})
        waiting = outcome.deletes_waiting
        # A confirmation that arrived during the pass is for the next one.
        still_waits = waiting is not None and waiting.digest == self.confirmed_digest
        is_new = self.confirmed_digest != done.confirmed_digest
        return self.model_copy(
            update={
                "applied": applied,
                "behind_since": None if applied == self.observed else self.observed_since,
                "full_sync": 0 if self.full_sync <= done.sync else self.full_sync,
                "adopt_sync": 0 if self.adopt_sync <= done.sync else self.adopt_sync,
                "confirmed_digest": self.confirmed_digest if still_waits and is_new else "",
                "unverified": False,
                "failure": "",
                "mirrored_at": done.started,
                "outcome": outcome,
            }
        )

    def validate_confirmation(self, digest: str) -> None:
        """Raise ValueError unless the waiting deletes are those with this digest."""
        if self.deletes_waiting is None:
            raise ValueError("no deletes need confirmation")
        if self.deletes_waiting.digest != digest:
            raise ValueError("the pending deletes have changed; review them again")

    def confirm_deletes(self, digest: str) -> "Inventory":
        """Return the inventory with the waiting deletes confirmed."""
        return self.model_copy(update={"confirmed_digest": digest, "last_attempt": None})


def failure_sentence(result: PassResult) -> str:
    """Return why the pass failed; empty if it succeeded."""
    reason = result.withheld if isinstance(result, InventoryOutcome) else result.message
    return f"{FAILURE_PREFIX}{reason}" if reason else ""
