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

from cli.views.inventory import changes_of, in_short
from fabrics.check import Check
from fabrics.fleet.overview import FabricOverview
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.inventory_text import waiting_sentence, writing_sentence
from fabrics.loop.report import SyncReport
from fabrics.record.status import SyncStatus

LOOKS: Final = {
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


def status_table(
    fabrics: Sequence[FabricOverview], now: datetime, fleet: FleetSummary | None = None
) -> RenderableType:
    """One line a fabric: how it is, when it last and next syncs; below, what there is to remark, also on
    the fleet as a whole."""
    table = _table()
    table.add_column("Fabric", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    for name in ("Drift", "Objects", "Last sync", "Next sync"):
        table.add_column(name, no_wrap=True, justify="right")
    for fabric in fabrics:
        table.add_row(
            fabric.name,
            _state(fabric),
            _count(fabric.drift_count),
            _count(sum(fabric.counts.values()) if fabric.counts else None),
            _ago(fabric.last_sync, now),
            _ahead(fabric.next_sync, now),
        )
    remarks = _grid()
    for fabric in fabrics:
        for remark in (*_remarks(fabric, now), *_doing(fabric)):
            remarks.add_row(fabric.name, remark)
    for remark in _fleet_remarks(fleet, fabrics, now) if fleet else ():
        remarks.add_row("fleet", remark)
    return Group(table, "", remarks) if remarks.row_count else table


def status_page(fabric: FabricOverview, now: datetime) -> RenderableType:
    """Everything about one fabric."""
    facts = _grid()
    for name, value in _facts(fabric, now):
        facts.add_row(name, value)
    parts: list[RenderableType] = [Text(f"{fabric.name}\n", style="bold"), facts]
    if fabric.drift:
        parts += ["", drift_table(fabric)]
    return Group(*parts)


def drift_table(fabric: FabricOverview) -> Table:
    """The first objects that differ, each with its first fields."""
    table = _table()
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


def history_table(reports: Sequence[SyncReport], now: datetime) -> RenderableType:
    """One line a sync, oldest first, and how punctual they were."""
    table = _table()
    for name in ("#", "Started (UTC)", "Why", "Late", "Took", "Status", "Drift", "Missed"):
        table.add_column(
            name, justify="left" if name in {"Why", "Status"} else "right", no_wrap=True
        )
    for report in reports:
        table.add_row(
            str(report.number),
            _moment(report.started, now),
            report.trigger,
            in_words(report.lateness),
            in_words(report.duration),
            _status(report.sync_status),
            _count(report.drift_count),
            str(report.missed) if report.missed else "",
        )
    return Group(table, "", _news(reports), Text(punctuality(reports), style="bright_black"))


def _news(reports: Sequence[SyncReport]) -> Table:
    """What went wrong and what NetBox's inventory took, once for all syncs in a row that were alike."""
    grid = _grid()
    for (error, changes), alike in groupby(reports, key=_news_of):
        numbers = [report.number for report in alike]
        which = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
        if error:
            grid.add_row(which, Text(error, style="red"))
        if changes:
            grid.add_row(which, f"{changes} objects in NetBox")
    return grid


def _news_of(report: SyncReport) -> tuple[str, str]:
    return report.error, changes_of(report.inventory)


def median_lateness(reports: Sequence[SyncReport]) -> float | None:
    """The median of what is known of how late scheduled syncs were, in seconds."""
    known = [report.lateness for report in reports if report.lateness is not None]
    return median(known) if known else None


def punctuality(reports: Sequence[SyncReport]) -> str:
    """One line on how late the syncs were and how many slots had none."""
    late, missed = median_lateness(reports), sum(report.missed for report in reports)
    return (
        f"{len(reports)} syncs; median lateness {in_words(late) or 'not known'};"
        f" slots missed: {missed}."
    )


def check_table(checks: Sequence[Check]) -> Table:
    """One line a dependency."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        mark = Text("✓", style="green") if check.ok else Text("✗", style="red")
        table.add_row(mark, check.name, Text(check.sentence))
    return table


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)


def _grid() -> Table:
    """Names and what there is to say of each."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bright_black", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _facts(fabric: FabricOverview, now: datetime) -> list[tuple[str, RenderableType]]:
    lines: list[tuple[str, RenderableType]] = [
        ("Fabric id", fabric.fabric_id),
        ("Status", _state(fabric)),
        ("Interval", f"{fabric.sync_interval} s"),
        ("Last sync", _both(fabric.last_sync, now)),
        ("Last success", _both(fabric.last_success, now)),
        ("Next sync", _ahead(fabric.next_sync, now)),
        ("Connection", str(fabric.connection_status)),
        ("Commit", fabric.commit[:12]),
        ("Drift", _count(fabric.drift_count)),
        ("Objects", ", ".join(f"{n} {kind}" for kind, n in sorted(fabric.counts.items()))),
        ("Inventory", in_short(fabric.inventory)),
        ("Remarks", Text("\n").join(_remarks(fabric, now))),
    ]
    return [(name, value) for name, value in lines if value]


def _remarks(fabric: FabricOverview, now: datetime) -> list[Text]:
    remarks = {
        fabric.sync_error: "red",
        fabric.netbox_error: "red",
        _lost(fabric): "red",
        _stale(fabric, now): "red",
        _owner(fabric): "red",
        _paused(fabric): "magenta",
        fabric.ignored: "yellow",
        _switched_off(fabric): "bright_black",
        _named_drift(fabric): "yellow",
        _waiting(fabric): "yellow",
    }
    return [Text(text, style=style) for text, style in remarks.items() if text]


def _fleet_remarks(
    fleet: FleetSummary, fabrics: Sequence[FabricOverview], now: datetime
) -> list[Text]:
    """How many are in which state now; the fleet's own count is as old as its latest round."""
    states = sorted(Counter(str(fabric.sync_status) for fabric in fabrics).items())
    counts = ", ".join(f"{count} {state}" for state, count in states)
    elsewhere = f"; {fleet.elsewhere} of other installations" if fleet.elsewhere else ""
    looked = f"{counts or 'no fabrics'}; records and loops compared {_ago(fleet.checked, now)}{elsewhere}."
    problems = (_stale_by_fleet(fleet, fabrics), fleet.error, *fleet.problems)
    return [
        Text(looked, style="bright_black"),
        *(Text(sentence, style="red") for sentence in problems if sentence),
    ]


def _stale_by_fleet(fleet: FleetSummary, fabrics: Sequence[FabricOverview]) -> str:
    """Those that no line calls stale: of a loop that never got anywhere, the record has nothing to tell."""
    said = {fabric.name for fabric in fabrics if fabric.stale}
    names = [name for name in fleet.stale if name not in said]
    if not names:
        return ""
    return f"Stale when the fleet last looked: {', '.join(names)}; `starter.py doctor FABRIC` says more."


def _lost(fabric: FabricOverview) -> str:
    if not fabric.lost:
        return ""
    return "No loop runs; a worker starts it within a minute."


def _stale(fabric: FabricOverview, now: datetime) -> str:
    return f"Stale: last success {_ago(fabric.last_success, now)}." if fabric.stale else ""


def _owner(fabric: FabricOverview) -> str:
    """Whom to ask why it is stale: nothing that runs here can bring it back."""
    if not (fabric.stale and fabric.owner):
        return ""
    take_over = f"starter.py doctor {fabric.fabric_id or fabric.name} --take-over"
    return f"Belongs to {fabric.owner}; `{take_over}` moves it here."


def _paused(fabric: FabricOverview) -> str:
    return f"Paused: {fabric.pause_reason}" if fabric.paused and fabric.pause_reason else ""


def _switched_off(fabric: FabricOverview) -> str:
    if fabric.sync_status is SyncStatus.NOT_CONFIGURED:
        return "Its record names no Kubernetes server (hh_kubernetes_server)."
    if fabric.sync_status is not SyncStatus.DISABLED or not fabric.sync_enabled:
        return ""
    if fabric.sync_interval == 0:
        return "Enabled, but its interval is 0."
    return "Enabled, but its record is not active."


def _named_drift(fabric: FabricOverview) -> str:
    if fabric.sync_status is not SyncStatus.OUT_OF_SYNC or not fabric.drift:
        return ""
    first = fabric.drift[0]
    more = (fabric.drift_count or 1) - 1
    return f"{first.kind} {first.name} {first.change}" + (f" and {more} more" if more else "")


def _doing(fabric: FabricOverview) -> list[Text]:
    """What takes so long, where a sync takes long; the page of a single fabric has it elsewhere."""
    inventory = fabric.inventory
    return [Text(writing_sentence(inventory.progress), style="cyan")] if inventory.writing else []


def _waiting(fabric: FabricOverview) -> str:
    waiting = fabric.inventory.deletes_waiting
    return waiting_sentence(waiting, fabric.fabric_id) if waiting else ""


def _status(status: SyncStatus) -> Text:
    symbol, colour = LOOKS[status]
    return Text(f"{symbol} {status}", style=colour)


def _state(fabric: FabricOverview) -> Text:
    """The status; where nobody keeps it true any more, that is said first."""
    return (Text("stale, was ", style="red") if fabric.stale else Text()) + _status(
        fabric.sync_status
    )


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def in_words(seconds: float | None) -> str:
    """A duration in seconds as people read it; nothing where it is not known."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else _span(seconds)


def _span(seconds: float) -> str:
    """Whole units, as coarse as the span allows."""
    for limit, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{int(seconds / size)} {unit}"
    return f"{int(seconds / 86_400)} days"


def _ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    return f"{_span(max(0, (now - moment).total_seconds()))} ago"


def _ahead(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    left = (moment - now).total_seconds()
    return f"in {_span(left)}" if left >= 1 else "now"


def _both(moment: datetime | None, now: datetime) -> str:
    return "never" if moment is None else f"{_moment(moment, now)} UTC ({_ago(moment, now)})"


def _moment(moment: datetime, now: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M:%S}"
