"""An API may lose definitions during a list."""

import asyncio
from typing import Final

import pytest

from fabrics.resources.kinds import get_kind
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.releases import HedgehogRelease
from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import REACH_SECONDS
from tests.support.faults.faults import BY_NAME, Dependency
from tests.support.faults.fleet import PAGE_LIMIT, FaultyFabric, FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase
from tests.support.faults.trials import run_trial

pytestmark = pytest.mark.soak

FABRICS: Final = 4


def emulated(fabric: FaultyFabric) -> EmulatedKubernetesApi:
    """Return the fabric's API as an emulator."""
    assert isinstance(fabric.fabric.api, EmulatedKubernetesApi)
    return fabric.fabric.api


@pytest.mark.parametrize("kind", ["Server", "Connection", "VPC"])
async def test_definition_is_removed_during_a_list(
    fleets: FleetKeeper, kind: str, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)
    await fleet.prepare(Phase.SHRINK)
    plural = get_kind(kind).plural
    listed = [item for item in fleet.fabrics[0].contents.live if item["kind"] == kind]
    assert len(listed) > PAGE_LIMIT  # a page follows the one that is late

    async def remove_definition(fleet: FaultyFleet) -> None:
        late = fleet.inject(fleet.fabrics[0], Dependency.KUBERNETES, BY_NAME["delay"], plural)
        await asyncio.wait_for(late.reached.wait(), REACH_SECONDS)
        for fabric in fleet.fabrics:
            emulated(fabric).stop_serving(get_kind(kind))
        await fleet.wait_for_errors()
        for fabric in fleet.fabrics:
            emulated(fabric).upgrade(HedgehogRelease.NEXT)
            emulated(fabric).apply_all(fabric.contents.live)

    triple = Triple(Dependency.KUBERNETES, "definition removed", plural)
    check_outcomes(await run_trial(fleet, [triple], remove_definition), record_property)
