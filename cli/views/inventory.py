"""How an inventory looks in a terminal: what a sync made of it, and what waits for a person."""

from collections.abc import Iterable
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.report.preview import InventoryPreview, PlannedWrite, WriteAction
from fabrics.inventory.report.report import DeletesWaiting, Finding, FindingType, InventoryReport
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.inventory_text import deletes_waiting_sentence, progress_sentence, report_sentence

WRITE_STYLES = {
    WriteAction.CREATE: ("+", "green"),
    WriteAction.UPDATE: ("~", "yellow"),
    WriteAction.DELETE: ("-", "red"),
}
FINDING_STYLES = {
    FindingType.SKIPPED: "bright_black",
    FindingType.CONFLICT: "yellow",
    FindingType.ADOPTABLE: "cyan",
    FindingType.FAILED: "red",
}


def render_inventory(inventory: InventoryStatus, fabric_id: str) -> RenderableType:
    """What NetBox shows of a fabric, which objects have problems, and what is being done about it."""
    known = summarize_inventory(inventory) or "Nothing of it is in NetBox yet."
    parts: list[RenderableType] = [Text(known, style="bold")]
    if inventory.report and inventory.report.findings:
        parts += ["", _render_findings(inventory.report)]
    if inventory.deletes_waiting:
        parts += ["", render_deletes(inventory.deletes_waiting, fabric_id)]
    return Group(*parts)


def render_report(report: InventoryReport) -> RenderableType:
    """What was done, and which objects have problems."""
    said = Text(report_sentence(report), style="bold")
    return Group(said, "", _render_findings(report)) if report.findings else said


def summarize_inventory(inventory: InventoryStatus) -> str:
    """The inventory in a line; empty where nothing is known of it."""
    report = inventory.report
    known = f"{report_sentence(report)}, {_format_time(inventory.mirrored)}" if report else ""
    if not inventory.writing:
        return known
    return progress_sentence(inventory.progress) + (f" Before: {known}" if known else "")


def render_deletes(deletes: DeletesWaiting, fabric_id: str) -> RenderableType:
    """What is to be deleted, by name as far as names are known."""
    left_out = sum(deletes.counts.values()) - len(deletes.first)
    more = (
        f"  and {left_out:,} more; `starter.py inventory {fabric_id} --plan` lists what is absent"
    )
    return Group(
        Text(deletes_waiting_sentence(deletes, fabric_id), style="yellow"),
        *(Text(f"  - {name}") for name in deletes.first),
        *([Text(more, style="bright_black")] if left_out > 0 else []),
    )


def render_plan(plan: Plan) -> RenderableType:
    """How many objects a fabric is in NetBox, and what of it has no form there."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("NetBox model")
    table.add_column("Objects", justify="right")
    for model, count in plan.counts.items():
        if count:
            table.add_row(model, f"{count:,}")
    skipped = (
        Text(f"{each.key} {each.reason}", style=FINDING_STYLES[FindingType.SKIPPED])
        for each in plan.skipped
    )
    return Group(table, Text(f"\n{len(plan.skipped)} skipped"), *skipped)


def render_preview(preview: InventoryPreview) -> RenderableType:
    """Every write that a sync would make, as far as they are named."""
    if preview.held:
        return Text(preview.held, style="red")
    left_out = sum(preview.counts.values()) - len(preview.writes)
    counted = ", ".join(f"{count:,} to {doing}" for doing, count in preview.counts.items())
    return Group(
        *(_render_write(each) for each in preview.writes),
        *([Text(f"and {left_out:,} more", style="bright_black")] if left_out else []),
        Text(
            f"{counted}, {preview.unchanged:,} unchanged, {preview.skipped:,} skipped.",
            style="bold",
        ),
    )


def _render_write(write: PlannedWrite) -> Text:
    sign, style = WRITE_STYLES[write.doing]
    fields = f": {', '.join(write.fields)}" if write.fields else ""
    return Text(f"{sign} {write.what}{fields}", style=style)


def format_changes(report: InventoryReport | None) -> str:
    """What a sync wrote, short enough for a column; empty where it wrote nothing."""
    if report is None:
        return ""
    signs = {"+": report.created, "~": report.updated, "-": report.deleted}
    return " ".join(f"{sign}{count:,}" for sign, count in signs.items() if count)


def render_findings_table(findings: Iterable[Finding]) -> Table:
    """One line an object that has a problem."""
    table = Table.grid(padding=(0, 2))
    for name in ("problem", "what", "why"):
        table.add_column(name, no_wrap=name == "problem", overflow="fold")
    for each in findings:
        table.add_row(
            Text(each.problem, style=FINDING_STYLES[each.problem]), Text(each.what), Text(each.why)
        )
    return table


def _render_findings(report: InventoryReport) -> RenderableType:
    table = render_findings_table(report.findings)
    left_out = sum(report.problems.values()) - len(report.findings)
    if left_out <= 0:
        return table
    return Group(table, Text(f"and {left_out:,} more", style="bright_black"))


def _format_time(timestamp: datetime | None) -> str:
    return f"{timestamp:%Y-%m-%d %H:%M:%S} UTC" if timestamp else ""
