"""When the peers first look at a fabric."""

from bench.fleet.scheduler import FleetSize
from bench.measure.grid import Grid
from bench.peers.first_looks import (
    START_SECONDS,
    plan_first_looks,
    plan_first_looks_in_whole_seconds,
)

SIZE = FleetSize(20, 10)
NOW = 1_700_000_000.25


def test_first_looks_are_on_the_slots_once_workers_run() -> None:
    for fabric_id, due in plan_first_looks(SIZE, NOW).items():
        assert due == Grid.of_fabric(fabric_id, 10).next_slot(NOW + START_SECONDS)


def test_whole_seconds_are_never_before_the_slot() -> None:
    slots, planned = plan_first_looks(SIZE, NOW), plan_first_looks_in_whole_seconds(SIZE, NOW)
    assert planned.keys() == set(SIZE.fabric_ids)
    assert all(0 <= due - slots[fabric_id] < 1 for fabric_id, due in planned.items())
