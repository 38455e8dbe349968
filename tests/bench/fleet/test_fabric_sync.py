"""A tiny fleet with real processes."""

import time

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from bench.fleet.fabric_sync import FabricSyncFleet
from bench.fleet.phases import wait_until_all_seen
from bench.fleet.scheduler import FleetSize

pytestmark = pytest.mark.server


def wait_for_lateness(fleet: FabricSyncFleet, since: float) -> list[float]:
    """Wait for a sync that is due at a slot: the first one of a fabric often is not."""
    waiting = Retrying(
        retry=retry_if_result(lambda lateness: not lateness),
        wait=wait_fixed(1),
        stop=stop_after_delay(120),
    )
    return waiting(lambda: fleet.read_lateness(since, time.time()))


def test_all_fabrics_are_looked_at_and_measured() -> None:
    started = time.time()
    with FabricSyncFleet(FleetSize(3, 5)) as fleet:
        assert wait_until_all_seen(fleet, started, timeout_seconds=120) is not None
        assert wait_for_lateness(fleet, started)
        assert all(seconds > 0 for seconds in fleet.measure_cpu_seconds().values())
        assert all(size > 0 for size in fleet.measure_memory().values())
        assert fleet.measure_longest_history() > 0
        assert fleet.measure_database() > 0
        assert fleet.list_planned() == set(fleet.size.fabric_ids)
    assert not fleet.folder.exists()
