"""Render drift for a terminal: Git's side in red, the fabric's in green."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from fabrics.drift.diff_report import AcceptedSummary, DiffReport
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
    yield Text(format_conclusion(report), style="bold")
    if report.accepted_count:
        count = report.accepted_count
        yield Text(f"Objects with accepted differences, which are no drift: {count}.", style="bold")
        for accepted in report.accepted:
            yield from _render_accepted(accepted)
    if report.unmanaged_count:
        left = f"Git leaves {report.unmanaged_count} live values to the installer:"
        yield Text(left, style="dim")
        yield from (Text(f"  {field}", style="dim") for field in report.unmanaged)
        if more := report.unmanaged_count - len(report.unmanaged):
            yield Text(f"  and {more} more", style="dim")
    yield from (Text(notice, style="yellow") for notice in report.notices)
    yield from (Text(problem, style="red") for problem in report.problems)


def _render_entry(entry: SummaryEntry) -> Iterator[Text]:
    sign, style, _ = CHANGE_STYLES[entry.change]
    yield Text(f"{sign} {format_change(entry)}", style=style)
    for field in entry.fields:
        yield Text(f"    {field.path}")
        if field.desired is not None:
            yield Text(f"      - {field.desired}", style="red")
        if field.live is not None:
            yield Text(f"      + {field.live}", style="green")
    if entry.more_fields:
        yield Text(f"    and {entry.more_fields} more fields", style="dim")


def _render_accepted(accepted: AcceptedSummary) -> Iterator[Text]:
    yield Text(f"= {format_change(accepted.entry)}", style="cyan")
    yield from (Text(f"    {field.path}", style="dim") for field in accepted.entry.fields)
    yield Text(f"    {format_acceptance(accepted)}", style="dim")


def format_object(entry: SummaryEntry) -> str:
    """Return an object's name, as `accept` takes it."""
    return f"{entry.kind}/{entry.namespace}/{entry.name}"


def format_change(entry: SummaryEntry) -> str:
    """Return how an object differs, and where Git has it."""
    _, _, meaning = CHANGE_STYLES[entry.change]
    place = f" ({entry.source})" if entry.source else ""
    return f"{format_object(entry)} {meaning}{place}"


def format_acceptance(accepted: AcceptedSummary) -> str:
    """Return by which rule a difference is accepted, for how long, and why."""
    until = f" until {accepted.until}" if accepted.until else ""
    return f"accepted{until} by {accepted.rule}: {accepted.reason}"


def format_conclusion(report: DiffReport) -> str:
    """Return how much differs."""
    commit = f" (commit {report.commit[:12]})" if report.commit else ""
    if not report.drift_count:
        return f"No drift{commit}."
    more = f"; {report.left_out} of them are not listed" if report.left_out else ""
    return f"Objects that differ from Git{commit}: {report.drift_count}{more}."
