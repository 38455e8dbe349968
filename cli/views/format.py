"""Numbers, durations and times as people read them."""

from datetime import datetime


def format_count(count: int | None) -> str:
    """Return a number with thousands separators; empty if it is not known."""
    return "" if count is None else f"{count:,}"


def format_duration(seconds: float | None) -> str:
    """Return a duration with its unit; empty if it is not known."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else _format_coarse_duration(seconds)


def format_time(time: datetime, now: datetime) -> str:
    """Return the time of day, with its date unless that is today."""
    return f"{time:%H:%M:%S}" if time.date() == now.date() else f"{time:%Y-%m-%d %H:%M:%S}"


def format_time_ago(time: datetime | None, now: datetime) -> str:
    """Return how long ago `time` was, in whole units."""
    if time is None:
        return "never"
    return f"{_format_coarse_duration(max(0, (now - time).total_seconds()))} ago"


def format_time_until(time: datetime | None, now: datetime) -> str:
    """Return how long it is until `time`, in whole units; empty if it is not known."""
    if time is None:
        return ""
    left = (time - now).total_seconds()
    return f"in {_format_coarse_duration(left)}" if left >= 1 else "now"


def format_time_and_age(time: datetime | None, now: datetime) -> str:
    """Return the time and how long ago it was."""
    age = format_time_ago(time, now)
    return f"{format_time(time, now)} UTC ({age})" if time else age


def _format_coarse_duration(seconds: float) -> str:
    for limit, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{int(seconds / size)} {unit}"
    return f"{int(seconds / 86_400)} days"
