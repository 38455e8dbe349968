"""Looking at one thing that syncs depend on, for `starter.py doctor`."""

from collections.abc import Callable, Sequence
from typing import Final

from activities.errors import PermanentError, TransientError
from fabrics.check import Check

MAX_LISTED: Final = 3


def run_check(name: str, action: Callable[[], str]) -> Check:
    """The sentence that `look` answers, or that of what it fails with."""
    try:
        return Check(name, True, action())
    except (PermanentError, TransientError) as error:
        return Check(name, False, str(error))


def join_abbreviated(texts: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return ", ".join(texts[:MAX_LISTED]) + more
