"""The goals of a fleet beside hostile servers."""

import pytest

from bench.hostile import judge

BASELINE = {"p99_s": 0.1, "memory_mb": 500}


@pytest.mark.parametrize(
    ("p99", "count", "memory", "met"),
    [(0.15, 0, 800, [True] * 4), (0.16, 1, 900, [False] * 4)],
)
def test_goals_beside_hostile_servers(p99: float, count: int, memory: int, met: list[bool]) -> None:
    attacked = {"p99_s": p99, "missed": count, "failed": count, "memory_mb": memory}
    assert [goal["met"] for goal in judge(BASELINE, attacked, servers=2)] == met
