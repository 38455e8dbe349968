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
from fabrics.loop.active_sync import SyncRequest, Trigger, Turn
from fabrics.loop.installation import Installation
from fabrics.loop.inventory_state import Basis, Inventory, failure_of
from fabrics.loop.inventory_text import open_sentence, waiting_sentence
from fabrics.loop.journal import Journal
from fabrics.loop.report import FabricStatus, SyncReport, sync_report
from fabrics.loop.schedule import Grid
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.status import Facts, Observation, SyncStatus, status_error, sync_status

KEPT_REPORTS: Final = 50
MIN_RECORD_RETRY: Final = timedelta(seconds=10)
MAX_RECORD_RETRY: Final = timedelta(seconds=60)
"""A NetBox that is down is asked again once a cycle within these bounds: soon enough that its record is
true again within a minute, seldom enough not to hold up short intervals."""

LOST_TASK: Final = timedelta(seconds=5)
"""A step of a loop that was killed with its worker is given to another after this long; Temporal's default is
10 s, in which the loop would neither sync nor answer. A step takes well under a second."""


def workflow_id(fabric_id: str) -> str:
    """The id of a fabric's loop in Temporal: one fabric cannot have two."""
    return f"fabric-sync/{fabric_id}"


def loop_summary(fabric_id: str) -> str:
    """What Temporal shows of a loop as long as it runs; not the name, which people change."""
    return f"keeps the fabric {fabric_id} in sync"


class Written(BaseModel, frozen=True):
    """What the record shows since our last write."""

    status: SyncStatus
    error: str
    facts: Facts


class FabricLoop(BaseModel):
    """Configuration and state of one fabric. A new loop needs only `fabric_id`."""

    fabric_id: str
    config: FabricConfig | None = None
    gone: bool = False
    elsewhere: bool = False
    """Another installation looks after the fabric; `record_error` says which."""
    missed_record: bool = False
    """The last look at NetBox did not find the record."""
    reload: bool = True
    edits: ConfigEdits = ConfigEdits()
    request: SyncRequest | None = None
    grid: Grid | None = None
    held: bool = False
    """Paused when the slots were last planned: those that passed meanwhile were nobody's."""
    turn: Turn | None = None
    facts: Facts = Facts()
    outdated: bool = False
    """What the last sync found may be about other sources than those that the record names."""
    answered: bool = True
    """Whether the fabric answered the last sync, be it with an error."""
    inventory: Inventory = Inventory()
    written: Written | None = None
    record_error: str = ""
    record_retry: datetime | None = None
    journal: Journal = Journal()
    reports: list[SyncReport] = []
    syncs: int = 0
    missed: int = 0
    ignored: str = ""
    installation: Installation = Installation()

    # -- what holds now ---------------------------------------------------------------------------

    @property
    def effective(self) -> FabricConfig | None:
        """The record's configuration with the edits that are still to be written over it."""
        return None if self.config is None else self.edits.over(self.config)

    @property
    def wanted(self) -> bool:
        """Whether the fabric should be synced, as far as is known."""
        lost = self.gone or self.elsewhere
        return not lost and self.effective is not None and self.effective.wants_a_loop

    @property
    def finished(self) -> bool:
        """Nobody wants this loop, and the record says so."""
        known = self.config is not None
        if self.gone or self.elsewhere:
            return not self.reload
        return known and not (self.wanted or self.reload or self.must_write)

    @property
    def must_write(self) -> bool:
        """Whether the record differs from what it should show, apart from the time of the last sync."""
        if self.gone or self.elsewhere or self.effective is None:
            return False
        if self.edits or self.journal.entry or self.written is None:
            return True
        shown = _written(self.effective, self.recorded)
        return _differs(shown, self.written) or self._heartbeat_is_due

    @property
    def recorded(self) -> Facts:
        """What the record should show: also that a sync is running, where somebody may be looking at it."""
        shown = self.turn is not None and self.turn.shown
        return self.facts.model_copy(update={"syncing": shown})

    @property
    def was_told(self) -> bool:
        """Whether a message came since the record was last read and written."""
        return self.record_retry is None and (self.reload or bool(self.edits))

    def sync_is_due(self, now: datetime) -> bool:
        """Whether a sync should begin: somebody asked, or a slot has come and the fabric is not paused."""
        if not self.wanted:
            return False
        if self.request is not None or self.grid is None or self.effective is None:
            return self.request is not None
        # Slots laid out for a pause or for another interval are planned anew before they count.
        planned = not self.held and self.grid.interval == self.effective.interval
        return planned and not self._paused and now >= self.grid.due

    @property
    def next_slot(self) -> datetime | None:
        """When the next sync is due; None while none is."""
        return self.grid.due if self.grid and self.wanted and not self._paused else None

    def exchange_is_due(self, now: datetime) -> bool:
        """Whether the record should be read or written now."""
        wanted = self.reload or self.must_write
        return wanted and (self.record_retry is None or now >= self.record_retry)

    def wake_at(self) -> datetime | None:
        """When there is something to do even if no message comes; None is never."""
        retry = self.record_retry if self.reload or self.must_write else None
        return min(filter(None, (retry, self.next_slot)), default=None)

    @property
    def settled_status(self) -> SyncStatus:
        """The status apart from a sync that is running now."""
        return (
            sync_status(self.effective, self.facts) if self.effective else SyncStatus.NEVER_SYNCED
        )

    def status(self) -> FabricStatus:
        """Everything known, for the query, the details and the command line."""
        config = self.effective or FabricConfig(
            fabric_id=self.fabric_id, name=self.fabric_id, record_id=0
        )
        facts = self.facts.model_copy(update={"syncing": self.turn is not None}).under(config)
        return FabricStatus(
            name=config.name,
            fabric_id=self.fabric_id,
            sync_status=sync_status(config, facts) if self.config else SyncStatus.NEVER_SYNCED,
            sync_interval=config.interval,
            paused=config.paused,
            pause_reason=config.pause_reason,
            next_sync=self.next_slot,
            sync_error=status_error(config, facts),
            netbox_error=self.record_error,
            ignored=self.ignored,
            inventory=self.inventory.status,
            syncs=self.syncs,
            missed=self.missed,
            **{name: getattr(facts, name) for name in _SHARED_WITH_FACTS},
        )

    # -- what events do ---------------------------------------------------------------------------

    def plan(self, now: datetime) -> None:
        """Lay out the slots: for the first time, after a new interval, or past those of a pause."""
        if not self.wanted or self.effective is None:
            return
        interval, last_sync = self.effective.interval, self.facts.last_sync
        if self.grid is None:
            self.grid = Grid.first(self.fabric_id, interval, last_sync, now)
        elif self.grid.interval != interval:
            self.grid = self.grid.replan(interval, last_sync, now)
        if self._paused or self.held:
            self.grid = self.grid.skip_to(now)
        self.held = self._paused

    def edit(self, edits: ConfigEdits) -> None:
        """People changed the configuration by a message; it counts from now and is written soon."""
        self.edits = self.edits.and_then(edits)
        self.record_retry = None

    def ask_for_sync(self, request: SyncRequest) -> int:
        """Queue one sync, coalesced with others that wait; the number it will have."""
        self.request = request | self.request
        return self.syncs + (2 if self.turn else 1)

    def begin(self, now: datetime) -> Turn:
        """A sync begins: take the request or the slot, and move the grid on."""
        self.plan(now)
        assert self.grid is not None  # noqa: S101  a sync is due only on a grid
        due, asked = self.grid.due, self.request
        self.grid, missed = self.grid.begin_manual(now) if asked else self.grid.begin(now)
        self.missed += missed
        self.request, self.outdated = None, False
        self.turn = Turn(
            number=self.syncs + 1,
            trigger=Trigger.MANUAL if asked else Trigger.SCHEDULE,
            slot=None if asked else due,
            started=now,
            missed=missed,
            full=asked is not None and asked.full,
            accept_empty=asked is not None and asked.accept_empty,
            adopt=asked is not None and asked.adopt,
            shown=asked is not None or self.facts.last_sync is None,
        )
        return self.turn

    def begin_inventory(self, seen: Observation) -> InventoryRequest | None:
        """What NetBox's inventory should now show; None where it does, or nobody knows or wants it."""
        assert self.turn is not None  # noqa: S101  only a sync that began has seen something
        assert self.effective is not None  # noqa: S101
        if seen.kubernetes_error or not (self.wanted and self.installation.inventory):
            return None
        config, turn = self.effective, self.turn
        basis = Basis.of(seen, config, self.installation.release)
        longest = timedelta(seconds=self.installation.full_sync_interval)
        if not (turn.full or turn.adopt or self.inventory.is_due(basis, turn.started, longest)):
            return None
        self.inventory = self.inventory.begun(basis)
        return self.inventory.request(config, seen, turn)

    def give_up(self) -> None:
        """The sync was stopped, as nobody wants it any more; whoever does again, wants it at once."""
        assert self.turn is not None  # noqa: S101  only a sync that began can be stopped
        again = SyncRequest(
            full=self.turn.full, accept_empty=self.turn.accept_empty, adopt=self.turn.adopt
        )
        self.turn, self.request = None, again | self.request
        self.inventory = self.inventory.forgotten()

    def end(
        self,
        result: Observation | str,
        mirrored: InventoryOutcome | str | None,
        now: datetime,
    ) -> SyncReport:
        """The sync ended with an observation, or broke off with a sentence that says why.

        `mirrored` is what became of the inventory, or why nothing did; None where it was left alone.
        """
        assert self.turn is not None  # noqa: S101  only a sync that began can end
        assert self.grid is not None  # noqa: S101
        assert self.effective is not None  # noqa: S101
        turn, self.turn = self.turn, None
        seen = result if isinstance(result, Observation) else None
        self.answered = seen is not None and seen.answered
        if mirrored is not None:
            self.inventory = self.inventory.after(mirrored, turn.started)
        if seen is None or seen.kubernetes_error:
            self.inventory = self.inventory.forgotten()
        self.facts = (
            self.facts.after(seen, turn.started, failure_of(mirrored))
            if seen
            else self.facts.after_failure(str(result), turn.started)
        )
        self.facts = self.facts.model_copy(update={"inventory": self._open_sentence})
        self.grid, overrun = self.grid.end(now)
        self.missed += overrun
        self.syncs = turn.number
        status, told = sync_status(self.effective, self.facts), self._told
        report = sync_report(
            turn, seen, mirrored, facts=told, status=status, ended=now, overrun=overrun
        )
        self.reports = [*self.reports, report][-KEPT_REPORTS:]
        self.journal = self.journal.after_sync(status, told, turn.started, self._waiting_sentence)
        return report

    def confirm_deletes(self, digest: str) -> int:
        """Somebody agreed to the deletes that wait: the number of the sync that does them."""
        self.inventory = self.inventory.confirm(digest)
        return self.ask_for_sync(SyncRequest())

    def record_read(
        self,
        config: FabricConfig | None,
        facts: Facts,
        installation: Installation,
        *,
        is_true: bool = True,
        was_off: bool = False,
    ) -> None:
        """The record was read: its configuration holds; its facts do for a loop that has none yet.

        `is_true` says whether its status is that of both; where it is not, it is written anew. `was_off` says
        that it still shows that nobody wanted syncs: what was edited meanwhile, no loop has seen.
        """
        # One look may have missed it; a second one, at once, settles whether the record is gone.
        self.elsewhere, self.gone = False, config is None and self.missed_record
        self.missed_record = config is None
        self.reload = self.reload or (self.missed_record and not self.gone)
        if config:
            edited = self.config is not None and config.sources != self.config.sources
            unseen = self.config is None and was_off and facts.last_sync is not None
            self.outdated = self.outdated or edited or unseen
            if self.outdated and not config.paused:
                self.ask_for_sync(SyncRequest())
            self.config = config
        if config and self.written:
            kept = is_true and not _differs(_written(config, facts), self.written)
            self.written = self.written if kept else None  # somebody else has written over it
        self.installation = installation
        self.record_error, self.record_retry = "", None
        if self.facts.last_sync is None and self.turn is None:
            self.facts = facts

    def record_written(self, facts: Facts, edits: ConfigEdits, entry: str) -> None:
        """The record now shows `facts`, and has taken `edits` and the journal `entry`."""
        self.edits = self.edits.without(edits)
        self.journal = self.journal.written(entry)
        if self.effective is not None:
            self.written = _written(self.effective, facts)

    def record_claimed(self, sentence: str) -> None:
        """Another installation has claimed the record, which ends this loop."""
        self.elsewhere, self.record_error = True, sentence

    def record_failed(self, sentence: str, now: datetime) -> None:
        """NetBox could not be read or written; it is asked again about one cycle later."""
        interval = timedelta(seconds=self.effective.interval if self.effective else 0)
        self.record_error = sentence
        self.record_retry = now + min(max(interval, MIN_RECORD_RETRY), MAX_RECORD_RETRY)

    # -- details ----------------------------------------------------------------------------------

    @property
    def _paused(self) -> bool:
        return self.effective is not None and self.effective.paused

    @property
    def _told(self) -> Facts:
        """The facts with all that is wrong, as the record shows it: settings that cannot be used come first."""
        assert self.effective is not None  # noqa: S101  only what was configured was synced
        error = status_error(self.effective, self.facts)
        return self.facts.model_copy(update={"error": error})

    @property
    def _open_sentence(self) -> str:
        kept = self.installation.inventory
        return open_sentence(self.inventory.status, self.fabric_id) if kept else ""

    @property
    def _waiting_sentence(self) -> str:
        waiting = self.inventory.deletes_waiting
        return waiting_sentence(waiting, self.fabric_id) if waiting else ""

    @property
    def _heartbeat_is_due(self) -> bool:
        """Whether this is the sync nearest to the heartbeat: the next may be too late for those who read it."""
        if self.facts.last_sync is None or self.written is None or self.effective is None:
            return False
        shown, last = self.written.facts.last_sync, self.facts.last_sync
        nearest = timedelta(seconds=self.installation.heartbeat - self.effective.interval / 2)
        return shown is None or (last > shown and last - shown >= nearest)


_SHARED_WITH_FACTS: Final = (
    "last_sync",
    "last_success",
    "connection_status",
    "connection_error",
    "commit",
    "drift_count",
    "drift",
    "counts",
)


def _written(config: FabricConfig, facts: Facts) -> Written:
    return Written(
        status=sync_status(config, facts),
        error=status_error(config, facts),
        facts=facts.under(config),
    )


def _differs(one: Written, other: Written) -> bool:
    return _without_times(one) != _without_times(other)


def _without_times(shown: Written) -> Written:
    return shown.model_copy(
        update={"facts": shown.facts.model_copy(update={"last_sync": None, "last_success": None})}
    )
