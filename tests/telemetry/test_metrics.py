"""Metrics of the process that executes activities."""

from fabrics.version import VERSION
from telemetry.metrics import BUILD


def test_release_is_a_metric() -> None:
    (metric,) = BUILD.collect()
    (sample,) = metric.samples
    assert (sample.name, sample.labels) == ("fabric_sync_build_info", {"version": VERSION})
