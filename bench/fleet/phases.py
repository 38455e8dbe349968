"""The phases of a measurement: a cold start, whole cycles, and kills."""

import time
from collections import Counter
from typing import Any, Final

from bench.fleet.scheduler import Scheduler
from bench.measure.arrivals import group_by_fabric
from bench.measure.figures import summarize_lateness
from bench.measure.grid import Grid, judge_fleet, list_delays, measure_fleet_drift
from bench.measure.quiet import wait_until_quiet

SETTLING_INTERVALS: Final = 4
SETTLING_TIMEOUT_SECONDS: Final = 900.0
POLL_SECONDS: Final = 0.5


def wait_until_all_seen(scheduler: Scheduler, since: float, timeout_seconds: float) -> float | None:
    """Return the seconds from `since` until all fabrics were seen; None if never."""
    while time.time() < since + timeout_seconds:
        first_looks = {a.fabric_id: a.time for a in reversed(scheduler.arrivals.read(since))}
        if len(first_looks) == scheduler.size.fabrics:
            return round(max(first_looks.values()) - since, 1)
        time.sleep(POLL_SECONDS)
    return None


def wait_until_settled(scheduler: Scheduler, started: float) -> dict[str, Any]:
    """Wait for four intervals and for one without writes; describe this start.

    `all_seen_s` and `settled_s` count from the start of the first worker; `settled_s` is None if records
    were still being written after 15 minutes.
    """
    interval = scheduler.size.interval
    all_seen = wait_until_all_seen(scheduler, started, SETTLING_TIMEOUT_SECONDS)
    deadline = started + SETTLING_TIMEOUT_SECONDS
    time.sleep(max(0.0, started + SETTLING_INTERVALS * interval - time.time()))
    is_settled = wait_until_quiet(scheduler.read_last_write, interval, deadline)
    settled = max(scheduler.read_last_write(), started + (all_seen or 0)) - started
    return {
        "all_seen_s": all_seen,
        "settled_s": round(settled, 1) if is_settled else None,
    }


def measure_cycles(scheduler: Scheduler, cycles: int) -> dict[str, Any]:
    """Measure this many whole intervals from now on."""
    interval = scheduler.size.interval
    cpu, since = scheduler.measure_cpu_seconds(), time.time()
    # The slots of one more interval: each counts only once its whole interval has passed.
    time.sleep((cycles + 1) * interval)
    used, until = scheduler.measure_cpu_seconds(), time.time()
    arrivals = scheduler.arrivals.read(since, until)
    never_seen: dict[str, list[float]] = {name: [] for name in scheduler.size.fabric_ids}
    by_fabric = never_seen | group_by_fabric(arrivals)
    verdict = judge_fleet(interval, by_fabric, since, until)
    delays = summarize_lateness(list_delays(interval, by_fabric))
    # Read the reports last: a query takes processor time.
    lateness = scheduler.read_lateness(since, until - interval)
    return {
        **summarize_lateness(lateness),
        "grid_drift_s": measure_fleet_drift(interval, by_fabric.values()),
        "behind_p50_s": delays["p50_s"],
        "behind_p99_s": delays["p99_s"],
        "early": verdict.early,
        "missed": verdict.missed,
        "doubled": verdict.doubled,
        "looks": len(arrivals),
        "cpu_ms": {
            role: round(1000 * (used[role] - cpu[role]) / max(len(arrivals), 1), 1) for role in cpu
        },
    }


def kill_workers_during_looks(scheduler: Scheduler, wait_seconds: float) -> dict[str, Any]:
    """Kill all workers while some look, start them again, and see who is lost.

    After `wait_seconds`, a fabric is silent if nobody looked at it in their last third, and lost if, moreover, no
    look is planned.
    """
    started, size = time.time(), scheduler.size
    wait_until_all_seen(scheduler, started, SETTLING_TIMEOUT_SECONDS)
    _wait_for_next_look(scheduler)
    killed = time.time()
    scheduler.kill_workers()
    scheduler.start_workers()
    time.sleep(wait_seconds)
    running = {a.fabric_id for a in scheduler.arrivals.read(killed - size.look_seconds, killed)}
    seen = {a.fabric_id for a in scheduler.arrivals.read(killed + wait_seconds * 2 / 3)}
    next_looks = [times[0] for times in group_by_fabric(scheduler.arrivals.read(killed)).values()]
    return {
        "watched_s": wait_seconds,
        "running_at_kill": len(running),
        "lost": size.fabrics - len(seen | scheduler.list_planned()),
        "silent": size.fabrics - len(seen),
        "longest_wait_s": round(max(next_looks) - killed, 1) if next_looks else None,
    }


def describe_catch_up(scheduler: Scheduler, down: float, up: float) -> dict[str, Any]:
    """Return how fast the overdue fabrics were looked at after an outage.

    It lasted from `down` to `up`, but starting takes a moment, so the overdue fabrics are those with a slot between
    `down` and the first look.
    """
    interval, looks = scheduler.size.interval, scheduler.arrivals.read(up)
    first_looks = {look.fabric_id: look.time for look in reversed(looks)}
    first_look = min(first_looks.values(), default=up)
    overdue = [
        moment
        for fabric_id, moment in first_looks.items()
        if Grid.of_fabric(fabric_id, interval).next_slot(down) < first_look
    ]
    caught_up = max(overdue, default=first_look) - first_look
    since_down = group_by_fabric(scheduler.arrivals.read(down))
    verdict = judge_fleet(interval, since_down, down, time.time())
    return {
        "first_look_s": round(first_look - up, 1),
        "overdue": len(overdue),
        "caught_up_s": round(caught_up, 1),
        "rate_per_s": round(len(overdue) / max(caught_up, 1), 1),
        "peak_per_s": max(Counter(int(look.time) for look in looks).values(), default=0),
        "missed": verdict.missed,
        "doubled": verdict.doubled,
    }


def _wait_for_next_look(scheduler: Scheduler) -> None:
    since = time.time()
    while not scheduler.arrivals.read(since):
        time.sleep(POLL_SECONDS / 10)
