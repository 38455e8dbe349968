"""How fabrics and their syncs look in a terminal."""

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

from cli.views.inventory import format_changes, summarize_inventory
from fabrics.check import Check
from fabrics.fleet.overview import FabricOverview
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.inventory_text import deletes_waiting_sentence, progress_sentence
from fabrics.loop.report import SyncReport
from fabrics.record.status import SyncStatus

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


def render_status_table(
    fabrics: Sequence[FabricOverview], now: datetime, fleet: FleetSummary | None = None
) -> RenderableType:
    """One line a fabric: how it is, when it last and next syncs; below, what there is to remark, also on
    the fleet as a whole."""
    table = _make_table()
    table.add_column("Fabric", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    for name in ("Drift", "Objects", "Last sync", "Next sync"):
        table.add_column(name, no_wrap=True, justify="right")
    for fabric in fabrics:
        table.add_row(
            fabric.name,
            _format_fabric_status(fabric),
            _format_count(fabric.drift_count),
            _format_count(sum(fabric.counts.values()) if fabric.counts else None),
            _format_time_ago(fabric.last_sync, now),
            _format_time_until(fabric.next_sync, now),
        )
    remarks = _make_grid()
    for fabric in fabrics:
        for remark in (*_list_remarks(fabric, now), *_list_inventory_progress(fabric)):
            remarks.add_row(fabric.name, remark)
    for remark in _list_fleet_remarks(fleet, fabrics, now) if fleet else ():
        remarks.add_row("fleet", remark)
    return Group(table, "", remarks) if remarks.row_count else table


def render_fabric_status(fabric: FabricOverview, now: datetime) -> RenderableType:
    """Everything about one fabric."""
    facts = _make_grid()
    for name, value in _list_properties(fabric, now):
        facts.add_row(name, value)
    parts: list[RenderableType] = [Text(f"{fabric.name}\n", style="bold"), facts]
    if fabric.drift:
        parts += ["", render_drift_table(fabric)]
    return Group(*parts)


def render_drift_table(fabric: FabricOverview) -> Table:
    """The first objects that differ, each with its first fields."""
    table = _make_table()
    for name in ("Drift", "Kind", "Object"):
        table.add_column(name, no_wrap=name != "Object", overflow="fold")
    table.add_column("Field: in Git → live", overflow="fold")
    for entry in fabric.drift:
        fields = [f"{f.path}: {f.desired or 'absent'} → {f.live or 'absent'}" for f in entry.fields]
        more = [f"and {entry.more_fields} more"] if entry.more_fields else []
        table.add_row(entry.change, entry.kind, entry.name, "\n".join(fields + more))
    left_out = (fabric.drift_count or 0) - len(fabric.drift)
    if left_out > 0:
        table.caption = f"and {left_out} more objects"
    return table


def render_history_table(reports: Sequence[SyncReport], now: datetime) -> RenderableType:
    """One line a sync, oldest first, and how punctual they were."""
    table = _make_table()
    for name in ("#", "Started (UTC)", "Why", "Late", "Took", "Status", "Drift", "Missed"):
        table.add_column(
            name, justify="left" if name in {"Why", "Status"} else "right", no_wrap=True
        )
    for report in reports:
        table.add_row(
            str(report.number),
            _format_time(report.started, now),
            report.trigger,
            format_duration(report.lateness),
            format_duration(report.duration),
            _format_sync_status(report.sync_status),
            _format_count(report.drift_count),
            str(report.missed) if report.missed else "",
        )
    return Group(
        table,
        "",
        _render_sync_notes(reports),
        Text(summarize_punctuality(reports), style="bright_black"),
    )


def _render_sync_notes(reports: Sequence[SyncReport]) -> Table:
    """What went wrong and what NetBox's inventory took, once for all syncs in a row that were alike."""
    grid = _make_grid()
    for (error, changes), alike in groupby(reports, key=_get_sync_notes):
        numbers = [report.number for report in alike]
        which = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
        if error:
            grid.add_row(which, Text(error, style="red"))
        if changes:
            grid.add_row(which, f"{changes} objects in NetBox")
    return grid


def _get_sync_notes(report: SyncReport) -> tuple[str, str]:
    return report.error, format_changes(report.inventory)


def compute_median_lateness(reports: Sequence[SyncReport]) -> float | None:
    """The median of what is known of how late scheduled syncs were, in seconds."""
    known = [report.lateness for report in reports if report.lateness is not None]
    return median(known) if known else None


def summarize_punctuality(reports: Sequence[SyncReport]) -> str:
    """One line on how late the syncs were and how many slots had none."""
    late, missed = compute_median_lateness(reports), sum(report.missed for report in reports)
    return (
        f"{len(reports)} syncs; median lateness {format_duration(late) or 'not known'};"
        f" slots missed: {missed}."
    )


def render_check_table(checks: Sequence[Check]) -> Table:
    """One line a dependency."""
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
    """Names and what there is to say of each."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bright_black", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _list_properties(fabric: FabricOverview, now: datetime) -> list[tuple[str, RenderableType]]:
    lines: list[tuple[str, RenderableType]] = [
        ("Fabric id", fabric.fabric_id),
        ("Status", _format_fabric_status(fabric)),
        ("Interval", f"{fabric.sync_interval} s"),
        ("Last sync", _format_time_and_age(fabric.last_sync, now)),
        ("Last success", _format_time_and_age(fabric.last_success, now)),
        ("Next sync", _format_time_until(fabric.next_sync, now)),
        ("Connection", str(fabric.connection_status)),
        ("Commit", fabric.commit[:12]),
        ("Drift", _format_count(fabric.drift_count)),
        ("Objects", ", ".join(f"{n} {kind}" for kind, n in sorted(fabric.counts.items()))),
        ("Inventory", summarize_inventory(fabric.inventory)),
        ("Remarks", Text("\n").join(_list_remarks(fabric, now))),
    ]
    return [(name, value) for name, value in lines if value]


def _list_remarks(fabric: FabricOverview, now: datetime) -> list[Text]:
    remarks = {
        fabric.sync_error: "red",
        fabric.netbox_error: "red",
        _describe_lost_loop(fabric): "red",
        _describe_staleness(fabric, now): "red",
        _describe_owner(fabric): "red",
        _describe_pause(fabric): "magenta",
        fabric.ignored: "yellow",
        _describe_disabled_reason(fabric): "bright_black",
        _describe_drift(fabric): "yellow",
        _describe_pending_deletes(fabric): "yellow",
    }
    return [Text(text, style=style) for text, style in remarks.items() if text]


def _list_fleet_remarks(
    fleet: FleetSummary, fabrics: Sequence[FabricOverview], now: datetime
) -> list[Text]:
    """How many are in which state now; the fleet's own count is as old as its latest round."""
    states = sorted(Counter(str(fabric.sync_status) for fabric in fabrics).items())
    counts = ", ".join(f"{count} {state}" for state, count in states)
    elsewhere = f"; {fleet.elsewhere} of other installations" if fleet.elsewhere else ""
    looked = f"{counts or 'no fabrics'}; records and loops compared {_format_time_ago(fleet.checked, now)}{elsewhere}."
    problems = (_describe_stale_fabrics(fleet, fabrics), fleet.error, *fleet.problems)
    return [
        Text(looked, style="bright_black"),
        *(Text(sentence, style="red") for sentence in problems if sentence),
    ]


def _describe_stale_fabrics(fleet: FleetSummary, fabrics: Sequence[FabricOverview]) -> str:
    """Those that no line calls stale: of a loop that never got anywhere, the record has nothing to tell."""
    said = {fabric.name for fabric in fabrics if fabric.stale}
    names = [name for name in fleet.stale if name not in said]
    if not names:
        return ""
    return f"Stale when the fleet last looked: {', '.join(names)}; `starter.py doctor FABRIC` says more."


def _describe_lost_loop(fabric: FabricOverview) -> str:
    if not fabric.lost:
        return ""
    return "No loop runs; a worker starts it within a minute."


def _describe_staleness(fabric: FabricOverview, now: datetime) -> str:
    return (
        f"Stale: last success {_format_time_ago(fabric.last_success, now)}." if fabric.stale else ""
    )


def _describe_owner(fabric: FabricOverview) -> str:
    """Whom to ask why it is stale: nothing that runs here can bring it back."""
    if not (fabric.stale and fabric.owner):
        return ""
    take_over = f"starter.py doctor {fabric.fabric_id or fabric.name} --take-over"
    return f"Belongs to {fabric.owner}; `{take_over}` moves it here."


def _describe_pause(fabric: FabricOverview) -> str:
    return f"Paused: {fabric.pause_reason}" if fabric.paused and fabric.pause_reason else ""


def _describe_disabled_reason(fabric: FabricOverview) -> str:
    if fabric.sync_status is SyncStatus.NOT_CONFIGURED:
        return "Its record names no Kubernetes server (hh_kubernetes_server)."
    if fabric.sync_status is not SyncStatus.DISABLED or not fabric.sync_enabled:
        return ""
    if fabric.sync_interval == 0:
        return "Enabled, but its interval is 0."
    return "Enabled, but its record is not active."


def _describe_drift(fabric: FabricOverview) -> str:
    if fabric.sync_status is not SyncStatus.OUT_OF_SYNC or not fabric.drift:
        return ""
    first = fabric.drift[0]
    more = (fabric.drift_count or 1) - 1
    return f"{first.kind} {first.name} {first.change}" + (f" and {more} more" if more else "")


def _list_inventory_progress(fabric: FabricOverview) -> list[Text]:
    """What takes so long, where a sync takes long; the page of a single fabric has it elsewhere."""
    inventory = fabric.inventory
    return [Text(progress_sentence(inventory.progress), style="cyan")] if inventory.writing else []


def _describe_pending_deletes(fabric: FabricOverview) -> str:
    waiting = fabric.inventory.deletes_waiting
    return deletes_waiting_sentence(waiting, fabric.fabric_id) if waiting else ""


def _format_sync_status(status: SyncStatus) -> Text:
    symbol, colour = STATUS_STYLES[status]
    return Text(f"{symbol} {status}", style=colour)


def _format_fabric_status(fabric: FabricOverview) -> Text:
    """The status; where nobody keeps it true any more, that is said first."""
    return (Text("stale, was ", style="red") if fabric.stale else Text()) + _format_sync_status(
        fabric.sync_status
    )


def _format_count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def format_duration(seconds: float | None) -> str:
    """A duration in seconds as people read it; nothing where it is not known."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else _format_coarse_duration(seconds)


def _format_coarse_duration(seconds: float) -> str:
    """Whole units, as coarse as the span allows."""
    for limit, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{int(seconds / size)} {unit}"
    return f"{int(seconds / 86_400)} days"


def _format_time_ago(timestamp: datetime | None, now: datetime) -> str:
    if timestamp is None:
        return "never"
    return f"{_format_coarse_duration(max(0, (now - timestamp).total_seconds()))} ago"


def _format_time_until(timestamp: datetime | None, now: datetime) -> str:
    if timestamp is None:
        return ""
    left = (timestamp - now).total_seconds()
    return f"in {_format_coarse_duration(left)}" if left >= 1 else "now"


def _format_time_and_age(timestamp: datetime | None, now: datetime) -> str:
    return (
        "never"
        if timestamp is None
        else f"{_format_time(timestamp, now)} UTC ({_format_time_ago(timestamp, now)})"
    )


def _format_time(timestamp: datetime, now: datetime) -> str:
    return (
        f"{timestamp:%H:%M:%S}"
        if timestamp.date() == now.date()
        else f"{timestamp:%Y-%m-%d %H:%M:%S}"
    )
