"""What one reading of a fabric may cost.

Any server may be named, and none may fill a worker's memory or its slots. Single pages and objects are bounded in
`paged_lists.py` and `fabrics/resources/api_json.py`.
"""

from dataclasses import dataclass
from typing import Final

from fabrics.resources.api_json import TooLargeError

MAX_BYTES: Final = 256 * 1024 * 1024
"""Bytes of all pages together."""

MAX_KEPT_BYTES: Final = 100_000_000
"""Memory of what is kept of them: some 30,000 objects of 3 KB, where large fabrics have a few thousand."""

MAX_SECONDS: Final = 45.0
"""Seconds of all requests together: less than the shortest timeout of a sync (60 s), as for Git."""

MAX_TIMEOUTS: Final = 3
"""The same, in multiples of what one request may take."""


def limit_seconds(read_timeout: float) -> float:
    """Return how many seconds all requests of a reading may take together."""
    return max(read_timeout, min(MAX_TIMEOUTS * read_timeout, MAX_SECONDS))


@dataclass
class ReadingBudget:
    """What is left for a reading: time for requests, bytes to receive and to keep."""

    seconds_left: float
    bytes_left: int = MAX_BYTES
    kept_bytes_left: int = MAX_KEPT_BYTES

    def receive(self, size: int) -> None:
        """Take the bytes of a response. Raises `TooLargeError`."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise TooLargeError

    def keep(self, size: int) -> None:
        """Take the memory of a page, in bytes. Raises `TooLargeError`."""
        self.kept_bytes_left -= size
        if self.kept_bytes_left < 0:
            raise TooLargeError
