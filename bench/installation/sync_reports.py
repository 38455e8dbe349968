"""The reports of a fleet's syncs, and what they say about its slots."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bench.installation.loop_probe import LoopProbe
from bench.measure.figures import summarize_lateness
from fabrics.loop.report import SyncReport

CONCURRENT_QUERIES: Final = 2
"""Few: each query takes some CPU time of the worker that is being measured."""


MAX_P99_RATIO: Final = 1.5
MAX_DRIFT_SECONDS: Final = 2.0


class ReportLog:
    """All reports of a fleet, of which loops keep only the last 50 each."""

    def __init__(self, probes: Sequence[LoopProbe]) -> None:
        self._probes = probes
        self._reports: dict[tuple[str, int], SyncReport] = {}

    async def collect(self) -> None:
        """Add what the loops have reported since the last time."""
        limit = asyncio.Semaphore(CONCURRENT_QUERIES)

        async def query(probe: LoopProbe) -> None:
            async with limit:
                reports = await probe.query_reports()
            self._reports |= {(probe.fabric_id, report.number): report for report in reports}

        await asyncio.gather(*map(query, self._probes))

    def summarize(self, since: datetime, until: datetime) -> dict[str, Any]:
        """Return lateness and faults of the slots in this period."""
        reports = (
            (fabric_id, report)
            for (fabric_id, _), report in self._reports.items()
            if report.slot and since <= report.slot < until
        )
        return summarize_reports(reports)


def summarize_reports(reports: Iterable[tuple[str, SyncReport]]) -> dict[str, Any]:
    """Return lateness and faults of the scheduled syncs of fabrics, by fabric id."""
    found = list(reports)
    lateness = [report.lateness for _, report in found if report.lateness is not None]
    slots = Counter((fabric_id, report.slot) for fabric_id, report in found)
    return {
        "syncs": len(found),
        **summarize_lateness(lateness),
        "early": sum(seconds < 0 for seconds in lateness),
        "missed": sum(report.missed for _, report in found),
        "doubled": sum(slots.values()) - len(slots),
        "failed": sum(bool(report.error) for _, report in found),
    }


def judge_load(
    baseline: Mapping[str, Any], loaded: Mapping[str, Any], new_fabrics: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the goals for a fleet during the first loads of new fabrics."""
    ratio = round(loaded["p99_s"] / baseline["p99_s"], 2)
    missed = loaded["missed"] + sum(row["missed"] for row in new_fabrics)
    slowest = max(row["drift_known_s"] for row in new_fabrics)
    return [
        _judge("p99 with loads / without", ratio, MAX_P99_RATIO),
        _judge("missed slots, new fabrics included", missed, 0),
        _judge("drift of a new fabric known, s", slowest, MAX_DRIFT_SECONDS),
    ]


def _judge(what: str, measured: float, goal: float) -> dict[str, Any]:
    return {"what": what, "measured": measured, "goal": goal, "met": measured <= goal}
