"""What one reading of a fabric may cost."""

import pytest

from activities.kubernetes.budget import MAX_BYTES, MAX_KEPT_BYTES, ReadingBudget, limit_seconds
from fabrics.resources.api_json import TooLargeError


def test_bytes_of_all_pages_together_are_bounded() -> None:
    budget = ReadingBudget(seconds_left=1)
    for _ in range(8):
        budget.receive(MAX_BYTES // 8)
    with pytest.raises(TooLargeError):
        budget.receive(1)


def test_memory_of_all_pages_together_is_bounded() -> None:
    budget = ReadingBudget(seconds_left=1)
    budget.keep(MAX_KEPT_BYTES)
    with pytest.raises(TooLargeError):
        budget.keep(1)


@pytest.mark.parametrize(
    ("read_timeout", "seconds"), [(1, 3), (5, 15), (15, 45), (30, 45), (45, 45), (50, 50)]
)
def test_time_of_all_requests_is_less_than_a_sync_may_take(
    read_timeout: float, seconds: float
) -> None:
    assert limit_seconds(read_timeout) == seconds
