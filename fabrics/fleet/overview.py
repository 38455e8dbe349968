"""One fabric as its readers see it: what the record says, what the loop says, what follows from both.

The loop knows more and knows it sooner, the record is there even without a worker. That a fabric has
gone stale is stored by nobody: whoever would have to write it is the one that stopped.
"""

from datetime import datetime, timedelta
from typing import Any

from fabrics.loop.loop import FabricLoop
from fabrics.loop.report import FabricStatus
from fabrics.record.config import FabricConfig
from fabrics.record.status import LastKnownState, SyncStatus, compute_sync_status

NEEDS_ATTENTION = frozenset({SyncStatus.OUT_OF_SYNC, SyncStatus.ERROR})


class FabricOverview(FabricStatus, frozen=True):
    """A fabric's status with what only a reader can tell.

    `running` says that a loop exists, `lost` that one should here but does not; `owner` is the other
    installation that looks after the fabric, empty where none does. `next_sync`, `syncs`, `missed`, `ignored`
    and `netbox_error` are known only where the loop itself was asked; `next_sync` is not known either once a
    sync has run past it, as the next slot is one after its end.
    """

    sync_enabled: bool
    running: bool
    lost: bool
    stale: bool
    owner: str = ""

    @property
    def is_healthy(self) -> bool:
        """Nothing here needs a person. A sync that is running has not put anything right yet."""
        wrong = self.sync_status in NEEDS_ATTENTION
        if self.sync_status is SyncStatus.SYNCING:
            wrong = bool(self.sync_error or self.drift_count)
        waiting = self.inventory.deletes_waiting is not None
        return not (wrong or waiting or self.stale or self.lost or self.netbox_error)


def build_overview(  # noqa: PLR0913  one argument a source
    config: FabricConfig,
    last_known: LastKnownState,
    loop_status: FabricStatus | None,
    *,
    running: bool,
    shown_status: str = "",
    waiting_since: datetime | None = None,
    owner: str = "",
    netbox_heartbeat: int,
    now: datetime,
) -> FabricOverview:
    """The overview from the record's `config` and `facts`, and from what its loop `told`, if it did.

    `shown` is the status that the record shows: no facts say that a sync is running, and it is believed
    as long as somebody's loop may be at it. `find_pending_since` is set where the loop has had something to do
    that no worker has taken, `owner` where another installation looks after the fabric, whose loops are out
    of sight: there the record alone tells. `netbox_heartbeat` is the number of seconds after which a record is
    written though nothing changed.
    """
    ours = config.needs_loop and not owner
    syncing = shown_status == SyncStatus.SYNCING and (running or bool(owner))
    status = loop_status or status_from_record(
        config, last_known.model_copy(update={"syncing": syncing})
    )
    waits = ours and _is_waiting_too_long(config, waiting_since, now)
    return FabricOverview(
        **_drop_past_next_sync(status, now),
        sync_enabled=config.enabled,
        running=running,
        lost=ours and not running,
        stale=config.needs_loop and (is_stale(status, netbox_heartbeat, now) or waits),
        owner=owner,
    )


def build_overview_from_loop(
    loop_status: FabricStatus, netbox_heartbeat: int, now: datetime
) -> FabricOverview:
    """The overview from the loop alone, while the record cannot be read."""
    return FabricOverview(
        **_drop_past_next_sync(loop_status, now),
        sync_enabled=True,
        running=True,
        lost=False,
        stale=is_stale(loop_status, netbox_heartbeat, now),
    )


def status_from_record(config: FabricConfig, last_known: LastKnownState) -> FabricStatus:
    """The status as the record alone has it."""
    status = FabricLoop(fabric_id=config.fabric_id, config=config, last_known=last_known).status()
    return status.model_copy(update={"sync_status": compute_sync_status(config, last_known)})


def _drop_past_next_sync(status: FabricStatus, now: datetime) -> dict[str, Any]:
    """The status without a next sync that will not be: a loop does not look at the clock while it syncs."""
    due = status.next_sync
    overrun = status.sync_status is SyncStatus.SYNCING and due is not None and due <= now
    return dict(status) | ({"next_sync": None} if overrun else {})


def is_stale(status: FabricStatus, netbox_heartbeat: int, now: datetime) -> bool:
    """No success for two intervals or two heartbeats, whichever is longer; never while paused.

    A fabric that has yet to succeed for the first time is not stale: its status says what it is.
    """
    if status.paused or status.last_success is None:
        return False
    patience = timedelta(seconds=2 * max(status.sync_interval, netbox_heartbeat))
    return now - status.last_success > patience


def _is_waiting_too_long(
    config: FabricConfig, waiting_since: datetime | None, now: datetime
) -> bool:
    """Whether a slot has passed by half an interval: whoever stops the workers sees it within two."""
    return waiting_since is not None and now - waiting_since > timedelta(
        seconds=config.interval / 2
    )
