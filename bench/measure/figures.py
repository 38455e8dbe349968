"""Pure figures: percentiles, and the trend of a series."""

import statistics
from collections.abc import Sequence
from typing import Final

RISING_SHARE: Final = 0.02
"""The rise over the observed time, as a share of the mean, above which a series counts as rising."""


def summarize_lateness(seconds: Sequence[float]) -> dict[str, float | None]:
    """Return p50, p95, p99 and the maximum in seconds; None each without any value."""
    if not seconds:
        return dict.fromkeys(("p50_s", "p95_s", "p99_s", "max_s"))
    values = [*seconds] if len(seconds) > 1 else [*seconds] * 2
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    named = {"p50_s": cuts[49], "p95_s": cuts[94], "p99_s": cuts[98], "max_s": max(seconds)}
    return {name: round(value, 3) for name, value in named.items()}


def describe_trend(times: Sequence[float], values: Sequence[float]) -> dict[str, float | bool]:
    """Describe a series: its ends, and the slope of its second half.

    The slope is by least squares, an hour; times are in seconds. The series rises if the line through the
    second half gains more than `RISING_SHARE` of its mean.
    """
    middle = len(times) // 2
    late_times, late_values = times[middle:], values[middle:]
    slope = statistics.linear_regression(late_times, late_values).slope
    gain = slope * (late_times[-1] - late_times[0])
    return {
        "first": round(values[0], 1),
        "middle": round(values[middle], 1),
        "last": round(values[-1], 1),
        "slope_per_hour": round(slope * 3600, 2),
        "rises": gain > RISING_SHARE * statistics.fmean(late_values),
    }
