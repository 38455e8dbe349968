"""The state of one fabric, and the one function that computes its status.

`LastKnownState` is what the syncs found; with the configuration it determines everything the record
shows. Nothing else may compute a status: what is stored together was computed together.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from operator import not_
from typing import Annotated, Final

from pydantic import BaseModel, Field

from fabrics.agents.health import HealthAssessment
from fabrics.agents.health_report import Health
from fabrics.drift.ages import DriftIds
from fabrics.drift.summary import SummaryEntry, truncate_entries
from fabrics.record.config import FabricConfig


class SyncStatus(StrEnum):
    """The status of a fabric, in the order in which the values apply."""

    NOT_CONFIGURED = "not_configured"
    DISABLED = "disabled"
    SYNCING = "syncing"
    PAUSED = "paused"
    NEVER_SYNCED = "never_synced"
    ERROR = "error"
    OUT_OF_SYNC = "out_of_sync"
    INVENTORY_ONLY = "inventory_only"
    IN_SYNC = "in_sync"


SWITCHED_OFF_STATUSES: Final = (SyncStatus.NOT_CONFIGURED, SyncStatus.DISABLED)
"""The statuses of fabrics that are not synced."""


class ConnectionStatus(StrEnum):
    """The state of the connection to the fabric's Kubernetes API as of the last sync."""

    UNKNOWN = "unknown"
    CONNECTED = "connected"
    ERROR = "error"


class Observation(BaseModel, frozen=True):
    """The result of reading both sources; a source without an error was read.

    `answered` is false if either did not answer, or too slowly. `counts` are live objects per kind; a kind
    that is suddenly empty or no longer served keeps its previous count. `problems` are sentences on
    unreadable parts of Git. `drift` has the first of `drift_count` entries (None if nothing was compared), `drifted`
    the ids of more of them (None also from a worker of an earlier release). Apart from these, `accepted_count` objects
    have differences that rules accept: `accepted_text` names the first, and `rule_notice` says what is to be done about
    the rules. `health` is None if no agents were read.
    """

    started: datetime
    answered: bool = True
    commit: str = ""
    desired_digest: str = ""
    live_digest: str = ""
    counts: dict[str, int] = {}
    drift_count: int | None = None
    drift: tuple[SummaryEntry, ...] = ()
    accepted_count: int = 0
    accepted_text: str = ""
    rule_notice: str = ""
    drifted: DriftIds | None = None
    problems: tuple[str, ...] = ()
    git_error: str = ""
    kubernetes_error: str = ""
    health: HealthAssessment | None = None

    @property
    def error(self) -> str:
        """All that went wrong, in sentences; empty if everything was read."""
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        unreadable = f"{self.problems[0]}{more}" if self.problems else ""
        return " ".join(filter(None, (self.kubernetes_error, self.git_error, unreadable)))


COMPARISON_RESULTS: Final = (
    "drift_count",
    "accepted_count",
    "accepted_text",
    "rule_notice",
)
"""What an observation says of the comparison of both sources, besides the drift itself."""


class SyncFailure(BaseModel, frozen=True):
    """The reason, in a sentence, why a sync made no observation."""

    message: str


class InventoryState(StrEnum):
    """The state of a fabric's inventory, in the order in which the values apply."""

    OFF = "off"
    RUNNING = "running"
    FAILED = "failed"
    WAITING = "waiting"
    """Something waits for a person."""
    BEHIND = "behind"
    UNKNOWN = "unknown"
    UP_TO_DATE = "up_to_date"


# What no rule accepts is left out: earlier releases store states without it, and compare hashes of them.
AcceptedCount = Annotated[int, Field(exclude_if=not_)]
AcceptedText = Annotated[str, Field(exclude_if=not_)]

PAUSED_HEALTH: Final = "The agents are not read while the fabric is paused."


class LastKnownState(BaseModel, frozen=True):
    """The last known state of a fabric; `last_sync` is when the latest sync began.

    After a failed sync `commit`, `counts`, `drift` and what is accepted are those of the last one that found them.
    `inventory_text` says what people should know of the inventory; empty if it is up to date or not synced.
    `health` is what the agents on the switches report, a second answer beside the status.
    """

    syncing: bool = False
    last_sync: datetime | None = None
    last_success: datetime | None = None
    error: str = ""
    connection_status: ConnectionStatus = ConnectionStatus.UNKNOWN
    connection_error: str = ""
    commit: str = ""
    drift_count: int | None = None
    drift: tuple[SummaryEntry, ...] = ()
    accepted_count: AcceptedCount = 0
    accepted_text: AcceptedText = ""
    rule_notice: AcceptedText = ""
    counts: dict[str, int] = {}
    inventory_text: str = ""
    health: Health = Health.UNKNOWN
    health_message: str = ""

    @property
    def rules_text(self) -> str:
        """What is to be done about the rules, and what they accept, for the record."""
        return " ".join(filter(None, (self.rule_notice, self.accepted_text)))[:500]

    def after_sync(self, observation: Observation, started: datetime) -> "LastKnownState":
        """Return the state after a sync begun at `started` that made `observation`."""
        failed = bool(observation.kubernetes_error)
        error = observation.error
        update: dict[str, object] = {
            "syncing": False,
            "last_sync": started,
            "error": error,
            "connection_error": observation.kubernetes_error,
            "connection_status": ConnectionStatus.ERROR if failed else ConnectionStatus.CONNECTED,
        }
        if not error:
            update["last_success"] = started
        if not observation.git_error:
            update["commit"] = observation.commit
        if not failed:
            update["counts"] = observation.counts
        if not (observation.git_error or failed):
            update |= {name: getattr(observation, name) for name in COMPARISON_RESULTS}
            # As the record has it: authors add to the size of what the sync has found.
            update["drift"] = truncate_entries(tuple(self._keep_committers(observation)))
        return self.model_copy(update=update)

    def _keep_committers(self, observation: Observation) -> Iterator[SummaryEntry]:
        """Yield the drift; while the commit stays, who made it stays known, too.

        Workers know it only of commits that came while they ran.
        """
        known = {entry.key: entry.committed_by for entry in self.drift}
        is_same = observation.commit == self.commit
        for entry in observation.drift:
            before = known.get(entry.key) if is_same else None
            yield replace(entry, committed_by=entry.committed_by or before)

    def with_health(self, health: Health, message: str) -> "LastKnownState":
        """Return the state after the health was judged."""
        return self.model_copy(update={"health": health, "health_message": message})

    def without_health(self) -> "LastKnownState":
        """Return the state of a fabric of whose agents nothing is known."""
        return self.model_copy(update={"health": Health.UNKNOWN, "health_message": ""})

    def valid_for(self, config: FabricConfig) -> "LastKnownState":
        """Return what can be true with this configuration.

        A connection needs a server; only a loop keeps an inventory up to date and watches health, unless it is paused.
        """
        unknown: dict[str, object] = {}
        if config.kubernetes is None:
            unknown |= {"connection_status": ConnectionStatus.UNKNOWN, "connection_error": ""}
        if not config.needs_loop:
            unknown |= {"inventory_text": "", "health": Health.UNKNOWN, "health_message": ""}
        elif config.paused and self.health is not Health.UNKNOWN:
            unknown |= {"health": Health.UNKNOWN, "health_message": PAUSED_HEALTH}
        return self.model_copy(update=unknown)

    def after_failure(self, failure: SyncFailure, started: datetime) -> "LastKnownState":
        """Return the state after a sync begun at `started` without an observation."""
        update = {"syncing": False, "last_sync": started, "error": failure.message}
        return self.model_copy(update=update)


def compute_sync_status(config: FabricConfig, last_known: LastKnownState) -> SyncStatus:  # noqa: PLR0911  one line a state
    """Return the status of a fabric: the first that applies."""
    if config.kubernetes is None:
        return SyncStatus.NOT_CONFIGURED
    if not config.is_switched_on:
        return SyncStatus.DISABLED
    if last_known.syncing:
        return SyncStatus.SYNCING
    if config.paused:
        return SyncStatus.PAUSED
    if last_known.last_sync is None and not config.has_invalid_id:
        return SyncStatus.NEVER_SYNCED
    if config.problems or last_known.error:
        return SyncStatus.ERROR
    if last_known.drift_count:
        return SyncStatus.OUT_OF_SYNC
    if config.git is None or last_known.drift_count is None:
        return SyncStatus.INVENTORY_ONLY
    return SyncStatus.IN_SYNC


def compute_status_error(config: FabricConfig, last_known: LastKnownState) -> str:
    """Return a fabric's error: unusable settings, then errors of the last sync.

    A running sync hides those of the last one.
    """
    error = "" if last_known.syncing else last_known.error
    return " ".join(filter(None, (*config.problems, error)))[:500]
