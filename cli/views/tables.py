"""Render fabrics, their syncs and the checks of `doctor` for a terminal."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from statistics import median
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from activities.checks import Check
from cli.views.drift import render_drift_table
from cli.views.format import (
    format_count,
    format_duration,
    format_time,
    format_time_ago,
    format_time_and_age,
    format_time_until,
)
from cli.views.inventory import describe_inventory, format_changes, list_inventory_remarks
from fabrics.agents.health_report import Health
from fabrics.fleet.overview import FabricOverview
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.report import SyncReport
from fabrics.record.installation import describe_other_owners
from fabrics.record.status_fields import format_counts
from fabrics.record.sync_status import SyncStatus

STATUS_STYLES: Final = {
    SyncStatus.NOT_CONFIGURED: ("○", "bright_black"),
    SyncStatus.DISABLED: ("○", "bright_black"),
    SyncStatus.SYNCING: ("◌", "cyan"),
    SyncStatus.PAUSED: ("‖", "magenta"),
    SyncStatus.NEVER_SYNCED: ("◌", "bright_black"),
    SyncStatus.ERROR: ("✗", "red"),
    SyncStatus.OUT_OF_SYNC: ("≠", "yellow"),
    SyncStatus.INVENTORY_ONLY: ("●", "blue"),
    SyncStatus.IN_SYNC: ("●", "green"),
}


HEALTH_STYLES: Final = {
    Health.HEALTHY: "green",
    Health.PROGRESSING: "cyan",
    Health.DEGRADED: "red",
    Health.UNKNOWN: "bright_black",
}


def render_status_table(
    fabrics: Sequence[FabricOverview], now: datetime, fleet: FleetSummary | None = None
) -> RenderableType:
    """Render one line per fabric, then remarks on fabrics and on the fleet."""
    table = _make_table()
    table.add_column("Fabric", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    table.add_column("Health", no_wrap=True)
    for name in ("Drift", "Objects", "Last sync", "Next sync"):
        table.add_column(name, no_wrap=True, justify="right")
    for fabric in fabrics:
        table.add_row(
            fabric.name,
            _format_fabric_status(fabric),
            _format_health(fabric.health),
            format_count(fabric.drift_count),
            format_count(sum(fabric.counts.values()) if fabric.counts else None),
            format_time_ago(fabric.last_sync, now),
            format_time_until(fabric.next_sync, now),
        )
    remarks = _make_grid()
    for fabric in fabrics:
        for remark in (*_list_remarks(fabric, now), *list_inventory_remarks(fabric)):
            remarks.add_row(fabric.name, remark)
    for sentence in describe_other_owners(fabric.owner for fabric in fabrics):
        remarks.add_row("fleet", Text(sentence, style="yellow"))
    for remark in _list_fleet_remarks(fleet, fabrics, now) if fleet else ():
        remarks.add_row("fleet", remark)
    return Group(table, "", remarks) if remarks.row_count else table


def render_fabric_status(fabric: FabricOverview, now: datetime) -> RenderableType:
    """Render everything about one fabric."""
    properties = _make_grid()
    for name, value in _list_properties(fabric, now):
        properties.add_row(name, value)
    parts: list[RenderableType] = [Text(f"{fabric.name}\n", style="bold"), properties]
    if fabric.drift:
        parts += ["", render_drift_table(fabric, now)]
    return Group(*parts)


def render_history_table(reports: Sequence[SyncReport], now: datetime) -> RenderableType:
    """Render one line per sync, oldest first, and how punctual the syncs were."""
    table = _make_table()
    for name in ("#", "Started (UTC)", "Why", "Late", "Took", "Status", "Drift", "Missed"):
        table.add_column(
            name, justify="left" if name in {"Why", "Status"} else "right", no_wrap=True
        )
    for report in reports:
        table.add_row(
            str(report.number),
            format_time(report.started, now),
            report.trigger,
            format_duration(report.lateness),
            format_duration(report.duration),
            _format_sync_status(report.sync_status),
            format_count(report.drift_count),
            str(report.missed) if report.missed else "",
        )
    punctuality = Text(summarize_punctuality(reports), style="bright_black")
    return Group(table, "", _render_sync_notes(reports), punctuality)


def _render_sync_notes(reports: Sequence[SyncReport]) -> Table:
    """Errors and changes in NetBox, once for consecutive syncs with the same ones."""
    grid = _make_grid()
    for (error, changes), group in groupby(
        reports, key=lambda report: (report.error, format_changes(report.inventory))
    ):
        numbers = [report.number for report in group]
        which = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
        if error:
            grid.add_row(which, Text(error, style="red"))
        if changes:
            grid.add_row(which, f"{changes} objects in NetBox")
    return grid


def compute_median_lateness(reports: Sequence[SyncReport]) -> float | None:
    """Return the median lateness of scheduled syncs in seconds; None if unknown."""
    known = [report.lateness for report in reports if report.lateness is not None]
    return median(known) if known else None


def summarize_punctuality(reports: Sequence[SyncReport]) -> str:
    """Return one line on how late the syncs were and how many slots were missed."""
    lateness, missed = compute_median_lateness(reports), sum(report.missed for report in reports)
    return (
        f"{len(reports)} syncs; median lateness {format_duration(lateness) or 'not known'};"
        f" slots missed: {missed}."
    )


def render_check_table(checks: Sequence[Check]) -> Table:
    """Render one line per check."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        mark = Text("✓", style="green") if check.ok else Text("✗", style="red")
        table.add_row(mark, check.name, Text(check.sentence))
    return table


def _make_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)


def _make_grid() -> Table:
    """A column of names and a column of texts."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bright_black", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _list_properties(fabric: FabricOverview, now: datetime) -> list[tuple[str, RenderableType]]:
    lines: list[tuple[str, RenderableType]] = [
        ("Fabric id", fabric.fabric_id),
        ("Status", _format_fabric_status(fabric)),
        ("Health", f"{fabric.health}. {fabric.health_message}".strip(" .")),
        ("Interval", f"{fabric.sync_interval} s"),
        ("Last sync", format_time_and_age(fabric.last_sync, now)),
        ("Last success", format_time_and_age(fabric.last_success, now)),
        ("Next sync", format_time_until(fabric.next_sync, now)),
        ("Connection", str(fabric.connection_status)),
        ("Synced by", fabric.owner),
        ("Commit", fabric.commit[:12]),
        ("Drift", format_count(fabric.drift_count)),
        ("Accepted", format_count(fabric.accepted_count or None)),
        ("Objects", format_counts(fabric.counts)),
        ("Inventory", describe_inventory(fabric)),
        ("Remarks", Text("\n").join(_list_remarks(fabric, now))),
    ]
    return [(name, value) for name, value in lines if value]


def _list_remarks(fabric: FabricOverview, now: datetime) -> list[Text]:
    last_success = format_time_ago(fabric.last_success, now)
    remarks = {
        fabric.sync_error: "red",
        fabric.netbox_error: "red",
        "No loop is running; a worker starts one soon." if fabric.lost else "": "red",
        f"Stale: last success {last_success}." if fabric.stale else "": "red",
        _describe_owner(fabric): "red",
        _describe_health(fabric): HEALTH_STYLES[fabric.health],
        fabric.pause_text: "magenta",
        fabric.ignored: "yellow",
        _describe_disabled_reason(fabric): "bright_black",
        _describe_drift(fabric): "yellow",
        fabric.rule_notice: "yellow",
        fabric.accepted_text and f"Accepted: {fabric.accepted_text}": "bright_black",
    }
    return [Text(text, style=style) for text, style in remarks.items() if text]


def _list_fleet_remarks(
    fleet: FleetSummary, fabrics: Sequence[FabricOverview], now: datetime
) -> list[Text]:
    """Count the states of `fabrics`, newer than `fleet`, and list its problems."""
    states = sorted(Counter(str(fabric.sync_status) for fabric in fabrics).items())
    counts = ", ".join(f"{count} {state}" for state, count in states) or "no fabrics"
    age = f"last round {format_time_ago(fleet.checked, now)}" if fleet.checked else "no round yet"
    summary = f"{counts}; {age}."
    problems = (_describe_stale_fabrics(fleet, fabrics), fleet.error, *fleet.problems)
    return [
        Text(summary, style="bright_black"),
        *(Text(problem, style="red") for problem in problems if problem),
    ]


def _describe_stale_fabrics(fleet: FleetSummary, fabrics: Sequence[FabricOverview]) -> str:
    """Name stale fabrics that only the fleet knows: their loops never ran."""
    marked = {fabric.name for fabric in fabrics if fabric.stale}
    names = [name for name in fleet.stale if name not in marked]
    if not names:
        return ""
    return f"Stale as of the fleet's last round: {', '.join(names)}; `starter.py doctor FABRIC` says why."


def _describe_owner(fabric: FabricOverview) -> str:
    """Name the owner of a stale fabric, and the command that moves it here."""
    if not (fabric.stale and fabric.owner):
        return ""
    take_over = f"starter.py doctor {fabric.fabric_id or fabric.name} --take-over"
    return f"Belongs to {fabric.owner}; `{take_over}` moves it here."


def _describe_disabled_reason(fabric: FabricOverview) -> str:
    if fabric.sync_status is SyncStatus.NOT_CONFIGURED:
        return "Its record names no Kubernetes server (hh_kubernetes_server)."
    if fabric.sync_status is not SyncStatus.DISABLED or not fabric.sync_enabled:
        return ""
    if fabric.sync_interval == 0:
        return "Enabled, but its interval is 0."
    return "Enabled, but its record is not active."


def _describe_health(fabric: FabricOverview) -> str:
    is_known = fabric.health in {Health.PROGRESSING, Health.DEGRADED}
    return fabric.health_message if is_known else ""


def _describe_drift(fabric: FabricOverview) -> str:
    if fabric.sync_status is not SyncStatus.OUT_OF_SYNC or not fabric.drift:
        return ""
    first = fabric.drift[0]
    more = (fabric.drift_count or 1) - 1
    return f"{first.kind} {first.name} {first.change}" + (f" and {more} more" if more else "")


def _format_health(health: Health) -> Text:
    return Text("" if health is Health.UNKNOWN else str(health), style=HEALTH_STYLES[health])


def _format_sync_status(status: SyncStatus) -> Text:
    symbol, color = STATUS_STYLES[status]
    return Text(f"{symbol} {status}", style=color)


def _format_fabric_status(fabric: FabricOverview) -> Text:
    """The status, introduced by "stale, was" where it is no longer kept up to date."""
    prefix = Text("stale, was ", style="red") if fabric.stale else Text()
    return prefix + _format_sync_status(fabric.sync_status)
