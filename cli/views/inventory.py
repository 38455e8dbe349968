"""Render inventories for a terminal: writes, findings, pending deletes."""

from collections.abc import Iterable

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
    """Render a fabric's inventory, its findings, and the deletes to be confirmed."""
    summary = summarize_inventory(inventory) or "Nothing of this fabric is in NetBox yet."
    parts: list[RenderableType] = [Text(summary, style="bold")]
    if inventory.report and inventory.report.findings:
        parts += ["", _render_findings(inventory.report)]
    if inventory.deletes_waiting:
        parts += ["", render_deletes(inventory.deletes_waiting, fabric_id)]
    return Group(*parts)


def render_report(report: InventoryReport) -> RenderableType:
    """Render what was written, and which objects have problems."""
    summary = Text(report_sentence(report), style="bold")
    return Group(summary, "", _render_findings(report)) if report.findings else summary


def summarize_inventory(inventory: InventoryStatus) -> str:
    """Return the inventory's state in one line; empty if nothing is known of it."""
    report, time = inventory.report, inventory.mirrored
    began = f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else ""
    last = f"{report_sentence(report)}, {began}" if report else ""
    if not inventory.writing:
        return last
    return progress_sentence(inventory.progress) + (f" Before: {last}" if last else "")


def render_deletes(deletes: DeletesWaiting, fabric_id: str) -> RenderableType:
    """Render the deletes that wait for confirmation, the first of them by name."""
    left_out = sum(deletes.counts.values()) - len(deletes.first)
    plan = f"`starter.py inventory {fabric_id} --plan` lists absent objects"
    return Group(
        Text(deletes_waiting_sentence(deletes, fabric_id), style="yellow"),
        *(Text(f"  - {name}") for name in deletes.first),
        *_render_left_out(left_out, f"  and {left_out:,} more; {plan}"),
    )


def render_plan(plan: Plan) -> RenderableType:
    """Render the number of NetBox objects by model, and skipped resources."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("NetBox model")
    table.add_column("Objects", justify="right")
    for model, count in plan.counts.items():
        if count:
            table.add_row(model, f"{count:,}")
    style = FINDING_STYLES[FindingType.SKIPPED]
    skipped = (Text(f"{skip.key} {skip.reason}", style=style) for skip in plan.skipped)
    return Group(table, Text(f"\n{len(plan.skipped)} skipped"), *skipped)


def render_preview(preview: InventoryPreview) -> RenderableType:
    """Render the writes that a sync would make, the first of them by name."""
    if preview.held:
        return Text(preview.held, style="red")
    left_out = sum(preview.counts.values()) - len(preview.writes)
    counts = ", ".join(f"{count:,} to {action}" for action, count in preview.counts.items())
    total = f"{counts}, {preview.unchanged:,} unchanged, {preview.skipped:,} skipped."
    return Group(
        *map(_render_write, preview.writes),
        *_render_left_out(left_out, f"and {left_out:,} more"),
        Text(total, style="bold"),
    )


def _render_write(write: PlannedWrite) -> Text:
    sign, style = WRITE_STYLES[write.doing]
    fields = f": {', '.join(write.fields)}" if write.fields else ""
    return Text(f"{sign} {write.what}{fields}", style=style)


def format_changes(report: InventoryReport | None) -> str:
    """Return what a sync wrote, as "+3 ~1 -2"; empty if it wrote nothing."""
    if report is None:
        return ""
    signs = {"+": report.created, "~": report.updated, "-": report.deleted}
    return " ".join(f"{sign}{count:,}" for sign, count in signs.items() if count)


def render_findings_table(findings: Iterable[Finding]) -> Table:
    """Render one line per object that has a problem."""
    table = Table.grid(padding=(0, 2))
    for name in ("problem", "what", "why"):
        table.add_column(name, no_wrap=name == "problem", overflow="fold")
    for finding in findings:
        problem = Text(finding.problem, style=FINDING_STYLES[finding.problem])
        table.add_row(problem, Text(finding.what), Text(finding.why))
    return table


def _render_findings(report: InventoryReport) -> RenderableType:
    left_out = sum(report.problems.values()) - len(report.findings)
    more = _render_left_out(left_out, f"and {left_out:,} more")
    return Group(render_findings_table(report.findings), *more)


def _render_left_out(count: int, text: str) -> list[Text]:
    return [Text(text, style="bright_black")] if count > 0 else []
