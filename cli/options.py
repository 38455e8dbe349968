"""Arguments and options of several commands, and checks of input."""

import re
import sys
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final

from typer import Argument, Option

from cli.errors import CommandError, validate_input
from fabrics.record.config import check_interval

FabricName = Annotated[str, Argument(metavar="FABRIC", help="Name or id of the fabric.")]
OptionalFabricName = Annotated[
    str | None, Argument(metavar="[FABRIC]", help="Name or id of the fabric.")
]
FabricNames = Annotated[list[str] | None, Argument(metavar="[FABRIC]...", help="Names or ids.")]
LiveFile = Annotated[
    Path | None, Option("--live", metavar="FILE.json", help="Output of `kubectl get -o json`.")
]
AsJson = Annotated[bool, Option("--json", help="Print JSON for programs.")]
PauseDuration = Annotated[
    str, Option("--for", metavar="DURATION", help="Resume after this time: 90m, 2h, 1d or 1d12h.")
]
PauseEnd = Annotated[
    str,
    Option("--until", metavar="TIME", help="Resume at this time: 16:00 or 2026-12-24 08:00."),
]
Yes = Annotated[bool, Option("--yes", help="Do not ask.")]


DURATION_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def require_terminal(alternative: str = "give --yes to go ahead without one.") -> None:
    """Raise `CommandError`, which tells the `alternative`, without a terminal."""
    if not sys.stdin.isatty():
        raise CommandError(f"Confirmation needs a terminal: {alternative}")


def parse_interval(text: str) -> int:
    """Return the interval in seconds. Raises `CommandError` if it is invalid."""
    is_integer = re.fullmatch(r"[+-]?[0-9]{1,20}", text)
    return validate_input(check_interval, int(text) if is_integer else text)


def parse_pause_end(duration: str, end: str, now: datetime) -> datetime | None:
    """Return when a pause ends; None if neither is given. Raises `CommandError`."""
    if duration and end:
        raise CommandError("Give --for or --until, not both.")
    if not (duration or end):
        return None
    moment = now + _parse_duration(duration) if duration else _parse_local_time(end, now)
    if moment <= now:
        raise CommandError(
            f"The end of the pause is not in the future: {moment:%Y-%m-%d %H:%M %Z}."
        )
    return moment.astimezone(UTC).replace(microsecond=0)


def _parse_duration(text: str) -> timedelta:
    if not re.fullmatch(r"(\d{1,4}[mhd]){1,3}", text):
        raise CommandError("--for must be a duration such as 90m, 2h, 1d or 1d12h.")
    parts = re.findall(r"(\d+)([mhd])", text)
    return sum(
        (timedelta(**{DURATION_UNITS[unit]: int(number)}) for number, unit in parts), timedelta()
    )


def _parse_local_time(text: str, now: datetime) -> datetime:
    """Parse a time, in this machine's zone unless it has an offset.

    A time of day is the next one; while clocks are set back, it comes twice.
    """
    try:
        if "-" in text:
            return datetime.fromisoformat(text).astimezone()
        time_of_day, today = time.fromisoformat(text), now.astimezone().date()
    except (ValueError, OverflowError):
        raise CommandError(
            "--until must be a time such as 16:00, 2026-12-24 08:00 or 2026-12-24T08:00+01:00."
        ) from None
    moments = (
        datetime.combine(today + timedelta(days=days), time_of_day.replace(fold=fold)).astimezone()
        for days in (0, 1)
        for fold in (0, 1)
    )
    return next(moment for moment in moments if moment > now)
