"""The ledger of syncs notices those that were done twice or left out."""

from datetime import UTC, datetime, timedelta

from fabrics.loop.report import SyncReport
from tests.support.fabrics.reports import scheduled_report
from tests.support.soak.sync_ledger import DoubledSync, SyncLedger

SLOT = datetime(2026, 11, 28, 12, tzinfo=UTC)
LATER = timedelta(seconds=5)


def report(number: int, slot: datetime = SLOT, started: datetime = SLOT) -> SyncReport:
    """Return the report of a sync in its slot."""
    return scheduled_report(number, slot, started)


def read_twice(first: SyncReport, second: SyncReport) -> SyncLedger:
    """Return a ledger that has read one report after the other."""
    ledger = SyncLedger()
    ledger.add("dc1", [first])
    ledger.add("dc1", [second])
    return ledger


def test_sync_whose_start_is_told_later_was_done_once() -> None:
    ledger = read_twice(report(1), report(1, started=SLOT + LATER))
    assert (ledger.doubled, ledger.syncs) == ([], 1)


def test_two_slots_with_one_number_are_noticed() -> None:
    ledger = read_twice(report(1), report(1, slot=SLOT + LATER))
    assert ledger.doubled == [DoubledSync("dc1", 1, (SLOT, SLOT + LATER))]


def test_number_that_is_left_out_is_noticed() -> None:
    ledger = SyncLedger()
    ledger.add("dc1", [report(1), report(3)])
    assert ledger.skipped == [("dc1", 1)]
