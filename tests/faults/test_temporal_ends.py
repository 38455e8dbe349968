"""Temporal is killed and starts again on its database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from activities.netbox.client import NetBox
from stack.stack import Stack
from temporal import connect
from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import REACH_SECONDS
from tests.support.faults.faults import HANG, Dependency
from tests.support.faults.fleet import INTERVAL, FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase
from tests.support.faults.trials import START_TIME, WORK_TIME, run_trial
from tests.support.system.installation import Installation, wait_until
from tests.support.system.restartable_temporal import RestartableTemporal, restartable_temporal

pytestmark = pytest.mark.soak

FABRICS: Final = 4
RECONNECT_TIME: Final = timedelta(seconds=60)
"""For a worker to notice a silent connection, and to connect again."""


class TemporalFleetKeeper(FleetKeeper):
    """Keeps a fleet with a Temporal server of its own."""

    temporal: RestartableTemporal

    async def install(self, folder: Path) -> Installation:
        """Make an installation with that server."""
        self.temporal = await self.exits.enter_async_context(restartable_temporal(folder))
        await self.exits.enter_async_context(self.temporal.up())
        address = self.temporal.address
        client = await connect({"TEMPORAL_ADDRESS": address})
        installation = await super().install(folder)
        return replace(installation, client=client, overrides={"TEMPORAL_ADDRESS": address})


@pytest.fixture(scope="module")
async def temporal_fleets(
    stack: Stack, admin: NetBox, constrained_token: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TemporalFleetKeeper]:
    """The fleet of this module."""
    keeper = TemporalFleetKeeper(stack, admin, constrained_token, tmp_path_factory)
    try:
        yield keeper
    finally:
        await keeper.close()


@pytest.mark.parametrize("seconds", [0, 6 * INTERVAL])
@pytest.mark.parametrize(
    ("phase", "dependency", "step"),
    [
        (Phase.STEADY, Dependency.KUBERNETES, "servers"),
        (Phase.GROW, Dependency.NETBOX, "POST dcim/devices"),
        (Phase.SHRINK, Dependency.NETBOX, "DELETE dcim/devices"),
    ],
)
async def test_temporal_is_killed(  # noqa: PLR0917  as pytest passes them by name
    temporal_fleets: TemporalFleetKeeper,
    phase: Phase,
    dependency: Dependency,
    step: str,
    seconds: int,
    record_property: RecordProperty,
) -> None:
    fleet = await temporal_fleets.get(FABRICS)
    temporal = temporal_fleets.temporal
    await fleet.prepare(phase)

    async def kill(fleet: FaultyFleet) -> None:
        injection = fleet.inject(fleet.fabrics[0], dependency, HANG, step)
        await fleet.enter(phase)
        await asyncio.wait_for(injection.reached.wait(), REACH_SECONDS)
        await temporal.kill()
        back = datetime.now(UTC) + timedelta(seconds=seconds)
        await wait_until(now, lambda moment: moment >= back, seconds + 5)
        await temporal.start()

    triple = Triple(Dependency.TEMPORAL, f"killed for {seconds} s", f"{dependency} {step}")
    outcomes = await run_trial(fleet, [triple], kill, START_TIME + RECONNECT_TIME + WORK_TIME)
    check_outcomes(outcomes, record_property)


async def now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)
