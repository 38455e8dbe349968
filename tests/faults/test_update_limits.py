"""Temporal's limits of updates: ten in flight, and two thousand of one run."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import TemporalError

from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import REACH_SECONDS
from tests.support.faults.faults import HANG, Dependency
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.trials import run_trial
from workflows.fabric_sync import FabricSync

pytestmark = pytest.mark.soak

FABRICS: Final = 4
TOO_MANY_IN_FLIGHT: Final = 15
"""Temporal accepts ten updates of a workflow at a time."""

TOO_MANY_IN_ALL: Final = 2_100
"""It accepts 2,000 updates of one run."""

CLIENTS: Final = 5


async def test_more_updates_in_flight_than_temporal_accepts(
    fleets: FleetKeeper, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)

    async def send(fleet: FaultyFleet) -> None:
        first = fleet.fabrics[0]
        held = fleet.inject(first, Dependency.KUBERNETES, HANG, "servers")
        await asyncio.wait_for(held.reached.wait(), REACH_SECONDS)
        updates = (
            first.fabric.handle.execute_update(
                FabricSync.sync_now, False, rpc_timeout=timedelta(seconds=30)
            )
            for _ in range(TOO_MANY_IN_FLIGHT)
        )
        answers = await asyncio.gather(*updates, return_exceptions=True)
        unexpected = [
            answer
            for answer in answers
            if isinstance(answer, BaseException) and not isinstance(answer, TemporalError)
        ]
        assert not unexpected

    triple = Triple(Dependency.TEMPORAL, "updates in flight", "sync_now")
    check_outcomes([await run_trial(fleet, triple, send)], record_property)


async def test_more_updates_in_all_than_temporal_accepts(
    fleets: FleetKeeper, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)

    async def send(fleet: FaultyFleet) -> None:
        handle = fleet.fabrics[0].fabric.handle

        async def send_some() -> None:
            for _ in range(TOO_MANY_IN_ALL // CLIENTS):
                with suppress(WorkflowUpdateFailedError):  # refused while the run's history is long
                    await handle.execute_update(FabricSync.resume)

        await asyncio.gather(*(send_some() for _ in range(CLIENTS)))

    triple = Triple(Dependency.TEMPORAL, "updates in all", "resume")
    check_outcomes([await run_trial(fleet, triple, send)], record_property)
