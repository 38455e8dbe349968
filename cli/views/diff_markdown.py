"""Drift as Markdown, for a comment on a pull request.

All words of Git and of the API are in fenced blocks, on lines that begin with a sign of ours: there they can be no
Markdown, and end no block.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from cli.views.diff import format_acceptance, format_change, format_conclusion, format_object
from fabrics.drift.diff_report import AcceptedSummary, DiffReport
from fabrics.drift.summary import SummaryEntry

MAX_BLOCK_CHARS = 40_000
"""Of each block of drift; GitHub takes comments of 65,536 characters."""


def render_markdown(report: DiffReport) -> str:
    """Return the report as Markdown."""
    return "\n".join(_render_parts(report))


def _render_parts(report: DiffReport) -> Iterator[str]:
    if report.error:
        yield from _render_block("**Fabric Sync could not compare this.**", [report.error])
        return
    yield f"**{format_conclusion(report)}**"
    if report.entries:
        lines = (line for entry in report.entries for line in _list_lines(entry))
        yield from ("", "`-` is in Git, `+` is live.", "", "```diff", *_cut(lines), "```")
    yield from _render_block(
        f"Objects with accepted differences, which are no drift: {report.accepted_count}",
        map(_describe_accepted, report.accepted),
    )
    yield from _render_block("Notices", report.notices)
    yield from _render_block("**Not compared**", report.problems)


def _describe_accepted(item: AcceptedSummary) -> str:
    entry = item.entry
    more = [f"and {entry.more_fields} more fields"] if entry.more_fields else []
    paths = ", ".join([*(field.path for field in entry.fields), *more])
    differs = f" at {paths}" if paths else ""
    return f"{format_object(entry)} {entry.change}{differs}: {format_acceptance(item)}"


def _list_lines(entry: SummaryEntry) -> Iterator[str]:
    yield f"# {format_change(entry)}"
    for field in entry.fields:
        yield f"  {field.path}"
        if field.desired is not None:
            yield f"-     {field.desired}"
        if field.live is not None:
            yield f"+     {field.live}"
    if entry.more_fields:
        yield f"  and {entry.more_fields} more fields"


def _render_block(title: str, sentences: Iterable[str]) -> Iterator[str]:
    """Yield sentences of others under a title; nothing if there are none."""
    lines = [f"- {sentence}" for sentence in sentences]
    if lines:
        yield from ("", title, "", "```text", *lines, "```")


def _cut(lines: Iterable[str]) -> Iterator[str]:
    """Yield the first lines, and say if there are more."""
    listed = list(lines)
    sizes = accumulate(len(line) + 1 for line in listed)
    shown = sum(size <= MAX_BLOCK_CHARS for size in sizes)
    yield from listed[:shown]
    if shown < len(listed):
        yield "# and more, which `starter.py diff` shows"
