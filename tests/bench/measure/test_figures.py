"""Percentiles and trends."""

from bench.measure.figures import describe_trend, summarize_lateness

TIMES = [float(second) for second in range(0, 1000, 10)]


def test_percentiles_of_a_hundred_looks() -> None:
    lateness = [number / 100 for number in range(101)]
    assert summarize_lateness(lateness) == {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99, "max_s": 1}


def test_one_look_is_each_percentile() -> None:
    assert set(summarize_lateness([0.2]).values()) == {0.2}


def test_no_look_has_no_percentile() -> None:
    assert set(summarize_lateness([]).values()) == {None}


def test_growth_at_the_start_is_no_trend() -> None:
    trend = describe_trend(TIMES, [min(100.0, 50 + second) for second in TIMES])
    assert trend == {"first": 50, "middle": 100, "last": 100, "slope_per_hour": 0, "rises": False}


def test_steady_growth_rises() -> None:
    trend = describe_trend(TIMES, [100 + second / 100 for second in TIMES])
    assert trend["slope_per_hour"] == 36
    assert trend["rises"]


def test_noise_does_not_rise() -> None:
    assert not describe_trend(TIMES, [100 + second % 30 for second in TIMES])["rises"]
