"""Measure how late fabrics are looked at, beside two other schedulers.

Run `.venv/bin/python bench/timing.py 100@10 1000@60`. For each size and system a fleet starts cold; after four
intervals, and once no record is being written any more, whole cycles are measured. Lateness is by the
system's own account: a loop's reports, or a job's planned time. How far looks are behind the grid, its drift,
and early, missed and doubled looks follow from their times alone (`bench.measure.grid`). Finally the workers of a
small fleet are killed with SIGKILL while some look, and started again. Worker, workflows and Temporal are the
product's own; only NetBox, Git and Kubernetes answer at once (`bench.fleet.instant_worker`).
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/timing.py`

from bench.fleet.fabric_sync import FabricSyncFleet
from bench.fleet.phases import kill_workers_during_looks, measure_cycles, wait_until_settled
from bench.fleet.scheduler import FleetSize, Scheduler
from bench.measure.figures import summarize_lateness
from bench.measure.result import describe_machine, print_result, report_progress
from bench.peers.installed import load_peers

type MakeScheduler = Callable[[FleetSize], Scheduler]

SIZES: Final = ["100@10", "500@60", "1000@60", "2000@60"]

KILL_SIZE: Final = FleetSize(20, 10, look_seconds=1.0)
"""Two looks at a time on average, as many as each system does at once on two cores."""

KILL_WAIT_SECONDS: Final = 180.0
"""Three times as long as the lock of a killed RQ scheduler lasts."""


def main(  # noqa: PLR0913  one argument an option
    sizes: Annotated[list[str] | None, typer.Argument(help="FABRICS@INTERVAL ...")] = None,
    *,
    cycles: Annotated[int, typer.Option(min=4, max=40, help="Measured intervals.")] = 5,
    workers: Annotated[int, typer.Option(min=1, help="Workers of Fabric Sync.")] = 1,
    setting: Annotated[list[str] | None, typer.Option(help="Worker's setting, NAME=VALUE.")] = None,
    peers: Annotated[bool, typer.Option(help="Measure the other schedulers, too.")] = True,
    kill: Annotated[
        bool, typer.Option(help="Kill the workers of a small fleet at the end.")
    ] = True,
) -> None:
    """Measure the lateness of fleets of these sizes, of each installed system."""
    machine, (others, skipped) = describe_machine(), load_peers()
    product = partial(FabricSyncFleet, workers=workers, settings=setting or [])
    systems: list[MakeScheduler] = [product, *(others if peers else [])]
    fleets = [FleetSize.parse(size) for size in sizes or SIZES]
    rows = [_measure(system, size, cycles) for size in fleets for system in systems]
    result = {
        "workers": workers,
        "settings": setting or [],
        "runs": [run for run, _ in rows],
        "cold_starts": [cold_start for _, cold_start in rows],
        "kills": [_measure_kill(system) for system in systems] if kill else [],
        "skipped": skipped,
    }
    print_result("timing", machine, result)


def _measure(
    make_scheduler: MakeScheduler, size: FleetSize, cycles: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rows for whole cycles and for the cold start before them."""
    started = time.time()
    with make_scheduler(size) as scheduler:
        report_progress(f"{scheduler.name}: {size.fabrics} fabrics every {size.interval} s")
        start = wait_until_settled(scheduler, started)
        settled = time.time()
        figures = measure_cycles(scheduler, cycles)
        cold_lateness = summarize_lateness(scheduler.read_lateness(started, settled))
    named = {"system": scheduler.name, "fabrics": size.fabrics, "interval_s": size.interval}
    report_progress(str(figures))
    return named | figures, named | {"polls": scheduler.polls} | start | cold_lateness


def _measure_kill(make_scheduler: MakeScheduler) -> dict[str, Any]:
    """Return the row for workers that were killed while they looked."""
    with make_scheduler(KILL_SIZE) as scheduler:
        report_progress(f"{scheduler.name}: SIGKILL of all workers")
        figures = kill_workers_during_looks(scheduler, KILL_WAIT_SECONDS)
    sizes = {"fabrics": KILL_SIZE.fabrics, "interval_s": KILL_SIZE.interval}
    return {"system": scheduler.name, **sizes, "look_s": KILL_SIZE.look_seconds, **figures}


if __name__ == "__main__":
    typer.run(main)
