"""What readers conclude from a record and its loop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fabrics.fleet.overview import overview, overview_of_loop, recorded
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.status import ConnectionStatus, Facts, SyncStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = FabricConfig(
    fabric_id="dc",
    name="DC",
    record_id=1,
    enabled=True,
    interval=60,
    kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc"),
)


def facts(success: timedelta | None, **more: object) -> Facts:
    """Facts of a fabric that last succeeded so long ago."""
    last = None if success is None else NOW - success
    return Facts(last_sync=last, last_success=last).model_copy(update=more)


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
    seen = overview(
        config,
        facts(timedelta(seconds=age)),
        None,
        running=True,
        heartbeat=heartbeat,
        now=NOW,
    )
    assert (seen.stale, seen.healthy) == (stale, not stale)


def test_a_fabric_without_a_server_is_connected_to_none() -> None:
    connected = facts(timedelta(0), connection_status=ConnectionStatus.CONNECTED)
    assert recorded(CONFIG, connected).connection_status == "connected"
    nowhere = recorded(CONFIG.model_copy(update={"kubernetes": None}), connected)
    assert nowhere.connection_status == "unknown"


def test_a_record_that_netbox_does_not_take_needs_a_person() -> None:
    told = recorded(CONFIG, facts(timedelta(0)))
    refused = told.model_copy(update={"netbox_error": "NetBox refuses the token."})
    assert overview_of_loop(told, 900, NOW).healthy
    assert not overview_of_loop(refused, 900, NOW).healthy


@pytest.mark.parametrize(("waited", "stale"), [(30, False), (31, True)])
def test_stale_when_a_slot_has_passed_by_half_an_interval_and_no_worker_came(
    waited: int, stale: bool
) -> None:
    seen = overview(
        CONFIG,
        facts(timedelta(seconds=91)),
        None,
        running=True,
        waiting_since=NOW - timedelta(seconds=waited),
        heartbeat=900,
        now=NOW,
    )
    assert (seen.stale, seen.healthy) == (stale, not stale)


@pytest.mark.parametrize(
    "change", [{"paused": True}, {"enabled": False}, {"active": False}, {"interval": 0}]
)
def test_nobody_waits_for_a_fabric_that_is_paused_or_off(change: dict[str, object]) -> None:
    seen = overview(
        CONFIG.model_copy(update=change),
        facts(timedelta(days=9)),
        None,
        running=True,
        heartbeat=900,
        now=NOW,
    )
    assert seen.healthy
    assert not seen.stale


def test_a_fabric_that_has_yet_to_succeed_is_not_stale() -> None:
    seen = overview(CONFIG, facts(None), None, running=True, heartbeat=900, now=NOW)
    assert (seen.sync_status, seen.stale) == (SyncStatus.NEVER_SYNCED, False)


def test_an_enabled_fabric_without_a_loop_is_unhealthy() -> None:
    fresh = facts(timedelta(seconds=1))
    assert overview(CONFIG, fresh, None, running=True, heartbeat=900, now=NOW).healthy
    lost = overview(CONFIG, fresh, None, running=False, heartbeat=900, now=NOW)
    assert (lost.lost, lost.healthy) == (True, False)


@pytest.mark.parametrize(
    ("age", "stale"), [(timedelta(minutes=5), False), (timedelta(days=1), True)]
)
def test_the_record_of_another_installation_tells_whether_that_lives(
    age: timedelta, stale: bool
) -> None:
    seen = overview(
        CONFIG, facts(age), None, running=False, owner="default@elsewhere", heartbeat=900, now=NOW
    )
    assert (seen.stale, seen.healthy, seen.lost) == (stale, not stale, False)
    assert seen.owner == "default@elsewhere"


@pytest.mark.parametrize("found", [{"drift_count": 1}, {"error": "Git is gone."}])
def test_drift_and_errors_are_unhealthy(found: dict[str, object]) -> None:
    seen = overview(
        CONFIG, facts(timedelta(seconds=1), **found), None, running=True, heartbeat=900, now=NOW
    )
    assert not seen.healthy


def test_the_loop_knows_better_than_the_record() -> None:
    old = facts(timedelta(days=1))
    told = recorded(CONFIG, facts(timedelta(seconds=1)))
    seen = overview(CONFIG, old, told, running=True, heartbeat=900, now=NOW)
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
    seen = overview(config, facts(None), None, shown="syncing", heartbeat=900, now=NOW, **kept)
    assert seen.sync_status is status
    told = recorded(config, facts(None))
    seen = overview(config, facts(None), told, shown="syncing", heartbeat=900, now=NOW, **kept)
    assert seen.sync_status is told.sync_status


@pytest.mark.parametrize(("found", "healthy"), [({}, True), ({"drift_count": 1}, False)])
def test_a_sync_that_runs_has_not_put_anything_right_yet(
    found: dict[str, object], healthy: bool
) -> None:
    known = recorded(CONFIG, facts(timedelta(seconds=1), **found))
    told = known.model_copy(update={"sync_status": SyncStatus.SYNCING})
    seen = overview(CONFIG, facts(None), told, running=True, heartbeat=900, now=NOW)
    assert seen.healthy is healthy


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
    told = recorded(CONFIG, facts(timedelta(seconds=1))).model_copy(update=changes)
    for seen in (
        overview(CONFIG, facts(None), told, running=True, heartbeat=900, now=NOW),
        overview_of_loop(told, 900, NOW),
    ):
        assert seen.next_sync == (NOW + due if known else None)
