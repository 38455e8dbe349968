"""Whatever happens, NetBox, the loop and the command line say the same, and no record contradicts itself.

A few short sequences here; `make soak` runs many.
"""

from tests.support.consistency.environment import world_in_thread
from tests.support.consistency.state_machine import check
from tests.support.system.installation import Installation


def test_all_that_is_said_is_one_truth(installation: Installation) -> None:
    with world_in_thread(installation) as (loop, world):
        check(loop, world, sequences=4, steps=5)
