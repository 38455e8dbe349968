"""Render drift for a terminal: Git's side in red, the fabric's in green."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from fabrics.drift.diff_report import DiffReport
from fabrics.drift.summary import SummaryEntry

CHANGE_STYLES = {
    "changed": ("~", "yellow", "differs"),
    "missing": ("-", "red", "is in Git only"),
    "extra": ("+", "green", "is live only"),
}


def render_diff(report: DiffReport) -> RenderableType:
    """Render everything in the report, object by object."""
    return Group(*_render_lines(report))


def _render_lines(report: DiffReport) -> Iterator[Text]:
    if report.error:
        yield Text(report.error, style="red")
        return
    for entry in report.entries:
        yield from _render_entry(entry)
    yield Text(_format_conclusion(report), style="bold")
    if report.unmanaged_count:
        left = f"Git leaves {report.unmanaged_count} live values to the installer:"
        yield Text(left, style="dim")
        yield from (Text(f"  {field}", style="dim") for field in report.unmanaged)
        if more := report.unmanaged_count - len(report.unmanaged):
            yield Text(f"  and {more} more", style="dim")
    yield from (Text(notice, style="yellow") for notice in report.notices)
    yield from (Text(problem, style="red") for problem in report.problems)


def _render_entry(entry: SummaryEntry) -> Iterator[Text]:
    sign, style, meaning = CHANGE_STYLES[entry.change]
    yield Text(f"{sign} {entry.kind} {entry.namespace}/{entry.name} {meaning}", style=style)
    for field in entry.fields:
        yield Text(f"    {field.path}")
        if field.desired is not None:
            yield Text(f"      - {field.desired}", style="red")
        if field.live is not None:
            yield Text(f"      + {field.live}", style="green")
    if entry.more_fields:
        yield Text(f"    and {entry.more_fields} more fields", style="dim")


def _format_conclusion(report: DiffReport) -> str:
    commit = f" (commit {report.commit[:12]})" if report.commit else ""
    if not report.drift_count:
        return f"No drift{commit}."
    more = f"; {report.left_out} of them are not listed" if report.left_out else ""
    return f"Objects that differ from Git{commit}: {report.drift_count}{more}."
