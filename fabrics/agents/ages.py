"""Ages as the Kubernetes API prints them, and how coarse they are.

The API prints `5m12s`, `3h10m` or `9d`, by its own clock (`HumanDuration` of k8s.io/apimachinery). The older a
time is, the fewer digits it has. So a printed age is a range, and everything that follows from it has bounds.
"""

import re
from typing import Final, NamedTuple

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY

_NEVER: Final = frozenset({"<unknown>", "<none>", ""})
_IN_THE_FUTURE: Final = "<invalid>"
_MAX_SECONDS: Final = 10_000 * YEAR

_AGE: Final = re.compile(
    r"(?=\d)((?P<years>\d{1,4})y)?((?P<days>\d{1,4})d)?((?P<hours>\d{1,3})h)?"
    r"((?P<minutes>\d{1,3})m)?((?P<seconds>\d{1,3})s)?"
)
_SECONDS_BY_UNIT: Final = {
    "years": YEAR,
    "days": DAY,
    "hours": HOUR,
    "minutes": MINUTE,
    "seconds": 1,
}
_STEPS: Final = ((10 * MINUTE, 1), (8 * HOUR, MINUTE), (8 * DAY, HOUR), (8 * YEAR, DAY))
"""The smallest step of ages below a limit, in seconds; above all of them it is a year."""


class Age(NamedTuple):
    """An age in seconds: `low` or more, but less than `high`.

    It is negative for times in the future.
    """

    low: int
    high: int

    @classmethod
    def from_seconds(cls, seconds: int) -> "Age":
        """Return the range of the ages that are printed as this number of seconds."""
        if seconds == 0:
            return cls(-2, 1)  # a clock may be ahead by less than two seconds
        return cls(seconds, seconds + _find_step(seconds))


IN_THE_FUTURE: Final = Age(-_MAX_SECONDS, -1)
"""The age of a time that the API's clock has not reached. It says nothing about how far ahead that is."""


def parse_age(text: str | None) -> Age | None:
    """Return a printed age; None if there is no time.

    Raises `ValueError` for any other text. The API prints `<invalid>` for a time in the future.
    """
    if text is None or text in _NEVER:
        return None
    if text == _IN_THE_FUTURE:
        return IN_THE_FUTURE
    match = _AGE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r:.40} is not an age as the Kubernetes API prints it.")
    numbers = match.groupdict(default="0")
    return Age.from_seconds(
        sum(int(numbers[unit]) * size for unit, size in _SECONDS_BY_UNIT.items())
    )


def _find_step(seconds: int) -> int:
    return next((step for limit, step in _STEPS if seconds < limit), YEAR)
