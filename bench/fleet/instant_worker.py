"""`worker.py` as it is, with sources that answer at once.

Only two things are replaced: the client of NetBox, by one over local files, and the reading of Git and
Kubernetes, by an observation without drift. Queues, worker slots, workflows, the fleet's rounds and the
exchange of records are the product's own.
"""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from unittest.mock import patch

from temporalio import activity

sys.path.insert(0, str(Path(__file__).parents[2]))  # for `python bench/fleet/instant_worker.py`

import worker
from activities.observe import FabricActivities, ObserveRequest
from bench.fleet.records import InstantNetBox
from bench.measure.arrivals import ArrivalLog
from fabrics.record.sync_status import Observation
from workers import activity_workers

FOLDER: Final = Path(os.environ["BENCH_FOLDER"])
LOOK_SECONDS: Final = float(os.environ["BENCH_LOOK_SECONDS"])
"""How long each look takes; 0 for at once."""


class InstantFabricActivities(FabricActivities):
    """The activities on fabrics that are always as Git says."""

    @activity.defn
    def observe(self, request: ObserveRequest) -> Observation:
        """Note the look, and return an observation without drift."""
        started = datetime.now(UTC)
        ArrivalLog(FOLDER).append(request.config.fabric_id)
        if LOOK_SECONDS:
            time.sleep(LOOK_SECONDS)
        return Observation(
            started=started,
            commit="c0ffee" * 6,
            desired_digest="desired",
            live_digest="live",
            counts={"Switch": 4, "Server": 20, "Connection": 16},
            drift_count=0,
        )


def main() -> None:
    """Run the worker."""
    InstantNetBox.folder = FOLDER
    with patch.multiple(
        activity_workers, FabricActivities=InstantFabricActivities, NetBox=InstantNetBox
    ):
        worker.main()


if __name__ == "__main__":
    main()
