"""Render what has drifted, since when and by whom, for a terminal."""

from datetime import datetime

from rich import box
from rich.table import Table

from cli.views.format import format_time
from fabrics.drift.summary import SummaryField
from fabrics.fleet.overview import FabricOverview


def render_drift_table(fabric: FabricOverview, now: datetime) -> Table:
    """Render the first objects that differ, each with its first fields."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for name in ("Drift", "Since (UTC)", "Kind", "Object"):
        table.add_column(name, no_wrap=name != "Object", overflow="fold")
    table.add_column("Field: in Git → live (last changed by)", overflow="fold")
    for entry in fabric.drift:
        fields = [_format_field(field) for field in entry.fields]
        more = [f"and {entry.more_fields} more"] if entry.more_fields else []
        since = format_time(entry.since, now) if entry.since else "unknown"
        table.add_row(entry.change, since, entry.kind, entry.name, "\n".join(fields + more))
    left_out = (fabric.drift_count or 0) - len(fabric.drift)
    if left_out > 0:
        table.caption = f"and {left_out} more objects"
    return table


def _format_field(field: SummaryField) -> str:
    author = f" ({field.changed_by.name})" if field.changed_by else ""
    return f"{field.path}: {field.desired or 'absent'} → {field.live or 'absent'}{author}"
