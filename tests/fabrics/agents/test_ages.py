"""Ages as the Kubernetes API prints them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fabrics.agents.ages import DAY, HOUR, IN_THE_FUTURE, MINUTE, YEAR, Age, parse_age
from tests.support.agents.tables import print_age


@given(st.floats(-10_000, 60 * YEAR))
@example(-1.5)
@example(599.9)
@example(8 * HOUR - 0.1)
@example(8 * DAY)
@example(2 * YEAR)
@example(8 * YEAR - 1)
def test_every_age_lies_in_the_range_of_its_print(seconds: float) -> None:
    age = parse_age(print_age(seconds))
    assert age is not None
    assert age.low < seconds < age.high or seconds == age.low


@pytest.mark.parametrize(
    ("text", "low", "width"),
    [
        ("59s", 59, 1),
        ("119s", 119, 1),
        ("5m", 5 * MINUTE, 1),
        ("5m12s", 312, 1),
        ("10m", 10 * MINUTE, MINUTE),
        ("179m", 179 * MINUTE, MINUTE),
        ("3h", 3 * HOUR, MINUTE),
        ("7h59m", 479 * MINUTE, MINUTE),
        ("8h", 8 * HOUR, HOUR),
        ("2d3h", 51 * HOUR, HOUR),
        ("8d", 8 * DAY, DAY),
        ("2y1d", 2 * YEAR + DAY, DAY),
        ("56y", 56 * YEAR, YEAR),
    ],
)
def test_older_ages_are_coarser(text: str, low: int, width: int) -> None:
    assert parse_age(text) == Age(low, low + width)


def test_future_is_told_from_never() -> None:
    assert parse_age("<invalid>") == IN_THE_FUTURE
    assert (parse_age(None), parse_age("<unknown>"), parse_age("<none>")) == (None, None, None)


@pytest.mark.parametrize("text", ["soon", "5", "5m5m", "-3s", "2026-11-28T10:00:00Z", "5 m", "1w"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an age"):
        parse_age(text)
