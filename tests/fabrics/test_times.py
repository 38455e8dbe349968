"""Times as people read them."""

from datetime import UTC, datetime

from fabrics.times import format_time


def test_times_are_shown_to_the_second() -> None:
    for microsecond in (0, 1, 999_999):
        moment = datetime(2026, 1, 2, 3, 4, 5, microsecond, UTC)
        assert format_time(moment) == "2026-01-02 03:04:05 UTC"


def test_missing_time_is_shown_as_none() -> None:
    assert format_time(None) == "none"
