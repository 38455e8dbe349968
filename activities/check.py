"""Looking at one thing that syncs depend on, for `starter.py doctor`."""

from collections.abc import Callable

from activities.errors import PermanentError, TransientError
from fabrics.check import Check


def check(name: str, look: Callable[[], str]) -> Check:
    """The sentence that `look` answers, or that of what it fails with."""
    try:
        return Check(name, True, look())
    except (PermanentError, TransientError) as error:
        return Check(name, False, str(error))
