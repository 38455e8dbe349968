"""Accepted differences in a few words, for records and what Temporal keeps."""

from typing import Final

from fabrics.drift.model import AcceptedEntry, Drift
from fabrics.drift.redaction import hide_unknown_values
from fabrics.drift.sentences import shorten

MAX_TEXT_CHARS: Final = 200
"""Of each text; a record holds both in one field of 500 characters."""

MAX_NAMED: Final = 5
MAX_NAME_CHARS: Final = 80


def count_accepted(drift: Drift) -> int:
    """Return the number of objects of which something is accepted."""
    return len({accepted.entry.key for accepted in drift.accepted})


def describe_accepted(drift: Drift) -> str:
    """Name the first accepted differences, each with its reason; empty if none is."""
    named = "; ".join(map(_describe, drift.accepted[:MAX_NAMED]))
    more = len(drift.accepted) - MAX_NAMED
    return shorten(f"{named}; and {more} more" if more > 0 else named, MAX_TEXT_CHARS)


def describe_rule_notices(drift: Drift) -> str:
    """Return the first notice on the rules, and how many more there are."""
    notices = drift.rule_notices
    if not notices:
        return ""
    more = f" ({len(notices) - 1} more)" if len(notices) > 1 else ""
    return shorten(notices[0], MAX_TEXT_CHARS - len(more)) + more


def _describe(accepted: AcceptedEntry) -> str:
    entry = accepted.entry
    name = shorten(f"{entry.key.kind.name} {entry.key.name}", MAX_NAME_CHARS)
    paths = dict.fromkeys(hide_unknown_values(field).path for field in entry.fields)
    first = shorten(next(iter(paths), entry.change.value), MAX_NAME_CHARS)
    more = f" and {len(paths) - 1} more fields" if len(paths) > 1 else ""
    return f"{name}: {first}{more} ({accepted.rule.reason})"
