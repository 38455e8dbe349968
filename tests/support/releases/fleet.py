"""A fleet on one Temporal server, whose worker is replaced by other releases."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, override

from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from bench.fleet.fabric_sync import FabricSyncFleet
from bench.fleet.records import create_records
from bench.fleet.scheduler import FleetSize
from bench.measure.arrivals import ArrivalLog
from fabrics.fleet.summary import FleetSummary
from stack.processes.supervisor import Service
from temporal import connect
from tests.support.releases.mistakes import Mistake
from tests.support.releases.promotion import set_current_version
from tests.support.system.fleet import fleet_handle
from workflows.fleet import Fleet

WORKER_SCRIPT: Final = Path(__file__).with_name("release_worker.py")
DEPLOYMENT: Final = "fabric-sync"
PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Release:
    """One release of the worker; only versioned ones belong to the deployment."""

    build: str
    mistake: Mistake = Mistake.NONE
    is_versioned: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of its worker."""
        version = {
            "FABRIC_SYNC_DEPLOYMENT_NAME": DEPLOYMENT,
            "FABRIC_SYNC_BUILD_ID": self.build,
        }
        release = {"RELEASE_BUILD": self.build, "RELEASE_MISTAKE": self.mistake}
        return release | (version if self.is_versioned else {})


class ReleaseFleet(FabricSyncFleet):
    """The loops of all fabrics; tests start and stop the releases that run them."""

    def __init__(self, size: FleetSize) -> None:
        """Prepare a fleet of this size without any worker.

        Rounds come a little earlier than by default, which makes up for the start of a worker on a busy machine.
        """
        super().__init__(size, workers=0, settings=["fleet_interval=15"])

    @override
    def _start(self) -> None:
        create_records(self.folder, self.size.fabric_ids, self.size.interval)
        self.start_temporal()

    def start(self, release: Release) -> Service:
        """Start the worker of a release."""
        environment = self._worker_environment | release.variables
        return self._supervisor.start(
            f"Worker {release.build}", [sys.executable, WORKER_SCRIPT], env=environment
        )

    def promote(self, release: Release) -> None:
        """Make a release the current one, once Temporal knows all of its workers."""
        build = release.build if release.is_versioned else ""
        wait_for(lambda: set_current_version(self._address, DEPLOYMENT, build))

    def looks(self, release: Release, since: float = 0) -> set[str]:
        """Return the fabrics at which this release has looked since then."""
        log = ArrivalLog(self.folder / release.build)
        return {arrival.fabric_id for arrival in log.read(since)}

    def wait_for_looks(self, release: Release, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until this release has looked at each fabric from now on."""
        since = time.time()
        wait_for(lambda: self.looks(release, since) == set(self.size.fabric_ids), seconds=seconds)

    def read_summary(self) -> FleetSummary:
        """Return the fleet's summary, an empty one while no worker answers."""
        return asyncio.run(self._query_summary())

    def list_first_runs(self) -> list[str]:
        """Return the id of the first run of each loop, which differs for a new loop."""
        descriptions = asyncio.run(self._describe())
        return [info.raw_description.workflow_execution_info.first_run_id for info in descriptions]

    def list_builds(self) -> set[str]:
        """Return the builds that have worked on loops last; empty for unversioned ones."""
        descriptions = asyncio.run(self._describe())
        infos = [info.raw_description.workflow_execution_info for info in descriptions]
        return {info.versioning_info.deployment_version.build_id for info in infos}

    async def _describe(self) -> Sequence[WorkflowExecutionDescription]:
        return await self._ask_each(WorkflowHandle.describe)

    async def _query_summary(self) -> FleetSummary:
        client = await connect({"TEMPORAL_ADDRESS": self._address})
        try:
            return await fleet_handle(client).query(Fleet.summary)
        except (RPCError, WorkflowQueryFailedError):
            return FleetSummary()


def wait_for(is_true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until the condition is true."""
    waiting = Retrying(
        retry=retry_if_result(lambda result: not result),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(seconds),
    )
    try:
        waiting(is_true)
    except RetryError:
        raise AssertionError(f"not within {seconds:g} s") from None
