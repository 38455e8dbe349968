"""`worker.py` of one release, with the mistake that `RELEASE_MISTAKE` names.

Records are files and sources answer at once, as in `bench/fleet/instant_worker.py`. What the activities of a release
look at is noted in the folder of its build.
"""

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from unittest.mock import patch

from temporalio import activity, workflow

sys.path.insert(0, str(Path(__file__).parents[3]))  # this file is run as a script

import worker
from activities.observe import ObserveRequest
from bench.fleet.instant_worker import FOLDER, InstantFabricActivities
from bench.fleet.records import InstantNetBox
from bench.measure.arrivals import ArrivalLog
from fabrics.record.sync_status import Observation
from tests.support.releases.mistakes import Mistake
from workers import activity_workers
from workflows.fabric_sync import FabricSync

BUILD_FOLDER: Final = FOLDER / os.environ["RELEASE_BUILD"]

type Step = Callable[[FabricSync], Awaitable[None]]

exchange_record: Final[Step] = FabricSync._exchange_record


class NotingFabricActivities(InstantFabricActivities):
    """The activities of this build."""

    @activity.defn
    def observe(self, request: ObserveRequest) -> Observation:
        """Note that this build looks at the fabric."""
        ArrivalLog(BUILD_FOLDER).append(request.config.fabric_id)
        return super().observe(request)


async def exchange_after_timer(loop: FabricSync) -> None:
    """Exchange the record as always, but after a timer that no history has."""
    await workflow.sleep(0.001)
    await exchange_record(loop)


async def fail(loop: FabricSync) -> None:
    """Fail as code with a bug does."""
    raise ZeroDivisionError("a bug of this release")


STEPS: Final[dict[Mistake, Step]] = {
    Mistake.NONE: exchange_record,
    Mistake.OTHER_COMMANDS: exchange_after_timer,
    Mistake.BUG: fail,
}


def main() -> None:
    """Run the worker."""
    InstantNetBox.folder = FOLDER
    BUILD_FOLDER.mkdir(exist_ok=True)
    step = STEPS[Mistake(os.environ["RELEASE_MISTAKE"])]
    with (
        patch.multiple(
            activity_workers, FabricActivities=NotingFabricActivities, NetBox=InstantNetBox
        ),
        patch.object(FabricSync, "_exchange_record", step),
    ):
        worker.main()


if __name__ == "__main__":
    main()
