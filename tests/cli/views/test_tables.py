"""Tables and remarks in a terminal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from cli.fabrics.fleet_view import FleetView
from cli.views.results import show_fabrics
from cli.views.tables import (
    render_fabric_status,
    render_history_table,
    render_status_table,
    summarize_punctuality,
)
from fabrics.agents.health_report import Health
from fabrics.drift.model import Author
from fabrics.drift.summary import SummaryEntry, SummaryField
from fabrics.fleet.overview import FabricOverview
from fabrics.fleet.summary import FleetSummary
from fabrics.inventory.report.report import InventoryProgress, InventoryReport
from fabrics.loop.active_sync import Trigger
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.report import SyncReport
from fabrics.record.sync_status import InventoryState, SyncStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRIFTED = SummaryEntry("VPC", "default", "web", "changed")
BEHIND = "The inventory in NetBox is behind since 2026-03-01 11:59:00 UTC."
CONFLICT = "2 in conflict with other objects; `starter.py inventory dc` lists them."
WRITTEN = InventoryReport(created=3)


def fabric(**fields: object) -> FabricOverview:
    """Make a fabric that is in sync, except for `fields`."""
    defaults: dict[str, Any] = {
        "name": "DC",
        "fabric_id": "dc",
        "sync_status": SyncStatus.IN_SYNC,
        "sync_interval": 60,
        "paused": False,
        "pause_reason": "",
        "last_sync": NOW - timedelta(seconds=12),
        "last_success": NOW - timedelta(seconds=12),
        "next_sync": NOW + timedelta(seconds=48),
        "sync_error": "",
        "connection_status": "connected",
        "connection_error": "",
        "commit": "0123456789abcdef",
        "drift_count": 0,
        "drift": (),
        "counts": {"Switch": 4, "VPC": 1200},
        "health": Health.HEALTHY,
        "health_message": "All is well.",
        "syncs": 1,
        "missed": 0,
        "netbox_error": "",
        "ignored": "",
        "sync_enabled": True,
        "running": True,
        "lost": False,
        "stale": False,
    }
    return FabricOverview(**(defaults | fields))


def report(number: int, lateness: float | None, **fields: object) -> SyncReport:
    """Make the report of a sync that started `lateness` seconds late."""
    defaults: dict[str, Any] = {
        "number": number,
        "trigger": Trigger.SCHEDULE,
        "slot": NOW,
        "started": NOW,
        "lateness": lateness,
        "duration": 0.25,
        "sync_status": SyncStatus.IN_SYNC,
    }
    return SyncReport(**(defaults | fields))


def rendered(renderable: RenderableType, width: int = 100) -> str:
    """`thing` as a terminal of that width shows it."""
    console = Console(width=width, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_status_line_fits_in_80_columns() -> None:
    [_, _, line] = rendered(render_status_table([fabric()], NOW), 80).splitlines()
    assert " ".join(line.split()) == "DC ● in_sync healthy 0 1,204 12 s ago in 48 s"


@pytest.mark.parametrize(
    ("fields", "remark"),
    [
        ({"sync_status": "error", "sync_error": "Git is gone."}, "Git is gone."),
        ({"netbox_error": "NetBox is down."}, "NetBox is down."),
        ({"lost": True}, "a worker starts one"),
        ({"stale": True, "last_success": NOW - timedelta(hours=3)}, "last success 3 h ago"),
        ({"stale": True}, "stale, was ● in_sync"),
        (
            {"stale": True, "owner": "default@there"},
            "Belongs to default@there; `starter.py doctor dc ",
        ),
        ({"paused": True, "pause_reason": "work", "sync_status": "paused"}, "Paused: work"),
        (
            {"paused": True, "paused_until": NOW},
            f"Paused until {NOW:%Y-%m-%d %H:%M:%S} UTC: no reason",
        ),
        ({"sync_status": "disabled", "sync_interval": 0}, "its interval is 0"),
        ({"sync_status": "disabled"}, "its record is not active"),
        ({"sync_status": "not_configured"}, "hh_kubernetes_server"),
        ({"ignored": "ignored: pause: no"}, "ignored: pause: no"),
        ({"health": "degraded", "health_message": "leaf-01 is stuck."}, "leaf-01 is stuck."),
        (
            {"accepted_count": 1, "accepted_text": "VPC web: spec (r)"},
            "Accepted: VPC web: spec (r)",
        ),
        ({"rule_notice": ".fabric-sync.toml:1: expired."}, ".fabric-sync.toml:1: expired."),
        ({"inventory_text": BEHIND}, BEHIND),
        ({"inventory_text": CONFLICT}, CONFLICT),
        ({"inventory_state": "off"}, "The inventory is off."),
        (
            {"sync_status": "out_of_sync", "drift_count": 1, "drift": (DRIFTED,)},
            "VPC web changed\n",
        ),
        (
            {"sync_status": "out_of_sync", "drift_count": 5, "drift": (DRIFTED,)},
            "VPC web changed and 4 more\n",
        ),
    ],
)
def test_fabric_has_a_remark(fields: dict[str, object], remark: str) -> None:
    lines = rendered(render_status_table([fabric(**fields)], NOW)).splitlines()
    assert remark in "".join(f"{line.rstrip()}\n" for line in lines)


def test_healthy_fabric_has_no_remarks() -> None:
    assert len(rendered(render_status_table([fabric(), fabric()], NOW)).splitlines()) == 4


def test_other_owners_are_named_once_with_the_command() -> None:
    foreign = fabric(owner="default@elsewhere", inventory_state="up_to_date")
    table = " ".join(rendered(render_status_table([fabric(), foreign, foreign], NOW)).split())
    assert table.count("belong") == 1
    assert "2 fabrics belong to another installation, default@elsewhere." in table
    assert "`starter.py take-over --from default@elsewhere` moves them here." in table
    assert "Synced by     default@elsewhere" in rendered(render_fabric_status(foreign, NOW))
    assert "Synced by" not in rendered(render_fabric_status(fabric(), NOW))


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"inventory_state": "off"}, "Switched off."),
        ({"inventory_state": "unknown"}, "Not known."),
        ({"inventory_state": "up_to_date"}, "Up to date."),
        (
            {
                "inventory_state": "up_to_date",
                "inventory": InventoryStatus(mirrored=NOW, report=WRITTEN),
            },
            "Up to date. Last: 3 created, 2026-03-01 12:00:00 UTC",
        ),
        ({"inventory_state": "behind", "inventory_text": BEHIND}, BEHIND),
        ({"inventory_state": "waiting", "inventory_text": CONFLICT}, CONFLICT),
    ],
)
def test_status_of_one_fabric_has_a_line_on_every_state_of_its_inventory(
    fields: dict[str, object], shown: str
) -> None:
    lines = rendered(render_fabric_status(fabric(**fields), NOW)).splitlines()
    [line] = [line for line in lines if line.startswith("Inventory ")]
    assert line.removeprefix("Inventory").strip() == shown
    assert "".join(lines).count(shown) == 1


def test_inventory_being_written_shows_its_progress_once() -> None:
    progress = InventoryProgress(done=240, total=1064)
    inventory = InventoryStatus(state=InventoryState.RUNNING, progress=progress)
    loading = fabric(
        inventory=inventory, inventory_state=inventory.state, last_sync=None, next_sync=None
    )
    for view in (render_status_table([loading], NOW), render_fabric_status(loading, NOW)):
        assert rendered(view).count("240 of 1,064 objects done") == 1


def test_fleet_has_remarks() -> None:
    fleet = FleetSummary(
        checked=NOW - timedelta(seconds=12),
        states={"error": 1, "in_sync": 2},
        problems=("DC9: the name is taken.",),
        error="NetBox does not answer.",
    )
    table = rendered(render_status_table([fabric()], NOW, fleet))
    for text in (
        "1 in_sync; last round 12 s ago.",
        "DC9: the name is taken.",
        "NetBox does not answer.",
    ):
        assert text in table
    unchecked = rendered(render_status_table([], NOW, FleetSummary()))
    assert "no fabrics; no round yet." in unchecked


def test_stale_fabrics_of_the_fleet_are_named_once_and_unhealthy() -> None:
    fleet = FleetSummary(checked=NOW, stale=("DC", "DC9"))
    stuck = fabric(name="DC9", sync_status="never_synced", last_sync=None, last_success=None)
    table = rendered(render_status_table([fabric(stale=True), stuck], NOW, fleet))
    assert "Stale as of the fleet's last round: DC9;" in table
    assert stuck.is_healthy
    assert not FleetView(fabrics=[stuck], now=NOW, fleet=fleet).is_healthy
    assert FleetView(fabrics=[stuck], now=NOW, fleet=FleetSummary(checked=NOW)).is_healthy


def test_error_of_the_fleet_is_shown_without_fabrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    doubtful = FleetSummary(checked=NOW, error="3 of 3 fabrics have no record any more.")
    for fleet, text in ((doubtful, doubtful.error), (FleetSummary(checked=NOW), "No fabrics yet")):
        show_fabrics(FleetView(fabrics=[], now=NOW, fleet=fleet), json=False)
        assert text in capsys.readouterr().out


def test_names_are_never_markup() -> None:
    assert "[red]DC[/]" in rendered(render_status_table([fabric(name="[red]DC[/]")], NOW))


def test_fabric_status_shows_drift() -> None:
    field = SummaryField(path="spec.mode", desired='"l2vni"', live=None)
    edited = SummaryField("spec.vlan", "1", "2", Author("kubectl-edit", NOW))
    entry = SummaryEntry("VPC", "default", "vpc-1", "changed", (field, edited), 2, NOW)
    drifted = fabric(sync_status="out_of_sync", drift_count=5, drift=(entry,))
    output = rendered(render_fabric_status(drifted, NOW))
    for text in ("vpc-1", 'spec.mode: "l2vni" → absent', "and 2 more", "and 4 more objects"):
        assert text in output
    assert f"changed {NOW:%H:%M:%S} VPC vpc-1" in " ".join(output.split())
    assert "spec.vlan: 1 → 2 (kubectl-edit)" in output
    unknown = fabric(drift_count=1, drift=(SummaryEntry("VPC", "default", "v", "extra"),))
    assert "unknown" in rendered(render_fabric_status(unknown, NOW))


def test_median_ignores_unknown_lateness() -> None:
    reports = [report(1, None), report(2, 0.03, missed=2), report(3, 0.05), report(4, 2.5)]
    assert summarize_punctuality(reports) == "4 syncs; median lateness 50 ms; slots missed: 2."
    assert "2.5 s" in rendered(render_history_table(reports, NOW))


def test_consecutive_equal_errors_are_shown_once() -> None:
    failed = [report(number, 0.1, error="Git is gone.") for number in (1, 2, 3)]
    reports = [*failed, report(4, 0.1), report(5, 0.1, error="No.")]
    table = rendered(render_history_table(reports, NOW))
    assert table.count("Git is gone.") == 1
    assert "1 to 3  Git is gone." in table
    assert "5       No." in table
