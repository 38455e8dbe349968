"""What is measured after an outage."""

from collections.abc import Iterator
from typing import override

import psutil
import pytest

from bench.fleet.phases import describe_catch_up, wait_until_all_seen
from bench.fleet.scheduler import FleetSize, Role, Scheduler
from bench.measure.grid import Grid

INTERVAL = 1000
"""Seconds; long enough that all slots of the test are in one interval."""


class IdleScheduler(Scheduler):
    """A scheduler without processes, whose looks a test writes."""

    name = "idle"
    polls = "never"

    @override
    def _start(self) -> None:
        pass

    @override
    def start_workers(self) -> None:
        pass

    @override
    def list_processes(self, role: Role) -> list[psutil.Process]:
        return []

    @override
    def read_lateness(self, since: float, until: float) -> list[float]:
        return []

    @override
    def list_planned(self) -> set[str]:
        return set()

    def write_look(self, fabric_id: str, moment: float) -> None:
        """Note a look at this time, in seconds since the epoch."""
        with self.arrivals.path.open("a") as log:
            log.write(f"{fabric_id} {moment} nan\n")


@pytest.fixture
def scheduler() -> Iterator[IdleScheduler]:
    """Return a scheduler of three fabrics."""
    with IdleScheduler(FleetSize(3, INTERVAL)) as scheduler:
        yield scheduler


def test_only_fabrics_with_a_slot_in_the_outage_catch_up(scheduler: IdleScheduler) -> None:
    slots = sorted(
        (Grid.of_fabric(fabric_id, INTERVAL).next_slot(0), fabric_id)
        for fabric_id in scheduler.size.fabric_ids
    )
    (first, early), (second, middle), (third, late) = slots
    down, up = first - 1, second + 1
    for fabric_id, moment in ((early, up + 4), (middle, up + 6), (late, third)):
        scheduler.write_look(fabric_id, moment)
    figures = describe_catch_up(scheduler, down, up)
    assert figures["first_look_s"] == 4
    assert figures["overdue"] == 2
    assert figures["caught_up_s"] == 2
    assert figures["rate_per_s"] == 1


def test_all_are_seen_when_the_last_one_was(scheduler: IdleScheduler) -> None:
    for number, fabric_id in enumerate(scheduler.size.fabric_ids):
        scheduler.write_look(fabric_id, 100 + number)
    assert wait_until_all_seen(scheduler, 90, timeout_seconds=1e12) == 12


def test_nobody_waits_for_ever(scheduler: IdleScheduler) -> None:
    assert wait_until_all_seen(scheduler, 0, timeout_seconds=0) is None
