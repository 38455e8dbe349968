"""Measure whether memory, histories or the database of a fleet grow for ever.

Run `.venv/bin/python bench/soak.py [--minutes N]`. While a fleet runs whose sources answer at once (see
`bench.fleet.instant_worker`), samples are taken. The slope is that of the least-squares line through the second
half, when caches are full. Memory and histories must not rise. The database keeps closed runs for as long as its
namespace says, by default a day, and grows until then: so its growth per sync is given, too.
"""

import sys
import time
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Final

import typer

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/soak.py`

from bench.fleet.fabric_sync import FabricSyncFleet
from bench.fleet.phases import wait_until_settled
from bench.fleet.scheduler import FleetSize
from bench.measure.figures import describe_trend
from bench.measure.result import describe_machine, print_result, report_progress

type Sample = dict[str, float]

SAMPLES: Final = 120
HISTORY: Final = "longest history, events"
DATABASE: Final = "database MB"


def main(
    fabrics: Annotated[int, typer.Option(min=1, help="Number of loops.")] = 100,
    interval: Annotated[int, typer.Option(min=5, help="Seconds between syncs.")] = 10,
    minutes: Annotated[float, typer.Option(min=0.5, help="How long samples are taken.")] = 20,
) -> None:
    """Measure what grows while a fleet syncs."""
    machine, started = describe_machine(), time.time()
    with FabricSyncFleet(FleetSize(fabrics, interval)) as fleet:
        wait_until_settled(fleet, started)
        report_progress(f"sampling for {minutes} minutes")
        samples = _take_samples(fleet, minutes * 60)
        syncs = len(fleet.arrivals.read(samples[0]["time"], samples[-1]["time"]))
    times = [sample["time"] for sample in samples]
    series = {name: [sample[name] for sample in samples] for name in samples[0] if name != "time"}
    # Histories grow to a limit and begin anew, so only their peak tells.
    series[HISTORY] = list(accumulate(series[HISTORY], max))
    database = series[DATABASE]
    result = {
        "fabrics": fabrics,
        "interval_s": interval,
        "minutes": minutes,
        "syncs": syncs,
        "database_kb_per_sync": round(1000 * (database[-1] - database[0]) / max(syncs, 1), 2),
        "trends": [{"what": name} | describe_trend(times, of) for name, of in series.items()],
    }
    print_result("soak", machine, result)


def _take_samples(fleet: FabricSyncFleet, seconds: float) -> list[Sample]:
    started, samples = time.time(), []
    for number in range(1, SAMPLES + 1):
        time.sleep(max(0.0, started + number * seconds / SAMPLES - time.time()))
        samples.append(_take_sample(fleet))
    return samples


def _take_sample(fleet: FabricSyncFleet) -> Sample:
    memory = {f"{role} MB": size / 1e6 for role, size in fleet.measure_memory().items()}
    return {
        "time": time.time(),
        **memory,
        HISTORY: fleet.measure_longest_history(),
        DATABASE: fleet.measure_database() / 1e6,
    }


if __name__ == "__main__":
    typer.run(main)
