"""Many long sequences of random events.

`FABRIC_SYNC_SOAK_SEQUENCES` is their number.
"""

import os

import pytest

from tests.support.consistency.environment import environment_in_thread
from tests.support.consistency.state_machine import check
from tests.support.system.installation import Installation


@pytest.mark.soak
def test_all_views_agree_after_long_random_sequences(installation: Installation) -> None:
    sequences = int(os.environ.get("FABRIC_SYNC_SOAK_SEQUENCES", "30"))
    with environment_in_thread(installation) as (loop, environment):
        check(loop, environment, sequences=sequences, steps=30)
