"""NetBox, the loops and the command line agree after any event.

This runs a few short sequences; `make soak` runs many.
"""

from tests.support.consistency.environment import environment_in_thread
from tests.support.consistency.state_machine import check
from tests.support.system.installation import Installation


def test_all_views_agree_after_random_events(installation: Installation) -> None:
    with environment_in_thread(installation) as (loop, environment):
        check(loop, environment, sequences=4, steps=5)
