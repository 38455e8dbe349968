"""The product survives every fault at every exchange with NetBox, Git and Kubernetes."""

import pytest

from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import Steps, record_steps, run_batch, run_cycles
from tests.support.faults.faults import FAULTS, LASTING, LASTING_TIMES, Dependency
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase

FABRICS = 11
"""One more than the faults at a time."""

PROXIED = (Dependency.KUBERNETES, Dependency.GIT, Dependency.NETBOX)

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
@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
@pytest.mark.parametrize("dependency", PROXIED)
async def test_a_fault_strikes_once(
    fleets: FleetKeeper,
    steps: Steps,
    dependency: Dependency,
    fault: str,
    record_property: RecordProperty,
) -> None:
    triples = select(steps, dependency, fault)
    check_outcomes(await run_cycles(await fleets.get(FABRICS), triples), record_property)


@pytest.mark.soak
@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("dependency", PROXIED)
async def test_a_fault_lasts_longer_than_retries(
    fleets: FleetKeeper,
    steps: Steps,
    dependency: Dependency,
    fault: str,
    record_property: RecordProperty,
) -> None:
    triples, fleet = select(steps, dependency, fault), await fleets.get(FABRICS)
    check_outcomes(await run_cycles(fleet, triples, LASTING_TIMES), record_property)


def select(steps: Steps, dependency: Dependency, fault: str) -> dict[Phase, list[Triple]]:
    """Return a fault at all steps of a dependency, by phase."""
    return {
        phase: [Triple(dependency, fault, step) for of, step in found if of is dependency]
        for phase, found in steps.items()
    }
