"""The state of one fabric's loop, and what each event does to it.

The workflow `FabricSync` decides when something happens; this module decides what it means. All of
it is one pydantic value, so that it is the workflow's single input and passes whole through
continue-as-new. Every method takes the time it needs as an argument.
"""

from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel

from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.active_sync import ActiveSync, SyncRequest, Trigger
from fabrics.loop.installation import Installation
from fabrics.loop.inventory_state import Inventory, InventoryInputs, failure_message
from fabrics.loop.inventory_text import attention_sentence, deletes_waiting_sentence
from fabrics.loop.journal import Journal
from fabrics.loop.record_link import RecordLink
from fabrics.loop.report import FabricStatus, SyncReport, build_sync_report
from fabrics.loop.schedule import Schedule
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.status import (
    LastKnownState,
    Observation,
    SyncStatus,
    compute_status_error,
    compute_sync_status,
)

MAX_REPORTS: Final = 50
MIN_RECORD_RETRY: Final = timedelta(seconds=10)
MAX_RECORD_RETRY: Final = timedelta(seconds=60)
"""A NetBox that is down is asked again once a cycle within these bounds: soon enough that its record is
true again within a minute, seldom enough not to hold up short intervals."""

WORKFLOW_TASK_TIMEOUT: Final = timedelta(seconds=5)
"""A step of a loop that was killed with its worker is given to another after this long; Temporal's default is
10 s, in which the loop would neither sync nor answer. A step takes well under a second."""


def workflow_id(fabric_id: str) -> str:
    """The id of a fabric's loop in Temporal: one fabric cannot have two."""
    return f"fabric-sync/{fabric_id}"


def loop_summary(fabric_id: str) -> str:
    """What Temporal shows of a loop as long as it runs; not the name, which people change."""
    return f"keeps the fabric {fabric_id} in sync"


class WrittenStatus(BaseModel, frozen=True):
    """What the record shows since our last write."""

    status: SyncStatus
    error: str
    last_known: LastKnownState


class FabricLoop(BaseModel):
    """Configuration and state of one fabric. A new loop needs only `fabric_id`."""

    fabric_id: str
    config: FabricConfig | None = None
    record_link: RecordLink = RecordLink.PRESENT
    needs_reload: bool = True
    pending_edits: ConfigEdits = ConfigEdits()
    sync_request: SyncRequest | None = None
    schedule: Schedule | None = None
    was_paused: bool = False
    """Paused when the slots were last planned: those that passed meanwhile were nobody's."""
    active_sync: ActiveSync | None = None
    last_known: LastKnownState = LastKnownState()
    sources_changed: bool = False
    """What the last sync found may be about other sources than those that the record names."""
    fabric_answered: bool = True
    """Whether the fabric answered the last sync, be it with an error."""
    inventory: Inventory = Inventory()
    last_written: WrittenStatus | None = None
    record_error: str = ""
    record_retry_at: datetime | None = None
    journal: Journal = Journal()
    reports: list[SyncReport] = []
    syncs: int = 0
    missed: int = 0
    ignored_message: str = ""
    installation: Installation = Installation()

    # -- what holds now ---------------------------------------------------------------------------

    @property
    def effective_config(self) -> FabricConfig | None:
        """The record's configuration with the edits that are still to be written over it."""
        return None if self.config is None else self.pending_edits.apply_to(self.config)

    @property
    def is_needed(self) -> bool:
        """Whether the fabric should be synced, as far as is known."""
        lost = self.record_link.is_lost
        return not lost and self.effective_config is not None and self.effective_config.needs_loop

    @property
    def is_finished(self) -> bool:
        """Nobody wants this loop, and the record says so."""
        known = self.config is not None
        if self.record_link.is_lost:
            return not self.needs_reload
        return known and not (self.is_needed or self.needs_reload or self.needs_write)

    @property
    def needs_write(self) -> bool:
        """Whether the record differs from what it should show, apart from the time of the last sync."""
        if self.record_link.is_lost or self.effective_config is None:
            return False
        if self.pending_edits or self.journal.pending_entry or self.last_written is None:
            return True
        shown = _build_written_status(self.effective_config, self.state_to_record)
        return _differs(shown, self.last_written) or self._is_heartbeat_due

    @property
    def state_to_record(self) -> LastKnownState:
        """What the record should show: also that a sync is running, where somebody may be looking at it."""
        shown = self.active_sync is not None and self.active_sync.is_shown_in_record
        return self.last_known.model_copy(update={"syncing": shown})

    @property
    def has_new_message(self) -> bool:
        """Whether a message came since the record was last read and written."""
        return self.record_retry_at is None and (self.needs_reload or bool(self.pending_edits))

    def is_sync_due(self, now: datetime) -> bool:
        """Whether a sync should begin: somebody asked, or a slot has come and the fabric is not paused."""
        if not self.is_needed:
            return False
        if self.sync_request is not None or self.schedule is None or self.effective_config is None:
            return self.sync_request is not None
        # Slots laid out for a pause or for another interval are planned anew before they count.
        planned = not self.was_paused and self.schedule.interval == self.effective_config.interval
        return planned and not self._is_paused and now >= self.schedule.next_slot

    @property
    def next_slot(self) -> datetime | None:
        """When the next sync is due; None while none is."""
        return (
            self.schedule.next_slot
            if self.schedule and self.is_needed and not self._is_paused
            else None
        )

    def is_record_exchange_due(self, now: datetime) -> bool:
        """Whether the record should be read or written now."""
        wanted = self.needs_reload or self.needs_write
        return wanted and (self.record_retry_at is None or now >= self.record_retry_at)

    def next_wake_time(self) -> datetime | None:
        """When there is something to do even if no message comes; None is never."""
        retry = self.record_retry_at if self.needs_reload or self.needs_write else None
        return min(filter(None, (retry, self.next_slot)), default=None)

    @property
    def last_known_status(self) -> SyncStatus:
        """The status apart from a sync that is running now."""
        return (
            compute_sync_status(self.effective_config, self.last_known)
            if self.effective_config
            else SyncStatus.NEVER_SYNCED
        )

    def status(self) -> FabricStatus:
        """Everything known, for the query, the details and the command line."""
        config = self.effective_config or FabricConfig(
            fabric_id=self.fabric_id, name=self.fabric_id, record_id=0
        )
        facts = self.last_known.model_copy(
            update={"syncing": self.active_sync is not None}
        ).valid_for(config)
        return FabricStatus(
            name=config.name,
            fabric_id=self.fabric_id,
            sync_status=compute_sync_status(config, facts)
            if self.config
            else SyncStatus.NEVER_SYNCED,
            sync_interval=config.interval,
            paused=config.paused,
            pause_reason=config.pause_reason,
            next_sync=self.next_slot,
            sync_error=compute_status_error(config, facts),
            netbox_error=self.record_error,
            ignored=self.ignored_message,
            inventory=self.inventory.status,
            syncs=self.syncs,
            missed=self.missed,
            **{name: getattr(facts, name) for name in _LAST_KNOWN_FIELDS},
        )

    # -- what events do ---------------------------------------------------------------------------

    def update_schedule(self, now: datetime) -> None:
        """Lay out the slots: for the first time, after a new interval, or past those of a pause."""
        if not self.is_needed or self.effective_config is None:
            return
        interval, last_sync = self.effective_config.interval, self.last_known.last_sync
        if self.schedule is None:
            self.schedule = Schedule.initial(self.fabric_id, interval, last_sync, now)
        elif self.schedule.interval != interval:
            self.schedule = self.schedule.replan(interval, last_sync, now)
        if self._is_paused or self.was_paused:
            self.schedule = self.schedule.skip_to(now)
        self.was_paused = self._is_paused

    def apply_edits(self, edits: ConfigEdits) -> None:
        """People changed the configuration by a message; it counts from now and is written soon."""
        self.pending_edits = self.pending_edits.merge(edits)
        self.record_retry_at = None

    def request_sync(self, request: SyncRequest) -> int:
        """Queue one sync, coalesced with others that wait; the number it will have."""
        self.sync_request = request | self.sync_request
        return self.syncs + (2 if self.active_sync else 1)

    def begin_sync(self, now: datetime) -> ActiveSync:
        """A sync begins: take the request or the slot, and move the grid on."""
        self.update_schedule(now)
        assert self.schedule is not None  # noqa: S101  a sync is due only on a grid
        due, asked = self.schedule.next_slot, self.sync_request
        self.schedule, missed = (
            self.schedule.begin_manual(now) if asked else self.schedule.begin_scheduled(now)
        )
        self.missed += missed
        self.sync_request, self.sources_changed = None, False
        self.active_sync = ActiveSync(
            number=self.syncs + 1,
            trigger=Trigger.MANUAL if asked else Trigger.SCHEDULE,
            slot=None if asked else due,
            started=now,
            missed=missed,
            full=asked is not None and asked.full,
            accept_empty=asked is not None and asked.accept_empty,
            adopt=asked is not None and asked.adopt,
            is_shown_in_record=asked is not None or self.last_known.last_sync is None,
        )
        return self.active_sync

    def begin_inventory(self, observation: Observation) -> InventoryRequest | None:
        """What NetBox's inventory should now show; None where it does, or nobody knows or wants it."""
        assert self.active_sync is not None  # noqa: S101  only a sync that began has seen something
        assert self.effective_config is not None  # noqa: S101
        if observation.kubernetes_error or not (
            self.is_needed and self.installation.inventory_enabled
        ):
            return None
        config, turn = self.effective_config, self.active_sync
        basis = InventoryInputs.from_observation(observation, config, self.installation.release)
        longest = timedelta(seconds=self.installation.full_sync_interval)
        if not (turn.full or turn.adopt or self.inventory.is_due(basis, turn.started, longest)):
            return None
        self.inventory = self.inventory.begin_update(basis)
        return self.inventory.build_request(config, observation, turn)

    def cancel_sync(self) -> None:
        """The sync was stopped, as nobody wants it any more; whoever does again, wants it at once."""
        assert self.active_sync is not None  # noqa: S101  only a sync that began can be stopped
        again = SyncRequest(
            full=self.active_sync.full,
            accept_empty=self.active_sync.accept_empty,
            adopt=self.active_sync.adopt,
        )
        self.active_sync, self.sync_request = None, again | self.sync_request
        self.inventory = self.inventory.invalidate()

    def end_sync(
        self,
        result: Observation | str,
        inventory_result: InventoryOutcome | str | None,
        now: datetime,
    ) -> SyncReport:
        """The sync ended with an observation, or broke off with a sentence that says why.

        `mirrored` is what became of the inventory, or why nothing did; None where it was left alone.
        """
        assert self.active_sync is not None  # noqa: S101  only a sync that began can end
        assert self.schedule is not None  # noqa: S101
        assert self.effective_config is not None  # noqa: S101
        turn, self.active_sync = self.active_sync, None
        seen = result if isinstance(result, Observation) else None
        self.fabric_answered = seen is not None and seen.answered
        if inventory_result is not None:
            self.inventory = self.inventory.finish_update(inventory_result, turn.started)
        if seen is None or seen.kubernetes_error:
            self.inventory = self.inventory.invalidate()
        self.last_known = (
            self.last_known.after_sync(seen, turn.started, failure_message(inventory_result))
            if seen
            else self.last_known.after_failure(str(result), turn.started)
        )
        self.last_known = self.last_known.model_copy(
            update={"inventory_issues": self._inventory_issues_text}
        )
        self.schedule, overrun = self.schedule.end(now)
        self.missed += overrun
        self.syncs = turn.number
        status, told = (
            compute_sync_status(self.effective_config, self.last_known),
            self._state_with_config_errors,
        )
        report = build_sync_report(
            turn, seen, inventory_result, last_known=told, status=status, ended=now, overrun=overrun
        )
        self.reports = [*self.reports, report][-MAX_REPORTS:]
        self.journal = self.journal.after_sync(
            status, told, turn.started, self._waiting_deletes_text
        )
        return report

    def confirm_deletes(self, digest: str) -> int:
        """Somebody agreed to the deletes that wait: the number of the sync that does them."""
        self.inventory = self.inventory.confirm_deletes(digest)
        return self.request_sync(SyncRequest())

    def on_record_read(
        self,
        config: FabricConfig | None,
        last_known: LastKnownState,
        installation: Installation,
        *,
        is_consistent: bool = True,
        was_switched_off: bool = False,
    ) -> None:
        """The record was read: its configuration holds; its facts do for a loop that has none yet.

        `is_true` says whether its status is that of both; where it is not, it is written anew. `was_switched_off` says
        that it still shows that nobody wanted syncs: what was edited meanwhile, no loop has seen.
        """
        # One look may have missed it; a second one, at once, settles whether the record is gone.
        self.record_link = self.record_link.after_read(found=config is not None)
        self.needs_reload = self.needs_reload or self.record_link is RecordLink.MISSING
        if config:
            edited = self.config is not None and config.sources != self.config.sources
            unseen = self.config is None and was_switched_off and last_known.last_sync is not None
            self.sources_changed = self.sources_changed or edited or unseen
            if self.sources_changed and not config.paused:
                self.request_sync(SyncRequest())
            self.config = config
        if config and self.last_written:
            kept = is_consistent and not _differs(
                _build_written_status(config, last_known), self.last_written
            )
            self.last_written = (
                self.last_written if kept else None
            )  # somebody else has written over it
        self.installation = installation
        self.record_error, self.record_retry_at = "", None
        if self.last_known.last_sync is None and self.active_sync is None:
            self.last_known = last_known

    def on_record_written(self, last_known: LastKnownState, edits: ConfigEdits, entry: str) -> None:
        """The record now shows `facts`, and has taken `edits` and the journal `entry`."""
        self.pending_edits = self.pending_edits.remaining_after(edits)
        self.journal = self.journal.after_write(entry)
        if self.effective_config is not None:
            self.last_written = _build_written_status(self.effective_config, last_known)

    def on_owned_by_other(self, error: str) -> None:
        """Another installation has claimed the record, which ends this loop."""
        self.record_link, self.record_error = RecordLink.OTHER_OWNER, error

    def on_record_error(self, error: str, now: datetime) -> None:
        """NetBox could not be read or written; it is asked again about one cycle later."""
        interval = timedelta(seconds=self.effective_config.interval if self.effective_config else 0)
        self.record_error = error
        self.record_retry_at = now + min(max(interval, MIN_RECORD_RETRY), MAX_RECORD_RETRY)

    # -- details ----------------------------------------------------------------------------------

    @property
    def _is_paused(self) -> bool:
        return self.effective_config is not None and self.effective_config.paused

    @property
    def _state_with_config_errors(self) -> LastKnownState:
        """The facts with all that is wrong, as the record shows it: settings that cannot be used come first."""
        assert self.effective_config is not None  # noqa: S101  only what was configured was synced
        error = compute_status_error(self.effective_config, self.last_known)
        return self.last_known.model_copy(update={"error": error})

    @property
    def _inventory_issues_text(self) -> str:
        kept = self.installation.inventory_enabled
        return attention_sentence(self.inventory.status, self.fabric_id) if kept else ""

    @property
    def _waiting_deletes_text(self) -> str:
        waiting = self.inventory.deletes_waiting
        return deletes_waiting_sentence(waiting, self.fabric_id) if waiting else ""

    @property
    def _is_heartbeat_due(self) -> bool:
        """Whether this is the sync nearest to the heartbeat: the next may be too late for those who read it."""
        if (
            self.last_known.last_sync is None
            or self.last_written is None
            or self.effective_config is None
        ):
            return False
        shown, last = self.last_written.last_known.last_sync, self.last_known.last_sync
        nearest = timedelta(
            seconds=self.installation.netbox_heartbeat - self.effective_config.interval / 2
        )
        return shown is None or (last > shown and last - shown >= nearest)


_LAST_KNOWN_FIELDS: Final = (
    "last_sync",
    "last_success",
    "connection_status",
    "connection_error",
    "commit",
    "drift_count",
    "drift",
    "counts",
)


def _build_written_status(config: FabricConfig, last_known: LastKnownState) -> WrittenStatus:
    return WrittenStatus(
        status=compute_sync_status(config, last_known),
        error=compute_status_error(config, last_known),
        last_known=last_known.valid_for(config),
    )


def _differs(one: WrittenStatus, other: WrittenStatus) -> bool:
    return _strip_times(one) != _strip_times(other)


def _strip_times(status: WrittenStatus) -> WrittenStatus:
    return status.model_copy(
        update={
            "last_known": status.last_known.model_copy(
                update={"last_sync": None, "last_success": None}
            )
        }
    )
