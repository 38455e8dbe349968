"""Many long sequences of whatever may happen to fabrics. How many: `FABRIC_SYNC_SOAK_SEQUENCES`."""

import os

import pytest

from tests.e2e.conftest import installation, running
from tests.e2e.installation import Installation
from tests.e2e.truth import world_in_thread
from tests.e2e.truth_machine import check

__all__ = ["installation", "running"]


@pytest.mark.soak
def test_all_that_is_said_is_one_truth_for_long(installation: Installation) -> None:
    sequences = int(os.environ.get("FABRIC_SYNC_SOAK_SEQUENCES", "30"))
    with world_in_thread(installation) as (loop, world):
        check(loop, world, sequences=sequences, steps=30)
