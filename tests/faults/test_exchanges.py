"""The product survives faults at its exchanges while fabrics change."""

import random
from collections.abc import Sequence
from itertools import chain, islice

import pytest

from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import Steps, record_steps, run_batch, run_cycles
from tests.support.faults.faults import FAULTS, LASTING, LASTING_TIMES, Dependency
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase

FABRICS = 6
"""One more than the faults at a time."""

LIVES = 6
"""Lives with faults while something changes; each takes about a minute."""

LASTING_LIVES = 2

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


async def test_representative_faults(fleets: FleetKeeper, record_property: RecordProperty) -> None:
    fleet = await fleets.get(FABRICS)
    outcomes = [
        outcome
        for phase, triples in REPRESENTATIVE.items()
        for outcome in await run_batch(fleet, phase, triples)
    ]
    check_outcomes(outcomes, record_property)


@pytest.mark.soak
@pytest.mark.parametrize("life", range(LIVES))
async def test_faults_strike_fabrics_that_change(
    fleets: FleetKeeper, steps: Steps, life: int, record_property: RecordProperty
) -> None:
    triples = draw(steps, NAMES, LIVES)
    selected = {phase: drawn[life::LIVES] for phase, drawn in triples.items()}
    check_outcomes(await run_cycles(await fleets.get(FABRICS), selected), record_property)


@pytest.mark.soak
@pytest.mark.parametrize("fault", LASTING)
async def test_fault_lasts_longer_than_retries(
    fleets: FleetKeeper, steps: Steps, fault: str, record_property: RecordProperty
) -> None:
    triples, fleet = draw(steps, [fault], LASTING_LIVES), await fleets.get(FABRICS)
    check_outcomes(await run_cycles(fleet, triples, LASTING_TIMES), record_property)


def draw(steps: Steps, faults: Sequence[str], lives: int) -> dict[Phase, list[Triple]]:
    """Return as many faults of each phase of change as so many lives have places for.

    All of them would take hours. Each step has its first fault before any has its second; which ones are drawn depends
    on the steps alone.
    """
    return {
        phase: _draw(found, faults, lives * (FABRICS - 1))
        for phase, found in steps.items()
        if phase is not Phase.STEADY
    }


def _draw(
    steps: Sequence[tuple[Dependency, str]], faults: Sequence[str], count: int
) -> list[Triple]:
    rng = random.Random(0)
    orders = [
        [(step, fault) for fault in rng.sample(faults, len(faults))]
        for step in rng.sample(steps, len(steps))
    ]
    rounds = zip(*orders, strict=True)
    drawn = islice(chain.from_iterable(rounds), count)
    return [Triple(dependency, fault, step) for (dependency, step), fault in drawn]
