"""A limit on warnings that anybody who reaches the port can cause."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from time import monotonic
from typing import Final, override

INTERVAL_SECONDS: Final = 60.0


class RepetitionFilter(logging.Filter):
    """Passes each warning once a minute; the next one says how many were left out.

    Two warnings are the same if they are before their arguments are filled in, so there are only a few.
    """

    def __init__(self) -> None:
        super().__init__()
        self._next_times: dict[str, float] = {}
        self._left_out = Counter[str]()

    @override
    def filter(self, record: logging.LogRecord) -> bool | logging.LogRecord:
        if record.levelno < logging.WARNING:
            return True
        message, now = str(record.msg), monotonic()
        if now < self._next_times.get(message, now):
            self._left_out[message] += 1
            return False
        self._next_times[message] = now + INTERVAL_SECONDS
        if not (left_out := self._left_out.pop(message, 0)):
            return True
        counted = copy(record)
        counted.msg = f"{message} ({left_out:,} more since the last such line)"
        return counted


@contextmanager
def limited_warnings(*logger_names: str) -> Iterator[None]:
    """Limit the warnings of these loggers until the block ends."""
    repetitions, loggers = RepetitionFilter(), [logging.getLogger(name) for name in logger_names]
    for logger in loggers:
        logger.addFilter(repetitions)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(repetitions)
