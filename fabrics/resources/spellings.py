"""Canonical spellings: each function returns the one that Hedgehog itself stores.

Text that is not a valid port, address or duration is returned unchanged: Hedgehog validates it.
"""

import re
from fractions import Fraction

_FIRST_LANE_PORT = re.compile(r"(?P<port>(.*/)?E\d+/\d+)/1")


def canonicalize_port(name: str) -> str:
    """Turn `leaf-01/E1/5/1`, the first lane of a breakout port, into `leaf-01/E1/5`."""
    match = _FIRST_LANE_PORT.fullmatch(name)
    return match["port"] if match else name


def canonicalize_speed(value: str) -> str:
    """Turn `SPEED_25G`, as older releases spell it, into `25G`."""
    return value.removeprefix("SPEED_")


_MAC = re.compile(r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4}", re.IGNORECASE)


def canonicalize_mac(address: str) -> str:
    """Turn `0C-20-12-FF-00-00` and `0c20.12ff.0000` into `0c:20:12:ff:00:00`."""
    if not _MAC.fullmatch(address):
        return address
    digits = re.sub(r"[^0-9a-f]", "", address.lower())
    return ":".join(digits[index : index + 2] for index in range(0, 12, 2))


_NANOSECONDS_PER_UNIT = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(rf"({_DURATION_PART.pattern})+")


def canonicalize_duration(value: str) -> str:
    """Turn a Go duration into the form that Go prints: `90s` into `1m30s`, 0 into "".

    Below a second that is whole nanoseconds.
    """
    if value == "0":
        return ""
    if not _DURATION.fullmatch(value):
        return value
    total = int(
        sum(
            Fraction(number) * _NANOSECONDS_PER_UNIT[unit]
            for number, unit in _DURATION_PART.findall(value)
        )
    )
    if total and total < _NANOSECONDS_PER_UNIT["s"]:
        return f"{total}ns"
    minutes, nanoseconds = divmod(total, _NANOSECONDS_PER_UNIT["m"])
    hours, minutes = divmod(minutes, 60)
    seconds = _format_seconds(nanoseconds)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    if minutes:
        return f"{minutes}m{seconds}s"
    return f"{seconds}s" if nanoseconds else ""


def _format_seconds(nanoseconds: int) -> str:
    whole, part = divmod(nanoseconds, _NANOSECONDS_PER_UNIT["s"])
    return f"{whole}.{part:09}".rstrip("0").rstrip(".")
