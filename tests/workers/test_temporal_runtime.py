"""Metrics that Temporal's client library exports, without any server."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace

import pytest
import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from temporalio.common import MetricMeter
from temporalio.runtime import Runtime

from activities.errors import PermanentError
from settings import Settings
from stack.processes.ports import PortPool
from tests.support.metrics import reserve_metrics_port
from workers.temporal_runtime import BUCKETS, get_exporter_address, set_up_temporal_runtime

BOUNDS = {f"{name}_seconds": set(bounds) for name, bounds in BUCKETS.items()}


@pytest.fixture
def settings() -> Iterator[Settings]:
    """The settings of a worker with free ports."""
    with closing(PortPool()) as ports:
        yield Settings(metrics_port=reserve_metrics_port(ports))


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch) -> list[Runtime]:
    """What was made for the process with the workflows, instead of for this one."""
    made: list[Runtime] = []
    process = SimpleNamespace(name="workflows")
    monkeypatch.setattr("workers.temporal_runtime.current_process", lambda: process)
    monkeypatch.setattr(Runtime, "set_default", made.append)
    return made


def measure_sync(meter: MetricMeter) -> None:
    """Measure a sync as workflows do."""
    meter.create_counter("fabric_sync_syncs_total").add(1, {"result": "in_sync"})
    for name in BUCKETS:
        meter.create_histogram_timedelta(name).record(timedelta(seconds=0.3))


def read_exported(settings: Settings) -> dict[str, Metric]:
    """Return the metrics of the process with the workflows by their names."""
    address = get_exporter_address(settings, "workflows")
    page = requests.get(f"http://{address}/metrics", timeout=60).text
    return {metric.name: metric for metric in text_string_to_metric_families(page)}


def test_names_and_buckets_are_those_that_the_dashboard_shows(
    settings: Settings, runtimes: list[Runtime]
) -> None:
    set_up_temporal_runtime(settings)
    measure_sync(runtimes[0].metric_meter)
    exported = read_exported(settings)

    [syncs] = exported["fabric_sync_syncs"].samples
    assert (syncs.name, syncs.value) == ("fabric_sync_syncs_total", 1)
    assert (syncs.labels["result"], syncs.labels["process"]) == ("in_sync", "workflows")
    for name, bounds in BOUNDS.items():
        buckets = [s for s in exported[name].samples if s.name == f"{name}_bucket"]
        assert {float(bucket.labels["le"]) for bucket in buckets} == bounds | {float("inf")}


async def test_port_that_is_taken_is_named(settings: Settings, runtimes: list[Runtime]) -> None:
    host, port = get_exporter_address(settings, "workflows").split(":")
    server = await asyncio.start_server(lambda *_: None, host, int(port))
    async with server:
        with pytest.raises(
            PermanentError, match=f"workflows .* {host}:{port} .* FABRIC_SYNC_METRICS_PORT"
        ):
            set_up_temporal_runtime(settings)
    assert runtimes == []
