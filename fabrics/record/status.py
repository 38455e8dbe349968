"""What is true of one fabric, and the one function that names its status.

`Facts` are what the syncs found out; with the configuration they determine everything the record
shows. Nothing else may compute a status: what is stored together was computed together.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from fabrics.drift import SummaryEntry
from fabrics.record.config import FabricConfig


class SyncStatus(StrEnum):
    """The states of a fabric, in the order in which they apply."""

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
"""The states without syncs."""


class ConnectionStatus(StrEnum):
    """Whether the fabric's Kubernetes API answered the last sync."""

    UNKNOWN = "unknown"
    CONNECTED = "connected"
    ERROR = "error"


class Observation(BaseModel, frozen=True):
    """What one look at Git and Kubernetes found. An empty error means that the source was read.

    `fabric_answered` is false where either kept silent, or answered too slowly.

    `counts` are live objects per kind, those of before for one that is suddenly empty or no longer
    served, `problems` sentences on unreadable parts of Git, `drift` the first entries of `drift_count`
    (None where nothing could be compared).
    """

    started: datetime
    answered: bool = True
    commit: str = ""
    desired_digest: str = ""
    live_digest: str = ""
    counts: dict[str, int] = {}
    drift_count: int | None = None
    drift: tuple[SummaryEntry, ...] = ()
    problems: tuple[str, ...] = ()
    git_error: str = ""
    kubernetes_error: str = ""

    @property
    def error(self) -> str:
        """One sentence on everything that went wrong, empty when all was read."""
        more = len(self.problems) - 1
        unreadable = (
            self.problems[0] + (f" (and {more} more)" if more else "") if self.problems else ""
        )
        return " ".join(filter(None, (self.kubernetes_error, self.git_error, unreadable)))


class LastKnownState(BaseModel, frozen=True):
    """What is known of a fabric from its syncs. `last_sync` is when the latest one started.

    `inventory` is what people should see to in NetBox's inventory of it.

    After a failed sync `commit`, `counts` and `drift` are those of the last one that found them.
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
    counts: dict[str, int] = {}
    inventory_issues: str = ""

    def after_sync(
        self, observation: Observation, started: datetime, inventory_error: str = ""
    ) -> "LastKnownState":
        """The facts once a sync that began at `started` has ended with `seen`.

        `inventory_error` says why NetBox's inventory is not as it should be, though the fabric was read.
        """
        error = " ".join(filter(None, (observation.error, inventory_error)))
        found: dict[str, object] = {
            "syncing": False,
            "last_sync": started,
            "error": error,
            "connection_error": observation.kubernetes_error,
            "connection_status": ConnectionStatus.ERROR
            if observation.kubernetes_error
            else ConnectionStatus.CONNECTED,
        }
        if not error:
            found["last_success"] = started
        if not observation.git_error:
            found["commit"] = observation.commit
        if not observation.kubernetes_error:
            found["counts"] = observation.counts
        if not (observation.git_error or observation.kubernetes_error):
            found |= {"drift_count": observation.drift_count, "drift": observation.drift}
        return self.model_copy(update=found)

    def valid_for(self, config: FabricConfig) -> "LastKnownState":
        """What of the facts can be true of a fabric so configured: no server, no connection."""
        if config.kubernetes is not None:
            return self
        unknown = {"connection_status": ConnectionStatus.UNKNOWN, "connection_error": ""}
        return self.model_copy(update=unknown)

    def after_failure(self, error: str, started: datetime) -> "LastKnownState":
        """The facts once a sync that began at `started` broke off without an observation."""
        return self.model_copy(update={"syncing": False, "last_sync": started, "error": error})


def compute_sync_status(config: FabricConfig, last_known: LastKnownState) -> SyncStatus:  # noqa: PLR0911  one line a state
    """The status of a fabric: the first that applies."""
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
    """The sentence that goes with the status `error`: unusable settings first, then the last sync."""
    return " ".join(filter(None, (*config.problems, last_known.error)))[:500]
