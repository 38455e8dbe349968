"""Measure how late syncs are while another release's workers take over, and back.

Run `.venv/bin/python bench/upgrade.py --before FOLDER`, with the folder of the release before, which is installed in
its `.venv`; without it, workers of this release take over from each other. A fleet whose sources answer at once (see
`bench.fleet.instant_worker`) first gets this release beside the one before, whose worker stops once Temporal
knows the new one, and then in the same way the one before again: so do a Helm chart, and several hosts one after
the other. Afterwards both happen with one worker alone, which stops before the next one starts, as on one host.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final, override

import typer
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/upgrade.py`

from bench.fleet.fabric_sync import FabricSyncFleet
from bench.fleet.phases import wait_until_settled
from bench.fleet.scheduler import PROJECT, FleetSize
from bench.measure.arrivals import group_by_fabric
from bench.measure.figures import summarize_lateness
from bench.measure.grid import judge_fleet, list_delays
from bench.measure.result import describe_machine, print_result, report_progress
from settings import Settings
from stack.processes.supervisor import Service
from temporal import connect

START_TIMEOUT_SECONDS: Final = 120.0
INTERVALS_AFTERWARDS: Final = 3


class UpgradedFleet(FabricSyncFleet):
    """A fleet whose worker is of one release or the other."""

    def __init__(self, size: FleetSize, before: Path) -> None:
        """Prepare a fleet whose first worker is that of the release in `before`."""
        super().__init__(size)
        self._release = before

    @override
    def start_workers(self) -> None:
        self._worker = self._start_worker(self._release)

    def replace(self, release: Path) -> None:
        """Start a release's worker, and stop the former once Temporal knows it."""
        known, former = self._list_pollers(), self._worker
        self._worker = self._start_worker(release)
        self._worker.wait_until(lambda: self._list_pollers() - known, START_TIMEOUT_SECONDS)
        former.stop()

    def restart(self, release: Path) -> None:
        """Stop the worker, and then start that of a release."""
        self._worker.stop()
        self._worker = self._start_worker(release)

    def _start_worker(self, release: Path) -> Service:
        command = [release / ".venv/bin/python", release / "bench/fleet/instant_worker.py"]
        return self._supervisor.start("Worker", command, env=self._worker_environment)

    def _list_pollers(self) -> set[str]:
        return asyncio.run(self._query_pollers())

    async def _query_pollers(self) -> set[str]:
        client = await connect({"TEMPORAL_ADDRESS": self._address})
        request = DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=Settings.model_fields["task_queue"].default),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        reply = await client.workflow_service.describe_task_queue(request)
        return {poller.identity for poller in reply.pollers}


def main(
    before: Annotated[Path, typer.Option(help="Folder of the release before.")] = PROJECT,
    fabrics: Annotated[int, typer.Option(min=1, help="Number of loops.")] = 50,
    interval: Annotated[int, typer.Option(min=5, help="Seconds between syncs.")] = 15,
) -> None:
    """Measure how late syncs are during an upgrade and the way back."""
    machine, steps = describe_machine(), []
    started = time.time()
    with UpgradedFleet(FleetSize(fabrics, interval), before) as fleet:
        wait_until_settled(fleet, started)
        for way in (fleet.replace, fleet.restart):
            for direction, release in {"upgrade": PROJECT, "back": before}.items():
                report_progress(f"{way.__name__} by {release}")
                begun = time.time()
                way(release)
                taken = round(time.time() - begun, 1)
                time.sleep(INTERVALS_AFTERWARDS * interval)
                step = {"way": way.__name__, "direction": direction, "took_s": taken}
                steps.append(step | _judge(fleet, begun))
    print_result("upgrade", machine, {"fabrics": fabrics, "interval_s": interval, "steps": steps})


def _judge(fleet: UpgradedFleet, since: float) -> dict[str, Any]:
    """Return how far the looks since then are behind their slots."""
    interval = fleet.size.interval
    never_seen: dict[str, list[float]] = {name: [] for name in fleet.size.fabric_ids}
    arrivals = never_seen | group_by_fabric(fleet.arrivals.read(since))
    verdict = judge_fleet(interval, arrivals, since, time.time())
    lateness = summarize_lateness(list_delays(interval, arrivals))
    return lateness | {"missed": verdict.missed, "doubled": verdict.doubled}


if __name__ == "__main__":
    typer.run(main)
