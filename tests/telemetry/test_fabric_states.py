"""The states of fabrics as metrics: what a round shows, and when it is forgotten."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from fabrics.agents.health_report import Health
from fabrics.drift.summary import SummaryEntry
from fabrics.fleet.reconcile import FabricRecord, FleetPlan, FleetSnapshot, RunningLoop
from fabrics.inventory.report.report import DeletesWaiting
from fabrics.loop.inventory_text import deletes_waiting_sentence
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import ConnectionStatus, LastKnownState
from telemetry import fabric_states
from telemetry.fabric_states import MAX_VALUE, OTHER, FabricStates

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE, ELSEWHERE = "default@here", "default@elsewhere"
NOTHING = FleetPlan(loops_to_signal=(), records_to_update=(), overdue=())
LIFETIME = 90.0


def make_record(
    fabric_id: str,
    last_known: LastKnownState | None = None,
    *,
    instance: str = HERE,
    **fields: object,
) -> FabricRecord:
    """Return the record of a fabric that has synced a minute ago."""
    config = {
        "fabric_id": fabric_id,
        "name": fabric_id.upper(),
        "record_id": 1,
        "enabled": True,
        "interval": 60,
        "kubernetes": KubernetesTarget(server="https://k8s", namespace="default", credential="x"),
        **fields,
    }
    minute_ago = NOW - timedelta(minutes=1)
    synced = LastKnownState(last_sync=minute_ago, last_success=minute_ago, drift_count=0)
    return FabricRecord(
        config=FabricConfig.model_validate(config),
        last_known=last_known or synced,
        instance=instance,
    )


def drifted(kind: str, change: str = "changed") -> SummaryEntry:
    """Return the entry of an object that drifted."""
    return SummaryEntry(kind=kind, namespace="default", name="x", change=change)


class Shown:
    """The metrics that a scrape sees."""

    def __init__(self) -> None:
        self.states, self._registry = FabricStates(), CollectorRegistry()
        self._registry.register(self.states)

    def publish(self, *records: FabricRecord, plan: FleetPlan = NOTHING, loops: int = 0) -> None:
        """Publish what a round over these records has found."""
        running = [
            RunningLoop(fabric_id=f"f{n}", config_hash="", started=NOW) for n in range(loops)
        ]
        snapshot = FleetSnapshot(
            records=records, loops=tuple(running), instance=HERE, netbox_heartbeat=900, now=NOW
        )
        self.states.publish(snapshot, plan, 0, LIFETIME)

    def read(self, name: str, /, **labels: str) -> float | None:
        """Return the value of a sample, or None if there is none."""
        return self._registry.get_sample_value(f"fabric_sync_{name}", labels)

    def render(self) -> str:
        """Return all samples as text."""
        return generate_latest(self._registry).decode()


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_round_shows_the_state_of_each_fabric(shown: Shown) -> None:
    last_sync = NOW - timedelta(seconds=60)
    known = LastKnownState(
        last_sync=last_sync,
        last_success=last_sync - timedelta(seconds=60),
        error="The API refused the connection.",
        connection_status=ConnectionStatus.ERROR,
        drift_count=3,
        accepted_count=2,
        health=Health.DEGRADED,
    )
    shown.publish(make_record("oslo", known, task_queue="site"), loops=2)
    assert shown.read("fabric_info", fabric="oslo", name="OSLO", task_queue="site") == 1
    assert shown.read("fabric_status", fabric="oslo", status="error") == 1
    assert shown.read("fabric_health", fabric="oslo", health="degraded") == 1
    assert shown.read("fabric_connected", fabric="oslo") == 0
    assert shown.read("fabric_interval_seconds", fabric="oslo") == 60
    assert shown.read("fabric_last_sync_timestamp_seconds", fabric="oslo") == last_sync.timestamp()
    assert shown.read("fabric_last_success_timestamp_seconds", fabric="oslo") == (
        last_sync.timestamp() - 60
    )
    assert shown.read("fabric_drift_objects", fabric="oslo") == 3
    assert shown.read("fabric_accepted_objects", fabric="oslo") == 2
    assert shown.read("fabric_stale", fabric="oslo") == 0
    assert shown.read("fleet_loops") == 2
    assert shown.read("fleet_last_round_timestamp_seconds") == NOW.timestamp()


def test_deleted_fabric_is_gone_with_the_next_round(shown: Shown) -> None:
    shown.publish(make_record("oslo"), make_record("lyon"))
    shown.publish(make_record("lyon"))
    assert "oslo" not in shown.render()
    assert 'fabric="lyon"' in shown.render()


def test_nothing_is_shown_of_a_round_that_is_old(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(fabric_states, "monotonic", lambda: clock[0])
    shown.publish(make_record("oslo"))
    clock[0] += LIFETIME - 1
    assert 'fabric="oslo"' in shown.render()
    clock[0] += 2
    assert shown.render() == ""


def test_fabrics_of_other_installations_are_theirs_to_show(shown: Shown) -> None:
    shown.publish(make_record("oslo", instance=ELSEWHERE), make_record("lyon"))
    assert "oslo" not in shown.render()


def test_fabric_that_is_switched_off_has_a_status_and_nothing_else(shown: Shown) -> None:
    shown.publish(make_record("oslo", enabled=False))
    assert shown.read("fabric_status", fabric="oslo", status="disabled") == 1
    assert shown.read("fabric_stale", fabric="oslo") is None
    assert shown.read("fabric_health", fabric="oslo", health="unknown") is None


@pytest.mark.parametrize(
    ("plan", "last_success"),
    [
        (NOTHING, NOW - timedelta(hours=1)),
        (NOTHING.model_copy(update={"overdue": ("oslo",)}), NOW),
    ],
    ids=["no success for long", "no sync for long"],
)
def test_fabric_that_should_sync_and_does_not_is_stale(
    shown: Shown, plan: FleetPlan, last_success: datetime
) -> None:
    known = LastKnownState(last_sync=NOW, last_success=last_success)
    shown.publish(make_record("oslo", known), plan=plan)
    assert shown.read("fabric_stale", fabric="oslo") == 1


def test_drift_is_counted_by_kind_and_change(shown: Shown) -> None:
    drift = (drifted("VPC"), drifted("VPC"), drifted("Switch", "missing"))
    known = LastKnownState(last_sync=NOW, last_success=NOW, drift_count=40, drift=drift)
    shown.publish(make_record("oslo", known))
    entries = "fabric_drift_entries"
    assert shown.read(entries, fabric="oslo", kind="VPC", change="changed") == 2
    assert shown.read(entries, fabric="oslo", kind="Switch", change="missing") == 1
    assert shown.read("fabric_drift_objects", fabric="oslo") == 40


def test_kinds_that_are_not_known_are_one_label(shown: Shown) -> None:
    drift = tuple(drifted(f"Kind{n}", f"change{n}") for n in range(20))
    known = LastKnownState(last_sync=NOW, last_success=NOW, drift_count=20, drift=drift)
    shown.publish(make_record("oslo", known))
    assert shown.read("fabric_drift_entries", fabric="oslo", kind=OTHER, change=OTHER) == 20
    assert "Kind1" not in shown.render()


def test_number_that_no_metric_can_hold_harms_none(shown: Shown) -> None:
    known = LastKnownState(last_sync=NOW, last_success=NOW, drift_count=10**400)
    shown.publish(make_record("oslo", known))
    assert shown.read("fabric_drift_objects", fabric="oslo") == MAX_VALUE
    assert 'fabric="oslo"' in shown.render()


def test_deletes_that_wait_are_counted(shown: Shown) -> None:
    waiting = DeletesWaiting(digest="d", counts={"dcim.interface": 40, "dcim.device": 2}, first=())
    text = deletes_waiting_sentence(waiting, "oslo")
    known = LastKnownState(last_sync=NOW, last_success=NOW, inventory_text=text)
    shown.publish(make_record("oslo", known), make_record("lyon"))
    assert shown.read("fabric_deletes_waiting", fabric="oslo") == 42
    assert shown.read("fabric_deletes_waiting", fabric="lyon") == 0
    assert shown.read("fabric_inventory", fabric="oslo", state="waiting") == 1
