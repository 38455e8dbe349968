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
from tests.support.faults.faults import HANG, Dependency
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase
from tests.support.faults.trials import START_TIME, WORK_TIME, run_trial
from tests.support.system.installation import wait_until

FABRICS: Final = 5
"""One more than the steps of a phase."""

RANDOM_ENDS: Final = 6
SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM)

STEPS: Final = {
    Phase.STEADY: (
        (Dependency.KUBERNETES, "servers"),
        (Dependency.KUBERNETES, "connections, next page"),
        (Dependency.GIT, "check"),
        (Dependency.NETBOX, "GET virtualization/clusters?type"),
    ),
    Phase.GROW: (
        (Dependency.GIT, "fetch"),
        (Dependency.NETBOX, "POST graphql site"),
        (Dependency.NETBOX, "POST dcim/devices"),
        (Dependency.NETBOX, "POST dcim/cables"),
    ),
    Phase.CHANGE: ((Dependency.NETBOX, "PATCH dcim/devices"),),
    Phase.SHRINK: (
        (Dependency.NETBOX, "PATCH virtualization/clusters/*"),
        (Dependency.NETBOX, "DELETE dcim/devices"),
        (Dependency.NETBOX, "DELETE ipam/vrfs"),
    ),
}
"""A sample of the boundaries of activities, by the phase that has them."""


@pytest.mark.soak
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
async def test_worker_ends_at_each_step(
    fleets: FleetKeeper,
    number: signal.Signals,
    phase: Phase,
    record_property: RecordProperty,
) -> None:
    """Each step is that of another fabric, which enters the phase only then."""
    fleet = await fleets.get(FABRICS)
    await fleet.prepare(phase)

    async def end_workers(fleet: FaultyFleet) -> None:
        for fabric, (dependency, step) in zip(fleet.fabrics, STEPS[phase], strict=False):
            injection = fleet.inject(fabric, dependency, HANG, step)
            await fleet.enter(phase, [fabric])
            await asyncio.wait_for(injection.reached.wait(), REACH_SECONDS)
            await fleet.end_worker(number)
            await fleet.start_worker()
        await fleet.enter(phase, fleet.fabrics[len(STEPS[phase]) :])

    triples = [
        Triple(Dependency.WORKER, number.name, f"{dependency} {step}")
        for dependency, step in STEPS[phase]
    ]
    work_time = timedelta() if phase is Phase.STEADY else WORK_TIME
    outcomes = await run_trial(fleet, triples, end_workers, START_TIME + work_time)
    check_outcomes(outcomes, record_property)


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
            point = await count_exchanges(fleet) + rng.randint(1, 120)
            await wait_until(
                partial(count_exchanges, fleet), partial(int.__le__, point), REACH_SECONDS
            )
            await fleet.end_worker(number)
            await fleet.start_worker()

    triple = Triple(Dependency.WORKER, number.name, "at random")
    outcomes = await run_trial(fleet, [triple], end_workers, START_TIME + WORK_TIME)
    check_outcomes(outcomes, record_property)


async def count_exchanges(fleet: FaultyFleet) -> int:
    """Return the number of exchanges with all dependencies, which never cease."""
    return sum(proxy.exchanges.total() for proxy in fleet.proxies)
