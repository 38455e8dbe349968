"""Render inventories for a terminal: writes, findings, pending deletes."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fabrics.agents.cabling import CablingFinding
from fabrics.fleet.overview import FabricOverview
from fabrics.inventory.report.report import DeletesWaiting, Finding, FindingType, InventoryReport
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.inventory_text import (
    deletes_waiting_sentence,
    parse_record_text,
    progress_sentence,
    report_sentence,
)
from fabrics.record.sync_status import InventoryState

FINDING_STYLES = {
    FindingType.UNEXPECTED: "yellow",
    FindingType.SKIPPED: "bright_black",
    FindingType.CONFLICT: "yellow",
    FindingType.ADOPTABLE: "cyan",
    FindingType.FAILED: "red",
    FindingType.WAITING: "bright_black",
}

UNREAD_CABLING = (
    "It is not known yet what the switches see at their ports. Two readings must agree, at least a minute apart, and"
    " the fabric's credential needs deploy/clusterrole-health.yaml."
)

STATE_STYLES = {
    InventoryState.FAILED: "red",
    InventoryState.WAITING: "yellow",
    InventoryState.BEHIND: "cyan",
}

STATE_TEXTS = {
    InventoryState.OFF: "Switched off.",
    InventoryState.UP_TO_DATE: "Up to date.",
    InventoryState.UNKNOWN: "Not known.",
}
"""The states that the record's text does not tell apart."""


def render_inventory(inventory: InventoryStatus, fabric_id: str) -> RenderableType:
    """Render a fabric's inventory, its findings, and the deletes to be confirmed."""
    summary = summarize_inventory(inventory) or "Nothing of this fabric is in NetBox yet."
    parts: list[RenderableType] = [Text(summary, style="bold")]
    if inventory.report and inventory.report.findings:
        parts += ["", _render_findings(inventory.report)]
    if inventory.deletes_waiting:
        parts += ["", render_deletes(inventory.deletes_waiting, fabric_id)]
    return Group(*parts)


def render_cabling(findings: Sequence[CablingFinding] | None) -> RenderableType:
    """Render one line for each link that is not cabled as stated."""
    if findings is None:
        return Text(UNREAD_CABLING, style="bold")
    if not findings:
        return Text("All links that the switches can judge are cabled as stated.", style="bold")
    table = Table.grid(padding=(0, 2))
    for name in ("type", "ends", "what"):
        table.add_column(name, no_wrap=name == "type", overflow="fold")
    for finding in findings:
        style = "bright_black" if finding.type.is_notice else "yellow"
        kind = Text(finding.type.replace("_", " "), style=style)
        table.add_row(kind, Text(" - ".join(finding.ends)), Text(finding.text))
    return table


def render_report(report: InventoryReport) -> RenderableType:
    """Render what was written, and which objects have problems."""
    summary = Text(report_sentence(report), style="bold")
    return Group(summary, "", _render_findings(report)) if report.findings else summary


def summarize_inventory(inventory: InventoryStatus) -> str:
    """Return the inventory's state in one line; empty if nothing is known of it."""
    last = _summarize_last_pass(inventory)
    match inventory.state:
        case InventoryState.OFF:
            return "Switched off."
        case InventoryState.RUNNING:
            state = progress_sentence(inventory.progress)
        case InventoryState.FAILED:
            state = inventory.failure
        case InventoryState.BEHIND:
            state = f"Behind since {_format_time(inventory.behind_since)}."
        case InventoryState.UP_TO_DATE:
            return f"Up to date: {last}"
        case InventoryState.WAITING:
            return f"Waiting for a person: {last}"
        case InventoryState.UNKNOWN:
            return last
    return f"{state} Before: {last}" if last else state


def describe_inventory(fabric: FabricOverview) -> str:
    """Return the inventory's state in one line, from the loop or else the record."""
    state = fabric.inventory_text or STATE_TEXTS.get(fabric.inventory_state, "")
    last = _summarize_last_pass(fabric.inventory)
    return " ".join(filter(None, (_describe_progress(fabric), state, last and f"Last: {last}")))


def list_inventory_remarks(fabric: FabricOverview) -> list[Text]:
    """List what a table says of an inventory that is not up to date."""
    text = fabric.inventory_text
    off = "The inventory is off." if fabric.inventory_state is InventoryState.OFF else ""
    remarks = {
        text: STATE_STYLES.get(parse_record_text(text), ""),
        _describe_progress(fabric): "cyan",
        off: "bright_black",
    }
    return [Text(remark, style=style) for remark, style in remarks.items() if remark]


def _describe_progress(fabric: FabricOverview) -> str:
    is_writing = fabric.inventory_state is InventoryState.RUNNING
    return progress_sentence(fabric.inventory.progress) if is_writing else ""


def _summarize_last_pass(inventory: InventoryStatus) -> str:
    if inventory.report is None:
        return ""
    return f"{report_sentence(inventory.report)}, {_format_time(inventory.mirrored)}"


def _format_time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def render_deletes(deletes: DeletesWaiting, fabric_id: str) -> RenderableType:
    """Render the deletes that wait for confirmation, the first of them by name."""
    left_out = sum(deletes.counts.values()) - len(deletes.first)
    plan = f"`starter.py inventory {fabric_id} --plan` lists absent objects"
    return Group(
        Text(deletes_waiting_sentence(deletes, fabric_id), style="yellow"),
        *(Text(f"  - {name}") for name in deletes.first),
        *render_left_out(left_out, f"  and {left_out:,} more; {plan}"),
    )


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
    more = render_left_out(left_out, f"and {left_out:,} more")
    return Group(render_findings_table(report.findings), *more)


def render_left_out(count: int, text: str) -> list[Text]:
    """Render that a list is cut short, if it is."""
    return [Text(text, style="bright_black")] if count > 0 else []
