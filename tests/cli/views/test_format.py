"""Durations as people read them."""

import pytest

from cli.views.format import format_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0004, "0 ms"),
        (0.123, "123 ms"),
        (1.25, "1.2 s"),
        (59.9, "59.9 s"),
        (61, "61 s"),
        (150, "2 min"),
        (7200, "2 h"),
        (200_000, "2 days"),
    ],
)
def test_durations_are_formatted(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text
