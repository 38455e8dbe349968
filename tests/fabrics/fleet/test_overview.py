"""What readers derive from a record and its loop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fabrics.agents.health_report import Health
from fabrics.fleet.overview import build_overview, build_overview_from_loop
from fabrics.inventory.report.report import (
    DeletesWaiting,
    FindingType,
    InventoryFailure,
    InventoryOutcome,
    InventoryReport,
)
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.inventory_pass import InventoryInputs, InventoryPass
from fabrics.loop.inventory_state import Inventory
from fabrics.loop.loop import FabricLoop
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.report import FabricStatus
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import ConnectionStatus, LastKnownState, SyncStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = FabricConfig(
    fabric_id="dc",
    name="DC",
    record_id=1,
    enabled=True,
    interval=60,
    kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc"),
)


def state(age: timedelta | None, **changes: object) -> LastKnownState:
    """Return the state of a fabric that last succeeded `age` ago."""
    last = None if age is None else NOW - age
    return LastKnownState(last_sync=last, last_success=last).model_copy(update=changes)


@pytest.mark.parametrize(
    ("interval", "heartbeat", "age", "stale"),
    [
        (60, 900, 1800, False),
        (60, 900, 1801, True),
        (3600, 900, 7200, False),
        (3600, 900, 7201, True),
        (60, 10, 121, True),
    ],
)
def test_fabric_is_stale_after_two_intervals_or_two_heartbeats(
    interval: int, heartbeat: int, age: int, stale: bool
) -> None:
    config = CONFIG.model_copy(update={"interval": interval})
    overview = build_overview(
        config,
        state(timedelta(seconds=age)),
        None,
        running=True,
        netbox_heartbeat=heartbeat,
        now=NOW,
    )
    assert (overview.stale, overview.is_healthy) == (stale, not stale)


def test_fabric_without_server_has_unknown_connection() -> None:
    connected = state(timedelta(0), connection_status=ConnectionStatus.CONNECTED)
    assert FabricStatus.from_record(CONFIG, connected).connection_status == "connected"
    unconfigured = FabricStatus.from_record(
        CONFIG.model_copy(update={"kubernetes": None}), connected
    )
    assert unconfigured.connection_status == "unknown"


def test_record_that_netbox_refuses_is_unhealthy() -> None:
    loop_status = FabricStatus.from_record(CONFIG, state(timedelta(0)))
    refused = loop_status.model_copy(update={"netbox_error": "NetBox refuses the token."})
    assert build_overview_from_loop(loop_status, 900, NOW).is_healthy
    assert not build_overview_from_loop(refused, 900, NOW).is_healthy


def test_record_is_shown_until_a_new_loop_has_read_it() -> None:
    loop = FabricLoop(fabric_id=CONFIG.fabric_id)
    loop.on_record_failed("NetBox is down.", NOW)
    new = loop.status()
    assert (new.sync_status, new.record_read) == ("never_synced", False)
    overview = build_overview(
        CONFIG, state(timedelta(0)), new, running=True, netbox_heartbeat=900, now=NOW
    )
    assert (overview.sync_status, overview.netbox_error) == (
        "inventory_only",
        "NetBox is down.",
    )


@pytest.mark.parametrize(("waited", "stale"), [(30, False), (31, True)])
def test_fabric_is_stale_half_an_interval_after_unserved_slot(waited: int, stale: bool) -> None:
    overview = build_overview(
        CONFIG,
        state(timedelta(seconds=91)),
        None,
        running=True,
        waiting_since=NOW - timedelta(seconds=waited),
        netbox_heartbeat=900,
        now=NOW,
    )
    assert (overview.stale, overview.is_healthy) == (stale, not stale)


@pytest.mark.parametrize(
    "change", [{"paused": True}, {"enabled": False}, {"active": False}, {"interval": 0}]
)
def test_paused_or_disabled_fabric_is_not_stale(change: dict[str, object]) -> None:
    overview = build_overview(
        CONFIG.model_copy(update=change),
        state(timedelta(days=9)),
        None,
        running=True,
        netbox_heartbeat=900,
        now=NOW,
    )
    assert overview.is_healthy
    assert not overview.stale


def test_fabric_that_never_succeeded_is_not_stale() -> None:
    overview = build_overview(
        CONFIG, state(None), None, running=True, netbox_heartbeat=900, now=NOW
    )
    assert (overview.sync_status, overview.stale) == (SyncStatus.NEVER_SYNCED, False)


def test_fabric_that_has_never_synced_is_not_stale_while_no_worker_takes_its_work() -> None:
    overview = build_overview(
        CONFIG,
        state(None),
        None,
        running=True,
        waiting_since=NOW - timedelta(hours=1),
        netbox_heartbeat=900,
        now=NOW,
    )
    assert (overview.sync_status, overview.stale) == (SyncStatus.NEVER_SYNCED, False)


def test_enabled_fabric_without_loop_is_unhealthy() -> None:
    fresh = state(timedelta(seconds=1))
    assert build_overview(
        CONFIG, fresh, None, running=True, netbox_heartbeat=900, now=NOW
    ).is_healthy
    lost = build_overview(CONFIG, fresh, None, running=False, netbox_heartbeat=900, now=NOW)
    assert (lost.lost, lost.is_healthy) == (True, False)


@pytest.mark.parametrize(
    ("age", "stale"), [(timedelta(minutes=5), False), (timedelta(days=1), True)]
)
def test_fabric_of_other_installation_is_stale_by_its_record_alone(
    age: timedelta, stale: bool
) -> None:
    overview = build_overview(
        CONFIG,
        state(age),
        None,
        running=False,
        owner="default@elsewhere",
        netbox_heartbeat=900,
        now=NOW,
    )
    assert (overview.stale, overview.is_healthy, overview.lost) == (stale, not stale, False)
    assert overview.owner == "default@elsewhere"


@pytest.mark.parametrize("changes", [{"drift_count": 1}, {"error": "Git is gone."}])
def test_drift_and_errors_are_unhealthy(changes: dict[str, object]) -> None:
    overview = build_overview(
        CONFIG,
        state(timedelta(seconds=1), **changes),
        None,
        running=True,
        netbox_heartbeat=900,
        now=NOW,
    )
    assert not overview.is_healthy


def loop_with(outcome: InventoryOutcome | InventoryFailure) -> FabricLoop:
    """Return a loop that has just synced, after a pass with this outcome."""
    inputs = InventoryInputs(desired_digest="a", live_digest="b", config_hash="c", release="d")
    first = InventoryPass(token="t", sync=1, started=NOW, inputs=inputs, target="")
    inventory = Inventory().after_sync(inputs, 1, NOW, SyncRequest()).begin(first).end(outcome)
    settings = LoopSettings(inventory_enabled=True)
    return FabricLoop(
        fabric_id="dc",
        config=CONFIG,
        last_known=state(timedelta(0)),
        inventory=inventory,
        settings=settings,
    )


CONFLICT = InventoryReport(problems={FindingType.CONFLICT: 2})
WAITING = DeletesWaiting(digest="d1ce", counts={"dcim.device": 30}, first=())


@pytest.mark.parametrize(
    ("outcome", "inventory_state", "healthy"),
    [
        (InventoryOutcome(live_digest="b"), "up_to_date", True),
        (InventoryOutcome(live_digest="x"), "behind", True),
        (InventoryOutcome(live_digest="b", report=CONFLICT), "waiting", True),
        (InventoryOutcome(live_digest="b", deletes_waiting=WAITING), "waiting", False),
        (InventoryFailure(message="NetBox is down."), "failed", False),
    ],
)
def test_record_says_the_same_of_the_inventory_as_the_loop(
    outcome: InventoryOutcome | InventoryFailure, inventory_state: str, healthy: bool
) -> None:
    loop = loop_with(outcome)
    for answer in (loop.status(), None):
        overview = build_overview(
            CONFIG, loop.state_to_record, answer, running=True, netbox_heartbeat=900, now=NOW
        )
        assert (overview.inventory_state, overview.is_healthy) == (inventory_state, healthy)


@pytest.mark.parametrize("change", [{"enabled": False}, {"kubernetes": None}])
def test_old_failure_of_the_inventory_does_not_count_once_the_fabric_is_not_synced(
    change: dict[str, object],
) -> None:
    failed = loop_with(InventoryFailure(message="NetBox is down.")).state_to_record
    config = CONFIG.model_copy(update=change)
    overview = build_overview(config, failed, None, running=False, netbox_heartbeat=900, now=NOW)
    assert (overview.inventory_text, overview.is_healthy) == ("", True)


def test_loop_status_overrides_record() -> None:
    outdated = state(timedelta(days=1))
    loop_status = FabricStatus.from_record(CONFIG, state(timedelta(seconds=1)))
    overview = build_overview(
        CONFIG, outdated, loop_status, running=True, netbox_heartbeat=900, now=NOW
    )
    assert overview.last_sync == NOW - timedelta(seconds=1)
    assert not overview.stale


@pytest.mark.parametrize(
    ("change", "options", "status"),
    [
        ({}, {"running": True}, SyncStatus.SYNCING),
        ({}, {"running": False, "owner": "default@elsewhere"}, SyncStatus.SYNCING),
        ({}, {"running": False}, SyncStatus.NEVER_SYNCED),
        ({"enabled": False}, {"running": True}, SyncStatus.DISABLED),
        ({"kubernetes": None}, {"running": True}, SyncStatus.NOT_CONFIGURED),
    ],
)
def test_syncing_in_record_counts_if_loop_may_run_and_was_not_asked(
    change: dict[str, object], options: dict[str, Any], status: SyncStatus
) -> None:
    config = CONFIG.model_copy(update=change)
    overview = build_overview(
        config, state(None), None, shown_status="syncing", netbox_heartbeat=900, now=NOW, **options
    )
    assert overview.sync_status is status
    loop_status = FabricStatus.from_record(config, state(None))
    overview = build_overview(
        config,
        state(None),
        loop_status,
        shown_status="syncing",
        netbox_heartbeat=900,
        now=NOW,
        **options,
    )
    assert overview.sync_status is loop_status.sync_status


@pytest.mark.parametrize(("changes", "healthy"), [({}, True), ({"drift_count": 1}, False)])
def test_running_sync_does_not_clear_findings_of_last_one(
    changes: dict[str, object], healthy: bool
) -> None:
    last_status = FabricStatus.from_record(CONFIG, state(timedelta(seconds=1), **changes))
    loop_status = last_status.model_copy(update={"sync_status": SyncStatus.SYNCING})
    overview = build_overview(
        CONFIG, state(None), loop_status, running=True, netbox_heartbeat=900, now=NOW
    )
    assert overview.is_healthy is healthy


@pytest.mark.parametrize(
    ("status", "until_slot", "is_known"),
    [
        (SyncStatus.SYNCING, timedelta(seconds=1), True),
        (SyncStatus.SYNCING, timedelta(0), False),
        (SyncStatus.IN_SYNC, timedelta(0), True),
    ],
)
def test_next_sync_is_unknown_once_running_sync_has_overrun_it(
    status: SyncStatus, until_slot: timedelta, is_known: bool
) -> None:
    changes = {"sync_status": status, "next_sync": NOW + until_slot}
    loop_status = FabricStatus.from_record(CONFIG, state(timedelta(seconds=1))).model_copy(
        update=changes
    )
    for overview in (
        build_overview(
            CONFIG, state(None), loop_status, running=True, netbox_heartbeat=900, now=NOW
        ),
        build_overview_from_loop(loop_status, 900, NOW),
    ):
        assert overview.next_sync == (NOW + until_slot if is_known else None)


@pytest.mark.parametrize("health", Health)
def test_only_a_degraded_fabric_needs_attention(health: Health) -> None:
    known = state(timedelta(0), drift_count=0, health=health, health_message="Because.")
    overview = build_overview(CONFIG, known, None, running=True, netbox_heartbeat=900, now=NOW)
    assert (overview.health, overview.health_message) == (health, "Because.")
    assert overview.is_healthy is (health is not Health.DEGRADED)
