"""How a plan looks in a terminal: planned objects, or the writes of a pass."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.views.inventory import FINDING_STYLES, render_left_out
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.report.preview import InventoryPreview, PlannedWrite, WriteAction
from fabrics.inventory.report.report import FindingType

WRITE_STYLES = {
    WriteAction.CREATE: ("+", "green"),
    WriteAction.UPDATE: ("~", "yellow"),
    WriteAction.DELETE: ("-", "red"),
}


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
    """Render the writes that a pass would make, the first of them by name."""
    if preview.held:
        return Text(preview.held, style="red")
    left_out = sum(preview.counts.values()) - len(preview.writes)
    counts = ", ".join(f"{count:,} to {action}" for action, count in preview.counts.items())
    total = f"{counts}, {preview.unchanged:,} unchanged, {preview.skipped:,} skipped."
    return Group(
        *map(_render_write, preview.writes),
        *render_left_out(left_out, f"and {left_out:,} more"),
        Text(total, style="bold"),
    )


def _render_write(write: PlannedWrite) -> Text:
    sign, style = WRITE_STYLES[write.doing]
    fields = f": {', '.join(write.fields)}" if write.fields else ""
    return Text(f"{sign} {write.what}{fields}", style=style)
