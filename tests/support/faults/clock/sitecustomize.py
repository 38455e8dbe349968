"""Shift the clock of a Python process by `FAULTY_CLOCK_SECONDS`.

Python imports this at its start where `PYTHONPATH` names this folder. Timers keep their pace: they use another clock.
"""

import datetime as datetime_module
import os
import time
from datetime import datetime as RealDatetime

OFFSET_SECONDS = float(os.environ.get("FAULTY_CLOCK_SECONDS", "0"))
OFFSET = datetime_module.timedelta(seconds=OFFSET_SECONDS)

real_time, real_time_ns = time.time, time.time_ns


class _AnyDatetime(type):
    """Lets datetimes that are made in C count as instances."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, RealDatetime)


class ShiftedDatetime(RealDatetime, metaclass=_AnyDatetime):
    """A datetime whose current time is shifted."""

    @classmethod
    def now(cls, tz: datetime_module.tzinfo | None = None) -> RealDatetime:  # type: ignore[override]
        return RealDatetime.now(tz) + OFFSET


datetime_module.datetime = ShiftedDatetime  # type: ignore[misc]
time.time = lambda: real_time() + OFFSET_SECONDS
time.time_ns = lambda: real_time_ns() + int(OFFSET_SECONDS * 1e9)
