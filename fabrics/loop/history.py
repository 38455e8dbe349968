"""What a loop remembers of its past syncs."""

from dataclasses import replace
from typing import Final, Self

from pydantic import BaseModel, TypeAdapter, field_serializer

from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.report import SyncReport

MAX_REPORTS: Final = 50

_REPORTS: Final = TypeAdapter(tuple[SyncReport, ...])


class History(BaseModel, frozen=True):
    """The last reports, oldest first, and counts since the loop began.

    `missed` slots are those without a sync.
    """

    reports: tuple[SyncReport, ...] = ()
    syncs: int = 0
    missed: int = 0

    @field_serializer("reports")
    def _leave_out_defaults(self, reports: tuple[SyncReport, ...]) -> object:
        """Keep the loop's state small, of which reports are the largest part."""
        return _REPORTS.dump_python(reports, mode="json", exclude_defaults=True)

    def find(self, number: int) -> SyncReport | None:
        """Return the report of the sync of that number, if it is still known."""
        return next((report for report in self.reports if report.number == number), None)

    def add(self, report: SyncReport) -> Self:
        """Return the history with the report of one more sync."""
        update = {
            "reports": (*self.reports, report)[-MAX_REPORTS:],
            "syncs": report.number,
            "missed": self.missed + report.missed,
        }
        return self.model_copy(update=update)

    def add_inventory(self, number: int, inventory: InventoryReport) -> Self:
        """Return the history with what the pass after that sync wrote.

        What it could not write is in the inventory's status; with each report it would take kilobytes.
        """
        short = inventory.model_copy(update={"findings": (), "problems": {}})
        reports = tuple(
            replace(report, inventory=short) if report.number == number else report
            for report in self.reports
        )
        return self.model_copy(update={"reports": reports})
