"""Workers that end at any moment lose nothing: another one goes on."""

import asyncio
import os
import random
import signal
from datetime import timedelta
from functools import partial
from typing import Final

import pytest

from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import REACH_SECONDS
from tests.support.faults.faults import HANG, HANG_BEFORE, Dependency, Fault
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase
from tests.support.faults.trials import START_TIME, WORK_TIME, run_trial
from tests.support.system.installation import wait_until

FABRICS: Final = 4
RANDOM_ENDS: Final = 6

STEPS: Final = (
    (Phase.STEADY, Dependency.KUBERNETES, "servers"),
    (Phase.STEADY, Dependency.KUBERNETES, "connections, next page"),
    (Phase.STEADY, Dependency.GIT, "check"),
    (Phase.STEADY, Dependency.NETBOX, "GET virtualization/clusters?type"),
    (Phase.GROW, Dependency.NETBOX, "POST dcim/devices"),
    (Phase.CHANGE, Dependency.NETBOX, "PATCH dcim/devices"),
    (Phase.SHRINK, Dependency.NETBOX, "DELETE dcim/devices"),
    (Phase.GROW, Dependency.GIT, "fetch"),
    (Phase.SHRINK, Dependency.NETBOX, "PATCH virtualization/clusters/*"),
    (Phase.GROW, Dependency.NETBOX, "POST dcim/cables"),
    (Phase.SHRINK, Dependency.NETBOX, "DELETE ipam/vrfs"),
    (Phase.GROW, Dependency.NETBOX, "POST graphql site"),
)
"""A sample of the boundaries of activities, in the order of a fabric's life."""

SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM)


@pytest.mark.soak
@pytest.mark.parametrize(("phase", "dependency", "step"), STEPS)
@pytest.mark.parametrize("moment", [HANG_BEFORE, HANG], ids=["before", "after"])
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
async def test_worker_ends_at_a_step(  # noqa: PLR0917  as pytest passes them by name
    fleets: FleetKeeper,
    number: signal.Signals,
    moment: Fault,
    phase: Phase,
    dependency: Dependency,
    step: str,
    record_property: RecordProperty,
) -> None:
    fleet = await fleets.get(FABRICS)
    await fleet.prepare(phase)
    triple = Triple(Dependency.WORKER, f"{number.name} {moment.name}", f"{dependency} {step}")

    async def end_worker(fleet: FaultyFleet) -> None:
        injection = fleet.inject(fleet.fabrics[0], dependency, moment, step)
        await fleet.enter(phase)
        await asyncio.wait_for(injection.reached.wait(), REACH_SECONDS)
        await fleet.end_worker(number)
        fleet.clear_faults()
        await fleet.start_worker()

    work_time = timedelta() if phase is Phase.STEADY else WORK_TIME
    outcome = await run_trial(fleet, triple, end_worker, START_TIME + work_time)
    check_outcomes([outcome], record_property)


@pytest.mark.soak
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
async def test_workers_end_at_random(
    fleets: FleetKeeper, number: signal.Signals, record_property: RecordProperty
) -> None:
    """`FABRIC_SYNC_SEED` repeats an earlier run, which prints its seed."""
    fleet = await fleets.get(FABRICS)
    await fleet.prepare(Phase.GROW)
    seed = int(os.environ.get("FABRIC_SYNC_SEED") or random.randrange(10**6))
    print(f"FABRIC_SYNC_SEED={seed}")
    rng = random.Random(seed)

    async def end_workers(fleet: FaultyFleet) -> None:
        await fleet.enter(Phase.GROW)
        for _ in range(RANDOM_ENDS):
            point = sum(fleet.netbox.exchanges.values()) + rng.randint(1, 60)
            await wait_until(
                partial(count_exchanges, fleet), partial(int.__le__, point), REACH_SECONDS
            )
            await fleet.end_worker(number)
            await fleet.start_worker()

    triple = Triple(Dependency.WORKER, number.name, "at random")
    outcome = await run_trial(fleet, triple, end_workers, START_TIME + WORK_TIME)
    check_outcomes([outcome], record_property)


async def count_exchanges(fleet: FaultyFleet) -> int:
    """Return the number of exchanges with NetBox."""
    return sum(fleet.netbox.exchanges.values())
