"""What readers conclude from a record and its loop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fabrics.fleet.overview import build_overview, build_overview_from_loop, status_from_record
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.status import ConnectionStatus, LastKnownState, SyncStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = FabricConfig(
    fabric_id="dc",
    name="DC",
    record_id=1,
    enabled=True,
    interval=60,
    kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc"),
)


def facts(success: timedelta | None, **more: object) -> LastKnownState:
    """Facts of a fabric that last succeeded so long ago."""
    last = None if success is None else NOW - success
    return LastKnownState(last_sync=last, last_success=last).model_copy(update=more)


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
def test_stale_after_two_intervals_or_two_heartbeats(
    interval: int, heartbeat: int, age: int, stale: bool
) -> None:
    config = CONFIG.model_copy(update={"interval": interval})
    seen = build_overview(
        config,
        facts(timedelta(seconds=age)),
        None,
        running=True,
        netbox_heartbeat=heartbeat,
        now=NOW,
    )
    assert (seen.stale, seen.is_healthy) == (stale, not stale)


def test_a_fabric_without_a_server_is_connected_to_none() -> None:
    connected = facts(timedelta(0), connection_status=ConnectionStatus.CONNECTED)
    assert status_from_record(CONFIG, connected).connection_status == "connected"
    nowhere = status_from_record(CONFIG.model_copy(update={"kubernetes": None}), connected)
    assert nowhere.connection_status == "unknown"


def test_a_record_that_netbox_does_not_take_needs_a_person() -> None:
    told = status_from_record(CONFIG, facts(timedelta(0)))
    refused = told.model_copy(update={"netbox_error": "NetBox refuses the token."})
    assert build_overview_from_loop(told, 900, NOW).is_healthy
    assert not build_overview_from_loop(refused, 900, NOW).is_healthy


@pytest.mark.parametrize(("waited", "stale"), [(30, False), (31, True)])
def test_stale_when_a_slot_has_passed_by_half_an_interval_and_no_worker_came(
    waited: int, stale: bool
) -> None:
    seen = build_overview(
        CONFIG,
        facts(timedelta(seconds=91)),
        None,
        running=True,
        waiting_since=NOW - timedelta(seconds=waited),
        netbox_heartbeat=900,
        now=NOW,
    )
    assert (seen.stale, seen.is_healthy) == (stale, not stale)


@pytest.mark.parametrize(
    "change", [{"paused": True}, {"enabled": False}, {"active": False}, {"interval": 0}]
)
def test_nobody_waits_for_a_fabric_that_is_paused_or_off(change: dict[str, object]) -> None:
    seen = build_overview(
        CONFIG.model_copy(update=change),
        facts(timedelta(days=9)),
        None,
        running=True,
        netbox_heartbeat=900,
        now=NOW,
    )
    assert seen.is_healthy
    assert not seen.stale


def test_a_fabric_that_has_yet_to_succeed_is_not_stale() -> None:
    seen = build_overview(CONFIG, facts(None), None, running=True, netbox_heartbeat=900, now=NOW)
    assert (seen.sync_status, seen.stale) == (SyncStatus.NEVER_SYNCED, False)


def test_an_enabled_fabric_without_a_loop_is_unhealthy() -> None:
    fresh = facts(timedelta(seconds=1))
    assert build_overview(
        CONFIG, fresh, None, running=True, netbox_heartbeat=900, now=NOW
    ).is_healthy
    lost = build_overview(CONFIG, fresh, None, running=False, netbox_heartbeat=900, now=NOW)
    assert (lost.lost, lost.is_healthy) == (True, False)


@pytest.mark.parametrize(
    ("age", "stale"), [(timedelta(minutes=5), False), (timedelta(days=1), True)]
)
def test_the_record_of_another_installation_tells_whether_that_lives(
    age: timedelta, stale: bool
) -> None:
    seen = build_overview(
        CONFIG,
        facts(age),
        None,
        running=False,
        owner="default@elsewhere",
        netbox_heartbeat=900,
        now=NOW,
    )
    assert (seen.stale, seen.is_healthy, seen.lost) == (stale, not stale, False)
    assert seen.owner == "default@elsewhere"


@pytest.mark.parametrize("found", [{"drift_count": 1}, {"error": "Git is gone."}])
def test_drift_and_errors_are_unhealthy(found: dict[str, object]) -> None:
    seen = build_overview(
        CONFIG,
        facts(timedelta(seconds=1), **found),
        None,
        running=True,
        netbox_heartbeat=900,
        now=NOW,
    )
    assert not seen.is_healthy


def test_the_loop_knows_better_than_the_record() -> None:
    old = facts(timedelta(days=1))
    told = status_from_record(CONFIG, facts(timedelta(seconds=1)))
    seen = build_overview(CONFIG, old, told, running=True, netbox_heartbeat=900, now=NOW)
    assert seen.last_sync == NOW - timedelta(seconds=1)
    assert not seen.stale


@pytest.mark.parametrize(
    ("change", "kept", "status"),
    [
        ({}, {"running": True}, SyncStatus.SYNCING),
        ({}, {"running": False, "owner": "default@elsewhere"}, SyncStatus.SYNCING),
        ({}, {"running": False}, SyncStatus.NEVER_SYNCED),
        ({"enabled": False}, {"running": True}, SyncStatus.DISABLED),
        ({"kubernetes": None}, {"running": True}, SyncStatus.NOT_CONFIGURED),
    ],
)
def test_a_loop_that_nobody_asked_syncs_if_the_record_shows_it(
    change: dict[str, object], kept: dict[str, Any], status: SyncStatus
) -> None:
    config = CONFIG.model_copy(update=change)
    seen = build_overview(
        config, facts(None), None, shown_status="syncing", netbox_heartbeat=900, now=NOW, **kept
    )
    assert seen.sync_status is status
    told = status_from_record(config, facts(None))
    seen = build_overview(
        config, facts(None), told, shown_status="syncing", netbox_heartbeat=900, now=NOW, **kept
    )
    assert seen.sync_status is told.sync_status


@pytest.mark.parametrize(("found", "healthy"), [({}, True), ({"drift_count": 1}, False)])
def test_a_sync_that_runs_has_not_put_anything_right_yet(
    found: dict[str, object], healthy: bool
) -> None:
    known = status_from_record(CONFIG, facts(timedelta(seconds=1), **found))
    told = known.model_copy(update={"sync_status": SyncStatus.SYNCING})
    seen = build_overview(CONFIG, facts(None), told, running=True, netbox_heartbeat=900, now=NOW)
    assert seen.is_healthy is healthy


@pytest.mark.parametrize(
    ("status", "due", "known"),
    [
        (SyncStatus.SYNCING, timedelta(seconds=1), True),
        (SyncStatus.SYNCING, timedelta(0), False),
        (SyncStatus.IN_SYNC, timedelta(0), True),
    ],
)
def test_a_sync_that_runs_past_the_next_slot_leaves_open_when_that_is(
    status: SyncStatus, due: timedelta, known: bool
) -> None:
    changes = {"sync_status": status, "next_sync": NOW + due}
    told = status_from_record(CONFIG, facts(timedelta(seconds=1))).model_copy(update=changes)
    for seen in (
        build_overview(CONFIG, facts(None), told, running=True, netbox_heartbeat=900, now=NOW),
        build_overview_from_loop(told, 900, NOW),
    ):
        assert seen.next_sync == (NOW + due if known else None)
