"""Every fault at every exchange of fabrics that do not change is survived."""

import pytest

from tests.faults.conftest import FleetKeeper
from tests.support.faults.batches import Steps, record_steps, run_cycles
from tests.support.faults.faults import FAULTS
from tests.support.faults.outcomes import Triple
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase

pytestmark = pytest.mark.soak

FABRICS = 11
"""One more than the faults at a time."""


@pytest.fixture(scope="module")
async def steps(fleets: FleetKeeper) -> Steps:
    """The steps without faults, so that the suite follows the product."""
    return await record_steps(await fleets.get(FABRICS), [Phase.STEADY])


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
async def test_fault_strikes_fabrics_that_do_not_change(
    fleets: FleetKeeper, steps: Steps, fault: str, record_property: RecordProperty
) -> None:
    triples = {Phase.STEADY: [Triple(of, fault, step) for of, step in steps[Phase.STEADY]]}
    check_outcomes(await run_cycles(await fleets.get(FABRICS), triples), record_property)
