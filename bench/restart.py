"""Measure how a fleet comes back after a kill of workers, Temporal or both.

Run `.venv/bin/python bench/restart.py [--fabrics N] [--outage SECONDS]`. Once a fleet whose sources answer at
once (see `bench.fleet.instant_worker`) has settled, three kills with SIGKILL follow: all workers, started again
at once; Temporal, started again at once; and both, started again after the outage, so that the whole fleet is
overdue. Each time the fleet is watched until every fabric was looked at, and then for whole intervals. The
memory of a loop is the worker's resident memory above that of a worker without loops.
"""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/restart.py`

from bench.fleet.fabric_sync import FabricSyncFleet
from bench.fleet.phases import (
    describe_catch_up,
    measure_cycles,
    wait_until_all_seen,
    wait_until_settled,
)
from bench.fleet.scheduler import FleetSize
from bench.measure.result import describe_machine, print_result, report_progress

RECOVERY_TIMEOUT_SECONDS: Final = 900.0
CYCLES_AFTERWARDS: Final = 4
EMPTY_WORKER_SECONDS: Final = 20.0
"""The time in which a worker without loops starts."""


def main(
    fabrics: Annotated[int, typer.Option(min=1, help="Number of loops.")] = 1000,
    interval: Annotated[int, typer.Option(min=5, help="Seconds between syncs.")] = 60,
    outage: Annotated[int, typer.Option(min=0, help="Seconds of the outage of both.")] = 300,
    workers: Annotated[int, typer.Option(min=1, help="Number of worker processes.")] = 1,
    setting: Annotated[list[str] | None, typer.Option(help="Worker's setting, NAME=VALUE.")] = None,
) -> None:
    """Measure how a fleet comes back after kills."""
    machine, kills, afterwards = describe_machine(), [], []
    make_fleet = partial(FabricSyncFleet, workers=workers, settings=setting or [])
    with make_fleet(FleetSize(0, interval)) as empty:
        time.sleep(EMPTY_WORKER_SECONDS)
        empty_bytes = empty.measure_memory()["worker"]
    report_progress(f"cold start of {fabrics} loops every {interval} s")
    started = time.time()
    with make_fleet(FleetSize(fabrics, interval)) as fleet:
        cold_start = wait_until_settled(fleet, started)
        cold_start["memory_kb_per_loop"] = _measure_loop_kilobytes(fleet, empty_bytes)
        for killed, seconds in {"workers": 0, "Temporal": 0, "workers, Temporal": outage}.items():
            report_progress(f"SIGKILL of {killed}, for {seconds} s")
            kills.append({"killed": killed, "outage_s": seconds} | _kill(fleet, killed, seconds))
            kills[-1]["memory_kb_per_loop"] = _measure_loop_kilobytes(fleet, empty_bytes)
            afterwards.append({"killed": killed} | measure_cycles(fleet, CYCLES_AFTERWARDS))
    result = {
        "fabrics": fabrics,
        "interval_s": interval,
        "workers": workers,
        "settings": setting or [],
        "cold_start": cold_start,
        "kills": kills,
        "afterwards": afterwards,
    }
    print_result("restart", machine, result)


def _kill(fleet: FabricSyncFleet, killed: str, outage: float) -> dict[str, Any]:
    """Kill, wait for the outage, start again, and describe how all are looked at."""
    down = time.time()
    if "workers" in killed:
        fleet.kill_workers()
    if "Temporal" in killed:
        fleet.kill_temporal()
    time.sleep(outage)
    up = time.time()
    if "Temporal" in killed:
        fleet.start_temporal()
    if "workers" in killed:
        fleet.start_workers()
    all_seen = wait_until_all_seen(fleet, up, RECOVERY_TIMEOUT_SECONDS)
    return {"all_seen_s": all_seen} | describe_catch_up(fleet, down, up)


def _measure_loop_kilobytes(fleet: FabricSyncFleet, empty_bytes: float) -> int:
    used = fleet.measure_memory()["worker"] - empty_bytes
    return round(used / fleet.size.fabrics / 1000)


if __name__ == "__main__":
    typer.run(main)
