"""The wait until nothing is being written any more."""

import time
from collections.abc import Callable
from typing import Final

POLL_SECONDS: Final = 0.5


def wait_until_quiet(
    read_last_write: Callable[[], float], quiet_seconds: float, deadline: float
) -> bool:
    """Wait until the last write is so long ago; return false at the deadline.

    Times are in seconds since the epoch.
    """
    while (now := time.time()) < read_last_write() + quiet_seconds:
        if now >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
