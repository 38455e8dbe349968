"""The product survives every fault at every exchange with NetBox, Git and Kubernetes."""

from collections.abc import Sequence
from itertools import cycle, islice

import pytest

from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import Steps, record_steps, run_batch, run_cycles
from tests.support.faults.faults import FAULTS, LASTING, LASTING_TIMES, Dependency
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase

FABRICS = 11
"""One more than the faults at a time."""

NAMES = [fault.name for fault in FAULTS]

REPRESENTATIVE = {
    Phase.STEADY: (
        Triple(Dependency.KUBERNETES, "503", "servers"),
        Triple(Dependency.KUBERNETES, "410", "servers, next page"),
        Triple(Dependency.KUBERNETES, "truncate", "switches"),
        Triple(Dependency.GIT, "html", "check"),
        Triple(Dependency.NETBOX, "redirect 302", "GET virtualization/clusters?type"),
    ),
    Phase.GROW: (
        Triple(Dependency.NETBOX, "drop", "POST dcim/devices"),
        Triple(Dependency.NETBOX, "502", "POST ipam/vrfs"),
        Triple(Dependency.NETBOX, "412", "PATCH virtualization/clusters/*"),
        Triple(Dependency.GIT, "reset", "fetch"),
        Triple(Dependency.KUBERNETES, "hang", "vpcs"),
    ),
}
"""One fault of each sort."""


@pytest.fixture(scope="module")
async def steps(fleets: FleetKeeper) -> Steps:
    """The steps of a life without faults, so that the suite follows the product."""
    return await record_steps(await fleets.get(FABRICS))


@pytest.mark.soak
async def test_representative_faults(fleets: FleetKeeper, record_property: RecordProperty) -> None:
    fleet = await fleets.get(6)
    outcomes = [
        outcome
        for phase, triples in REPRESENTATIVE.items()
        for outcome in await run_batch(fleet, phase, triples)
    ]
    check_outcomes(outcomes, record_property)


@pytest.mark.soak
@pytest.mark.parametrize("fault", NAMES)
async def test_a_fault_strikes_once(
    fleets: FleetKeeper, steps: Steps, fault: str, record_property: RecordProperty
) -> None:
    triples = select(steps, fault)
    check_outcomes(await run_cycles(await fleets.get(FABRICS), triples), record_property)


@pytest.mark.soak
@pytest.mark.parametrize("fault", LASTING)
async def test_a_fault_lasts_longer_than_retries(
    fleets: FleetKeeper, steps: Steps, fault: str, record_property: RecordProperty
) -> None:
    triples, fleet = select(steps, fault), await fleets.get(FABRICS)
    check_outcomes(await run_cycles(fleet, triples, LASTING_TIMES), record_property)


def select(steps: Steps, fault: str) -> dict[Phase, list[Triple]]:
    """Return a fault at all steps of a steady life, and at some steps of each other phase.

    Each fault strikes as many of those as fit into one batch, and each step is struck by some faults.
    """
    turn, size = NAMES.index(fault), FABRICS - 1
    selected = {phase: _take(found, turn * size, size) for phase, found in steps.items()}
    selected[Phase.STEADY] = steps[Phase.STEADY]
    return {
        phase: [Triple(dependency, fault, step) for dependency, step in found]
        for phase, found in selected.items()
    }


def _take[T](items: Sequence[T], start: int, count: int) -> Sequence[T]:
    """Return `count` items from `start` on, and from the first one again after the last."""
    rotated = islice(cycle(items), start, start + min(count, len(items)))
    return list(rotated)
