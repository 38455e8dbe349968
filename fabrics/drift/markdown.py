"""What has drifted, as a table in Markdown for the page of the record."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from fabrics.drift.model import Author, DriftType
from fabrics.drift.summary import SummaryEntry, SummaryField
from fabrics.resources.resource import DEFAULT_NAMESPACE
from fabrics.texts import escape_markdown

MAX_BYTES: Final = 4_096
"""The longest report: NetBox shows it on the record's page, and keeps it in its changelog."""

MAX_ENDING_BYTES: Final = 200

COLUMNS: Final = ("Change", "Object", "Field", "In Git", "Live", "Since (UTC)", "By whom")
PRESENT, ABSENT, UNKNOWN = "present", "absent", "unknown"


def render_drift_report(
    entries: Sequence[SummaryEntry],
    drift_count: int | None,
    fabric_id: str,
    accepted: str | None = None,
) -> str:
    """Return a table of the first of `drift_count` drifted objects, or nothing.

    Below it are the words of `accepted` on what rules accept, which is no drift.
    """
    apart = f"**Accepted differences:** {escape_markdown(accepted)}" if accepted else ""
    max_bytes = MAX_BYTES - _measure(apart) - 1
    table = _render_table(entries, drift_count, fabric_id, max_bytes) if entries else ""
    return "\n\n".join(filter(None, (table, apart)))


def _render_table(
    entries: Sequence[SummaryEntry], drift_count: int | None, fabric_id: str, max_bytes: int
) -> str:
    lines = [_join_cells(COLUMNS), _join_cells(["---"] * len(COLUMNS))]
    size, shown = sum(map(_measure, lines)), 0
    for entry in entries:
        rows = list(_render_entry(entry))
        size += sum(map(_measure, rows))
        if size > max_bytes - MAX_ENDING_BYTES:
            break
        lines += rows
        shown += 1
    left_out = max(drift_count or 0, len(entries)) - shown
    how = f"`starter.py diff {fabric_id}` shows all differences."
    lines += ["", f"And {left_out} more objects. {how}" if left_out else how]
    return "\n".join(lines)


def _measure(line: str) -> int:
    return len(line.encode()) + 1


def _render_entry(entry: SummaryEntry) -> Iterator[str]:
    """Yield a row for each field; the first one names the object."""
    namespace = "" if entry.namespace == DEFAULT_NAMESPACE else f"{entry.namespace}/"
    first = (entry.change, f"{entry.kind} {namespace}{entry.name}")
    since = _format_time(entry.since) if entry.since else UNKNOWN
    for number, field in enumerate(entry.fields or (_describe_whole(entry),)):
        by_whom = _format_authors(field.changed_by, entry.committed_by)
        last = (field.path, field.desired or ABSENT, field.live or ABSENT, since, by_whom)
        yield _join_cells((*(first if number == 0 else ("", "")), *last))
    if entry.more_fields:
        yield _join_cells(("", "", f"and {entry.more_fields} more fields", "", "", "", ""))


def _describe_whole(entry: SummaryEntry) -> SummaryField:
    """Return an object that differs as a whole in the form of a field."""
    in_git = None if entry.change == DriftType.EXTRA else PRESENT
    live = None if entry.change == DriftType.MISSING else PRESENT
    return SummaryField("", in_git, live, entry.changed_by)


def _format_authors(changed_by: Author | None, committed_by: Author | None) -> str:
    live = _format_author(changed_by) if changed_by else UNKNOWN
    return f"{live}; in Git: {_format_author(committed_by)}" if committed_by else live


def _format_author(author: Author) -> str:
    return f"{author.name}, {_format_time(author.time)}"


def _format_time(moment: datetime) -> str:
    return moment.isoformat(" ", "minutes")[:16]


def _join_cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(escape_markdown, cells))} |"
