"""Metrics of the process that executes activities."""

from fabrics.version import VERSION
from telemetry.metrics import BUILD, NETBOX_REQUESTS


def test_release_is_a_metric() -> None:
    (metric,) = BUILD.collect()
    (sample,) = metric.samples
    assert (sample.name, sample.labels) == ("fabric_sync_build_info", {"version": VERSION})


def test_first_request_that_netbox_does_not_answer_raises_a_counter() -> None:
    """A series that begins with 1 has not increased for Prometheus."""
    (metric,) = NETBOX_REQUESTS.collect()
    shown = {tuple(sample.labels.values()) for sample in metric.samples}
    assert {("GET", code) for code in ("none", "502", "503", "504")} <= shown
