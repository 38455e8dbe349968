"""Upgrades and rollbacks under a running fleet, with and without versions.

The worker is the real one, with files for NetBox and sources that answer at once (see `bench/fleet/`).
"""

import time
from collections.abc import Iterator
from typing import Final

import pytest

from bench.fleet.scheduler import FleetSize
from tests.support.releases.fleet import Release, ReleaseFleet, wait_for
from tests.support.releases.mistakes import Mistake

pytestmark = pytest.mark.server

MAX_STUCK_SECONDS: Final = 60
"""How long a fabric may go without a sync after a rollback, besides its interval."""


@pytest.fixture(
    params=[
        pytest.param(FleetSize(3, 5), id="few"),
        pytest.param(
            FleetSize(50, 20), id="many", marks=[pytest.mark.soak, pytest.mark.timeout(1800)]
        ),
    ]
)
def fleet(request: pytest.FixtureRequest) -> Iterator[ReleaseFleet]:
    """A fleet on a server of its own, without a worker."""
    with ReleaseFleet(request.param) as fleet:
        yield fleet


def wait_until_failing_loops_are_named(fleet: ReleaseFleet) -> None:
    """Wait until a round says that tasks fail, long before any loop is overdue."""
    wait_for(
        lambda: any("fails at its task" in problem for problem in fleet.read_summary().problems)
    )


def wait_until_recovered(fleet: ReleaseFleet, release: Release, since: float) -> None:
    """Wait until this release has looked at each fabric since then, soon enough."""
    limit = MAX_STUCK_SECONDS + fleet.size.interval
    wait_for(lambda: fleet.looks(release, since) == set(fleet.size.fabric_ids), limit)


def test_versioned_release_is_promoted_and_rolled_back(fleet: ReleaseFleet) -> None:
    first, second = Release("1", is_versioned=True), Release("2", is_versioned=True)
    bad = Release("3", Mistake.BUG, is_versioned=True)
    fleet.start(first)
    fleet.promote(first)
    fleet.wait_for_looks(first)
    runs = fleet.list_first_runs()

    fleet.start(second)
    fleet.wait_for_looks(first)
    assert not fleet.looks(second)
    fleet.promote(second)
    fleet.wait_for_looks(second)
    wait_for(lambda: fleet.list_builds() == {second.build})
    assert fleet.list_first_runs() == runs

    fleet.start(bad)
    fleet.promote(bad)
    wait_until_failing_loops_are_named(fleet)
    rollback = time.time()
    fleet.promote(second)
    wait_until_recovered(fleet, second, rollback)
    wait_for(lambda: fleet.list_builds() == {second.build})


def test_unversioned_release_is_replaced_and_rolled_back(fleet: ReleaseFleet) -> None:
    first, second = Release("1"), Release("2")
    bad = Release("3", Mistake.OTHER_COMMANDS)
    worker = fleet.start(first)
    fleet.wait_for_looks(first)
    runs = fleet.list_first_runs()

    worker.stop()
    worker = fleet.start(second)
    fleet.wait_for_looks(second)
    assert fleet.list_first_runs() == runs

    worker.stop()
    worker = fleet.start(bad)
    wait_until_failing_loops_are_named(fleet)

    worker.stop()
    rollback = time.time()
    fleet.start(second)
    wait_until_recovered(fleet, second, rollback)


def test_unversioned_fleet_becomes_versioned_and_goes_back(fleet: ReleaseFleet) -> None:
    unversioned, versioned = Release("1"), Release("2", is_versioned=True)
    worker = fleet.start(unversioned)
    fleet.wait_for_looks(unversioned)
    runs = fleet.list_first_runs()

    fleet.start(versioned)
    fleet.promote(versioned)
    worker.stop()
    fleet.wait_for_looks(versioned)
    wait_for(lambda: fleet.list_builds() == {versioned.build})

    fleet.start(unversioned)
    fleet.promote(unversioned)
    fleet.wait_for_looks(unversioned)
    assert fleet.list_first_runs() == runs
