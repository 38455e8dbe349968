"""One fabric as readers see it, from its record and its loop.

The loop knows more and knows it sooner; the record is there even without a worker. Readers derive that
a fabric is stale: the loop that would have to store it is the one that stopped.
"""

from datetime import datetime, timedelta
from typing import Any

from fabrics.agents.health_report import Health
from fabrics.loop.inventory_text import is_unhealthy
from fabrics.loop.report import FabricStatus
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import LastKnownState, SyncStatus

NEEDS_ATTENTION = frozenset({SyncStatus.OUT_OF_SYNC, SyncStatus.ERROR})


class FabricOverview(FabricStatus, frozen=True):
    """A fabric's status with what only a reader can tell.

    `running` says that a loop exists, `lost` that one should exist here but does not; `owner` is the other
    installation that syncs the fabric, empty if there is none. `next_sync`, `syncs`, `missed`, `ignored`
    and `netbox_error` are known only if the loop itself was asked; `next_sync` is None once a sync has
    run past it, since the next slot is then one after its end.
    """

    sync_enabled: bool
    running: bool
    lost: bool
    stale: bool
    owner: str = ""

    @property
    def is_healthy(self) -> bool:
        """True if nothing needs a person; a running sync has resolved no findings yet."""
        failed = self.sync_status in NEEDS_ATTENTION
        if self.sync_status is SyncStatus.SYNCING:
            failed = bool(self.sync_error or self.drift_count)
        failed = failed or self.inventory_is_unhealthy or self.health is Health.DEGRADED
        return not (failed or self.stale or self.lost or self.netbox_error)

    @property
    def inventory_is_unhealthy(self) -> bool:
        """True if the inventory failed, or has deletes to confirm."""
        return is_unhealthy(self.inventory_text)


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
    """Build the overview from the record, and from a `loop_status` that knows it.

    A `shown_status` of `syncing` counts as long as a loop may be syncing. `waiting_since` is set if the loop
    has had work that no worker took. `owner` is set if another installation syncs the fabric: its loops
    cannot be seen, so the record alone counts. `netbox_heartbeat` is the number of seconds after which a
    record is written though nothing changed.
    """
    ours = config.needs_loop and not owner
    syncing = shown_status == SyncStatus.SYNCING and (running or bool(owner))
    known = last_known.model_copy(update={"syncing": syncing})
    status = _choose_status(FabricStatus.from_record(config, known), loop_status)
    # Half an interval past its slot: if all workers stop, that shows within two intervals.
    patience = timedelta(seconds=config.interval / 2)
    waits = ours and waiting_since is not None and now - waiting_since > patience
    has_synced = (
        status.last_sync is not None
    )  # otherwise nothing is shown that could be out of date
    return FabricOverview(
        **_drop_past_next_sync(status, now),
        sync_enabled=config.enabled,
        running=running,
        lost=ours and not running,
        stale=config.needs_loop
        and (is_stale(status, netbox_heartbeat, now) or (waits and has_synced)),
        owner=owner,
    )


def build_overview_from_loop(
    loop_status: FabricStatus, netbox_heartbeat: int, now: datetime
) -> FabricOverview:
    """Build the overview from the loop alone, while the record cannot be read."""
    return FabricOverview(
        **_drop_past_next_sync(loop_status, now),
        sync_enabled=True,
        running=True,
        lost=False,
        stale=is_stale(loop_status, netbox_heartbeat, now),
    )


def _choose_status(recorded: FabricStatus, loop_status: FabricStatus | None) -> FabricStatus:
    """Return what the loop says; only its errors if it does not know the record yet."""
    if loop_status is None or loop_status.record_read:
        return loop_status or recorded
    errors = {name: getattr(loop_status, name) for name in ("netbox_error", "ignored")}
    return recorded.model_copy(update=errors)


def _drop_past_next_sync(status: FabricStatus, now: datetime) -> dict[str, Any]:
    """Return the status without a next sync that the running sync has overrun."""
    due = status.next_sync
    overrun = status.sync_status is SyncStatus.SYNCING and due is not None and due <= now
    return dict(status) | ({"next_sync": None} if overrun else {})


def is_stale(status: FabricStatus, netbox_heartbeat: int, now: datetime) -> bool:
    """True after two intervals or heartbeats without success; the longer counts.

    A paused fabric is never stale, and neither is one that has never succeeded: its status says so.
    """
    if status.paused or status.last_success is None:
        return False
    patience = timedelta(seconds=2 * max(status.sync_interval, netbox_heartbeat))
    return now - status.last_success > patience
