"""What the reports of a fleet say about its slots, and the goals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.installation.sync_reports import judge_load, summarize_reports
from fabrics.loop.active_sync import Trigger
from fabrics.loop.report import SyncReport
from fabrics.record.sync_status import SyncStatus

START = datetime(2026, 1, 1, tzinfo=UTC)


def make_report(slot_number: int, lateness: float, **fields: Any) -> SyncReport:  # noqa: ANN401  any field
    """Return the report of a sync in one of the slots, which are 10 s apart."""
    slot = START + timedelta(seconds=10 * slot_number)
    return SyncReport(
        number=slot_number,
        trigger=Trigger.SCHEDULE,
        slot=slot,
        started=slot,
        lateness=lateness,
        duration=1.0,
        sync_status=SyncStatus.IN_SYNC,
        **fields,
    )


def test_lateness_and_faults_of_a_fleet() -> None:
    reports = [
        ("a", make_report(1, 0.1)),
        ("b", make_report(1, 0.3)),
        ("a", make_report(2, 0.2, missed=3)),
        ("a", make_report(2, -0.1, error="Git did not answer.")),
    ]
    summary = summarize_reports(reports)
    faults = ("syncs", "early", "missed", "doubled", "failed")
    assert [summary[name] for name in faults] == [4, 1, 3, 1, 1]
    assert summary["max_s"] == 0.3


def test_the_same_slot_of_two_fabrics_is_not_doubled() -> None:
    reports = [("a", make_report(1, 0.1)), ("b", make_report(1, 0.1))]
    assert summarize_reports(reports)["doubled"] == 0


@pytest.mark.parametrize(
    ("p99", "missed", "drift_known", "met"),
    [(0.15, 0, 2.0, [True] * 3), (0.16, 1, 2.1, [False] * 3)],
)
def test_goals_during_loads(p99: float, missed: int, drift_known: float, met: list[bool]) -> None:
    new_fabric = {"missed": missed, "drift_known_s": drift_known}
    goals = judge_load({"p99_s": 0.1}, {"p99_s": p99, "missed": 0}, [new_fabric])
    assert [goal["met"] for goal in goals] == met
