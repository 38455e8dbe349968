"""Ends of pauses as people type them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cli.errors import CommandError
from cli.options import parse_pause_end


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine be in Berlin: clocks change on 29 March and 25 October 2026."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def utc(text: str) -> datetime:
    """Return a time of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("1d12h", timedelta(hours=36)),
    ],
)
@pytest.mark.parametrize("day", ["2026-03-28 23:00", "2026-06-01 12:00", "2026-10-24 23:00"])
@pytest.mark.usefixtures("berlin")
def test_duration_passes_whatever_the_clocks_do(duration: str, length: timedelta, day: str) -> None:
    assert parse_pause_end(duration, "", utc(day)) == utc(day) + length


@pytest.mark.parametrize(
    ("now", "end", "expected"),
    [
        ("2026-06-01 12:00", "16:00", "2026-06-01 14:00"),
        ("2026-06-01 15:00", "16:00", "2026-06-02 14:00"),
        ("2026-06-01 12:00", "2026-12-24 08:00", "2026-12-24 07:00"),
        ("2026-06-01 12:00", "2026-12-24T08:00+03:00", "2026-12-24 05:00"),
        ("2026-06-01 12:00", "2026-12-24", "2026-12-23 23:00"),
        ("2026-03-28 20:00", "04:00", "2026-03-29 02:00"),  # the night is an hour shorter
        ("2026-03-28 20:00", "02:30", "2026-03-29 01:30"),  # that time is left out
        ("2026-10-24 20:00", "04:00", "2026-10-25 03:00"),  # the night is an hour longer
        ("2026-10-24 20:00", "02:30", "2026-10-25 00:30"),  # that time comes twice
        ("2026-10-25 00:45", "02:30", "2026-10-25 01:30"),
    ],
)
@pytest.mark.usefixtures("berlin")
def test_time_is_the_next_one_on_the_clock_of_this_machine(
    now: str, end: str, expected: str
) -> None:
    assert parse_pause_end("", end, utc(now)) == utc(expected)


def test_without_an_option_a_pause_has_no_end() -> None:
    assert parse_pause_end("", "", utc("2026-06-01")) is None


@pytest.mark.parametrize(
    ("duration", "end", "sentence"),
    [
        ("2h", "16:00", "not both"),
        ("2 hours", "", "such as 90m"),
        ("-2h", "", "such as 90m"),
        ("0m", "", "not in the future"),
        ("", "soon", "such as 16:00"),
        ("", "25:00", "such as 16:00"),
        ("", "2026-02-30 08:00", "such as 16:00"),
        ("", "2026-05-31 23:59+00:00", "not in the future"),
    ],
)
def test_unusable_ends_are_refused(duration: str, end: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        parse_pause_end(duration, end, utc("2026-06-01"))
