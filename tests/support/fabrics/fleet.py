"""Records and loops of a fleet, as a round finds them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from fabrics.fleet.reconcile import FabricRecord, FleetPlan, FleetSnapshot, RunningLoop
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import LastKnownState, compute_sync_status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE = "default@here"
HEARTBEAT = 900
NOTHING = FleetPlan(loops_to_signal=(), records_to_update=(), overdue=())


def ago(seconds: float) -> datetime:
    """Return the moment this many seconds before the round."""
    return NOW - timedelta(seconds=seconds)


def make_record(
    fabric_id: str, *, instance: str = "", last: float | None = 60, **changes: object
) -> FabricRecord:
    """Return a record that needs a loop; its last sync started `last` seconds ago."""
    defaults: dict[str, object] = {
        "fabric_id": fabric_id,
        "name": fabric_id.upper(),
        "record_id": sum(fabric_id.encode()),
        "enabled": True,
        "interval": 60,
        "kubernetes": KubernetesTarget(server="https://k8s", namespace="default", credential="x"),
    }
    synced = None if last is None else ago(last)
    config = FabricConfig.model_validate(defaults | changes)
    last_known = LastKnownState(last_sync=synced, last_success=synced)
    shown = compute_sync_status(config, last_known)
    return FabricRecord(config=config, last_known=last_known, instance=instance, shown_status=shown)


def loop_of(
    record: FabricRecord, *, started: float = 86400, config_hash: str | None = None
) -> RunningLoop:
    """Return the loop of a record, up to date unless another hash is given."""
    return RunningLoop(
        fabric_id=record.config.fabric_id,
        config_hash=record.config.hash if config_hash is None else config_hash,
        started=ago(started),
    )


def snapshot(records: Iterable[FabricRecord], loops: Iterable[RunningLoop]) -> FleetSnapshot:
    """Return the snapshot of a round."""
    return FleetSnapshot(
        records=tuple(records),
        loops=tuple(loops),
        instance=HERE,
        netbox_heartbeat=HEARTBEAT,
        now=NOW,
    )
