"""Notices: what this version does not know, said once per kind."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from fabrics.drift.model import Drift, ListOutcome, UnknownField
from fabrics.drift.sentences import join_names, shorten
from fabrics.resources.kinds import COMPARED_KINDS, Kind
from fabrics.resources.schema.base import DifferenceReason

MAX_NOTICES: Final = 10
MAX_NOTICE_CHARS: Final = 400
MAX_PATHS: Final = 3
MAX_PATH_CHARS: Final = 60

_FIELD_NOTICES: Final = {
    DifferenceReason.UNKNOWN_LIVE: (
        "live fields that Git does not state and this version does not know: {paths};"
        " they are not compared."
    ),
    DifferenceReason.ORDER: (
        "lists that this version does not know, in another order than in Git: {paths};"
        " their order is not compared."
    ),
}

_KIND_NOTICES: Final = {
    ListOutcome.LISTED: (
        "This version does not know the kind {kind}; its objects in Git are compared by their"
        " whole spec."
    ),
    ListOutcome.NOT_SERVED: (
        "The fabric's API does not serve the kind {kind}, so its objects in Git are missing there;"
        " it may be misspelt or of another release."
    ),
    ListOutcome.FORBIDDEN: (
        "Git defines objects of the kind {kind}, but the worker may not list them, so they are not"
        " compared; deploy/clusterrole.yaml says how to allow it."
    ),
    ListOutcome.NOT_READ: (
        "Git defines objects of the kind {kind}, which this version does not know, but none were"
        " listed; they are not compared."
    ),
}


def limit_notices(notices: Sequence[str]) -> tuple[str, ...]:
    """Return the first notices, each on a line, and how many more there are."""
    shown = tuple(shorten(notice, MAX_NOTICE_CHARS) for notice in notices[:MAX_NOTICES])
    more = len(notices) - MAX_NOTICES
    return (*shown, f"{more} more notices are not shown.") if more > 0 else shown


def describe_notices(drift: Drift) -> Iterator[str]:
    """Yield what this version does not know."""
    fields: defaultdict[tuple[Kind, DifferenceReason], list[UnknownField]] = defaultdict(list)
    for field in drift.unknown_fields:
        fields[field.key.kind, field.reason].append(field)
    for kind in (*COMPARED_KINDS, *drift.unknown_kinds):
        for reason, sentence in _FIELD_NOTICES.items():
            if found := fields.get((kind, reason)):
                count = len({field.key for field in found})
                have = "object has" if count == 1 else "objects have"
                distinct = dict.fromkeys(field.path for field in found)
                paths = join_names(distinct, MAX_PATHS, MAX_PATH_CHARS)
                yield f"{count} {kind.name} {have} {sentence.format(paths=paths)}"
        if outcome := drift.unknown_kinds.get(kind):
            yield _KIND_NOTICES[outcome].format(kind=f"{kind.name} ({kind.group})")
