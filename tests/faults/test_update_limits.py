"""Temporal's limits of updates: ten in flight, and two thousand of one run."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Final

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from fabrics.loop.report import SyncReport
from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import REACH_SECONDS
from tests.support.faults.faults import HANG, Dependency
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.trials import run_trial
from workflows.fabric_sync import FabricSync
from workflows.fabric_sync_handlers import LOOP_BUSY, MAX_WAITING_UPDATES

pytestmark = pytest.mark.soak

FABRICS: Final = 4
TOO_MANY_IN_FLIGHT: Final = 15
"""Temporal accepts ten updates of a workflow at a time."""

TOO_MANY_IN_ALL: Final = 2_100
"""It accepts 2,000 updates of one run."""

CLIENTS: Final = 5


def is_refusal(error: BaseException) -> bool:
    """Return whether the loop or Temporal says that there are too many updates."""
    if isinstance(error, WorkflowUpdateFailedError):
        return isinstance(error.cause, ApplicationError) and error.cause.type == LOOP_BUSY
    return isinstance(error, RPCError) and error.status is RPCStatusCode.RESOURCE_EXHAUSTED


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
        reports = [answer for answer in answers if isinstance(answer, SyncReport)]
        refusals = [answer for answer in answers if isinstance(answer, BaseException)]
        assert len(reports) >= MAX_WAITING_UPDATES
        assert refusals
        assert all(map(is_refusal, refusals)), refusals

    triple = Triple(Dependency.TEMPORAL, "updates in flight", "sync_now")
    check_outcomes(await run_trial(fleet, [triple], send), record_property)


async def test_more_updates_in_all_than_temporal_accepts(
    fleets: FleetKeeper, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)

    async def send(fleet: FaultyFleet) -> None:
        handle, accepted = fleet.fabrics[0].fabric.handle, Counter[str | None]()

        async def send_some() -> None:
            for _ in range(TOO_MANY_IN_ALL // CLIENTS):
                update = await handle.start_update(
                    FabricSync.resume, wait_for_stage=WorkflowUpdateStage.COMPLETED
                )
                try:
                    await update.result()
                except WorkflowUpdateFailedError as error:  # while the run's history is long
                    if not is_refusal(error):
                        raise
                else:
                    accepted[update.workflow_run_id] += 1

        await asyncio.gather(*(send_some() for _ in range(CLIENTS)))
        assert len(accepted) > 1, accepted

    triple = Triple(Dependency.TEMPORAL, "updates in all", "resume")
    check_outcomes(await run_trial(fleet, [triple], send), record_property)
