"""The log of looks."""

import math
from pathlib import Path

from bench.measure.arrivals import ArrivalLog, group_by_fabric


def test_log_without_looks_is_empty(tmp_path: Path) -> None:
    assert ArrivalLog(tmp_path).read() == []


def test_looks_are_grouped_by_fabric(tmp_path: Path) -> None:
    log = ArrivalLog(tmp_path)
    for fabric_id in ("oslo", "lyon", "oslo"):
        log.append(fabric_id)
    assert {name: len(times) for name, times in group_by_fabric(log.read()).items()} == {
        "oslo": 2,
        "lyon": 1,
    }


def test_planned_time_is_kept_or_unknown(tmp_path: Path) -> None:
    log = ArrivalLog(tmp_path)
    log.append("oslo", 1_700_000_000.25)
    log.append("oslo")
    known, unknown = log.read()
    assert known.due == 1_700_000_000.25
    assert math.isnan(unknown.due)


def test_only_looks_of_the_period_are_read(tmp_path: Path) -> None:
    log = ArrivalLog(tmp_path)
    log.append("oslo", 1.0)
    (look,) = log.read()
    assert log.read(since=look.time, until=look.time + 1) == [look]
    assert log.read(until=look.time) == []
