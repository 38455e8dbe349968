"""What a loop remembers of its past syncs."""

import tracemalloc
from datetime import UTC, datetime

from fabrics.inventory.report.report import Finding, FindingType, InventoryReport
from fabrics.loop.active_sync import Trigger
from fabrics.loop.history import MAX_REPORTS, History
from fabrics.loop.report import SyncReport
from fabrics.record.sync_status import SyncStatus


def report(number: int, missed: int = 0) -> SyncReport:
    """Return the report of a sync."""
    return SyncReport(
        number=number,
        trigger=Trigger.SCHEDULE,
        slot=None,
        started=datetime(2026, 1, 1, tzinfo=UTC),
        duration=1,
        sync_status=SyncStatus.IN_SYNC,
        missed=missed,
    )


def test_old_reports_are_dropped_but_still_counted() -> None:
    history = History()
    for number in range(1, MAX_REPORTS + 2):
        history = history.add(report(number, missed=number % 2))
    assert (history.syncs, history.missed) == (MAX_REPORTS + 1, (MAX_REPORTS + 1) // 2 + 1)
    assert history.find(1) is None
    assert history.find(2) == history.reports[0]


def test_a_report_takes_less_than_a_kilobyte_of_memory() -> None:
    text = History(reports=tuple(map(report, range(MAX_REPORTS)))).model_dump_json()
    tracemalloc.start()
    try:
        history = History.model_validate_json(text)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(history.reports) == MAX_REPORTS
    assert size < 1000 * MAX_REPORTS


def test_report_of_a_pass_is_kept_with_its_sync_without_problems() -> None:
    finding = Finding(problem=FindingType.SKIPPED, what="VPC/x", why="It has no subnet.")
    history = History().add(report(1)).add(report(2))
    report_of_pass = InventoryReport(created=3, problems={finding.problem: 1}, findings=(finding,))
    history = history.add_inventory(1, report_of_pass)
    first, second = history.reports
    assert (first.inventory, second.inventory) == (InventoryReport(created=3), None)
