"""Reports of syncs, for tests of what reads them."""

from datetime import UTC, datetime
from typing import Final

from fabrics.loop.active_sync import Trigger
from fabrics.loop.report import SyncReport
from fabrics.record.sync_status import SyncStatus

SYNC_STARTED: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def manual_report(number: int, *, inventory_follows: bool = False) -> SyncReport:
    """Make the report of a requested sync that found no drift."""
    return SyncReport(
        number=number,
        trigger=Trigger.MANUAL,
        slot=None,
        started=SYNC_STARTED,
        duration=1,
        sync_status=SyncStatus.IN_SYNC,
        inventory_follows=inventory_follows,
    )


def scheduled_report(
    number: int, slot: datetime, started: datetime | None = None, *, missed: int = 0
) -> SyncReport:
    """Make the report of a sync in its slot, which found no drift."""
    return SyncReport(
        number=number,
        trigger=Trigger.SCHEDULE,
        slot=slot,
        started=started or slot,
        duration=0.1,
        sync_status=SyncStatus.IN_SYNC,
        missed=missed,
    )
