"""Looking at one thing that syncs depend on, for `starter.py doctor`."""

from collections.abc import Callable, Sequence
from typing import Final

from activities.errors import PermanentError, TransientError
from fabrics.check import Check

NAMED: Final = 3


def check(name: str, look: Callable[[], str]) -> Check:
    """The sentence that `look` answers, or that of what it fails with."""
    try:
        return Check(name, True, look())
    except (PermanentError, TransientError) as error:
        return Check(name, False, str(error))


def some(texts: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more
