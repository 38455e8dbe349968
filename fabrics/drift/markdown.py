"""What has drifted, as a list in Markdown for the page of the record.

NetBox shows it in a narrow column, where the cells of a table would break words. A list of definitions takes the least
room there. Each line begins with words of ours, since Markdown acts on how a line begins.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from fabrics.drift.model import Author, DriftType
from fabrics.drift.summary import SummaryEntry, SummaryField
from fabrics.resources.resource import DEFAULT_NAMESPACE
from fabrics.texts import escape_markdown

MAX_BYTES: Final = 4_096
"""The longest report: NetBox shows it on the record's page, and keeps it in its changelog."""

MAX_ENDING_BYTES: Final = 200

PRESENT, ABSENT, UNKNOWN = "present", "absent", "unknown"


def render_drift_report(
    entries: Sequence[SummaryEntry],
    drift_count: int | None,
    fabric_id: str,
    accepted: str | None = None,
) -> str:
    """Return a list of the first of `drift_count` drifted objects, or nothing.

    Below it are the words of `accepted` on what rules accept, which is no drift.
    """
    apart = f"**Accepted differences:** {escape_markdown(accepted)}" if accepted else ""
    max_bytes = MAX_BYTES - _measure(apart)
    objects = _render_list(entries, drift_count, fabric_id, max_bytes) if entries else ""
    return "\n\n".join(filter(None, (objects, apart)))


def _render_list(
    entries: Sequence[SummaryEntry], drift_count: int | None, fabric_id: str, max_bytes: int
) -> str:
    blocks: list[str] = []
    size = 0
    for block in map(_render_entry, entries):
        size += _measure(block)
        if size > max_bytes - MAX_ENDING_BYTES:
            break
        blocks.append(block)
    left_out = max(drift_count or 0, len(entries)) - len(blocks)
    how = f"`starter.py diff {fabric_id}` shows all differences."
    ending = f"And {left_out} more objects. {how}" if left_out else how
    return "\n\n".join((*blocks, ending))


def _measure(block: str) -> int:
    return len(f"{block}\n\n".encode())


def _render_entry(entry: SummaryEntry) -> str:
    """Return the object as a term, and what is known of its drift as definitions."""
    namespace = "" if entry.namespace == DEFAULT_NAMESPACE else f"{entry.namespace}/"
    term = escape_markdown(f"{entry.change}: {entry.kind} {namespace}{entry.name}")
    since = _format_time(entry.since) if entry.since else UNKNOWN
    definitions = map(escape_markdown, _describe_differences(entry))
    return "\n:   ".join((f"**{term}**, since {since}", *definitions))


def _describe_differences(entry: SummaryEntry) -> Iterator[str]:
    for field in entry.fields or (_describe_whole(entry),):
        what = f"Field {field.path}" if field.path else "Object"
        sides = f"in Git {field.desired or ABSENT}, live {field.live or ABSENT}"
        yield f"{what}: {sides}; by whom: {_format_author(field.changed_by)}"
    if entry.more_fields:
        yield f"And {entry.more_fields} more fields"
    if entry.committed_by:
        yield f"Last commit: {_format_author(entry.committed_by)}"


def _describe_whole(entry: SummaryEntry) -> SummaryField:
    """Return an object that differs as a whole in the form of a field."""
    in_git = None if entry.change == DriftType.EXTRA else PRESENT
    live = None if entry.change == DriftType.MISSING else PRESENT
    return SummaryField("", in_git, live, entry.changed_by)


def _format_author(author: Author | None) -> str:
    return f"{author.name}, {_format_time(author.time)}" if author else UNKNOWN


def _format_time(moment: datetime) -> str:
    return f"{moment.isoformat(' ', 'minutes')[:16]} UTC"
