"""Times as people read them."""

from datetime import UTC, datetime

import pytest

from fabrics.times import format_time, parse_time


def test_times_are_shown_to_the_second() -> None:
    for microsecond in (0, 1, 999_999):
        moment = datetime(2026, 1, 2, 3, 4, 5, microsecond, UTC)
        assert format_time(moment) == "2026-01-02 03:04:05 UTC"


def test_missing_time_is_shown_as_none() -> None:
    assert format_time(None) == "none"


@pytest.mark.parametrize(
    "text", ["2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "2026-01-02T05:04:05+02:00"]
)
def test_time_without_a_zone_is_utc(text: str) -> None:
    assert parse_time(text) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None
