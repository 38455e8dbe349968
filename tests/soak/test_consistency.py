"""Many long sequences of whatever may happen to fabrics. How many: `FABRIC_SYNC_SOAK_SEQUENCES`."""

import os

import pytest

from tests.support.consistency.environment import world_in_thread
from tests.support.consistency.state_machine import check
from tests.support.system.installation import Installation


@pytest.mark.soak
def test_all_that_is_said_is_one_truth_for_long(installation: Installation) -> None:
    sequences = int(os.environ.get("FABRIC_SYNC_SOAK_SEQUENCES", "30"))
    with world_in_thread(installation) as (loop, world):
        check(loop, world, sequences=sequences, steps=30)
