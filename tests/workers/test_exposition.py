"""One page of metrics for several processes."""

from prometheus_client.parser import text_string_to_metric_families

from telemetry.metrics import WEBHOOKS
from tests.support.metrics import count_from_now
from workers.exposition import merge_expositions, render_metrics

ACTIVITIES = """\
# HELP temporal_request Count of client requests
# TYPE temporal_request counter
temporal_request{process="activities"} 3
# HELP temporal_latency_seconds Latency
# TYPE temporal_latency_seconds histogram
temporal_latency_seconds_bucket{process="activities",le="+Inf"} 1
temporal_latency_seconds_sum{process="activities"} 0.5
temporal_latency_seconds_count{process="activities"} 1
"""
WORKFLOWS = """\
# HELP fabric_sync_syncs_total Syncs
# TYPE fabric_sync_syncs_total counter
fabric_sync_syncs_total{process="workflows"} 7
# HELP temporal_request Count of client requests
# TYPE temporal_request counter
temporal_request{process="workflows"} 4
"""
NOBODY = "http://127.0.0.1:1/metrics"


def test_samples_of_a_metric_are_together_under_one_header() -> None:
    assert (
        merge_expositions([ACTIVITIES, WORKFLOWS])
        == """\
# HELP temporal_request Count of client requests
# TYPE temporal_request counter
temporal_request{process="activities"} 3
temporal_request{process="workflows"} 4
# HELP temporal_latency_seconds Latency
# TYPE temporal_latency_seconds histogram
temporal_latency_seconds_bucket{process="activities",le="+Inf"} 1
temporal_latency_seconds_sum{process="activities"} 0.5
temporal_latency_seconds_count{process="activities"} 1
# HELP fabric_sync_syncs_total Syncs
# TYPE fabric_sync_syncs_total counter
fabric_sync_syncs_total{process="workflows"} 7
"""
    )


def test_name_with_an_unusual_line_break_stays_on_its_line() -> None:
    text = '# TYPE fabrics gauge\nfabrics{name="a\u2028b\x85c"} 1\n'
    assert merge_expositions([text]) == text


def test_processes_without_metrics_add_nothing() -> None:
    assert merge_expositions(["", ACTIVITIES, ""]) == ACTIVITIES
    assert merge_expositions([]) == ""


def test_exporter_that_does_not_answer_is_left_out() -> None:
    grown = count_from_now("fabric_sync_webhooks_total", source="test", code="202")
    WEBHOOKS.labels("test", 202).inc()
    page = render_metrics([NOBODY])
    assert grown() == 1
    [family] = [
        family
        for family in text_string_to_metric_families(page)
        if family.name == "fabric_sync_webhooks"
    ]
    assert any(sample.labels == {"source": "test", "code": "202"} for sample in family.samples)
