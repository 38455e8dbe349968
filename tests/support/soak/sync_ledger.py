"""All syncs of a fleet, from the reports that its loops keep for a while."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from temporalio.service import RPCError

from fabrics.loop.report import SyncReport
from fabrics.loop.schedule import EPOCH, compute_phase_share
from tests.support.system.installation import Fabric


class DoubledSync(NamedTuple):
    """Two syncs of a fabric with one number."""

    fabric_id: str
    number: int
    slots: tuple[datetime | None, datetime | None]


class SyncLedger:
    """The reports of syncs, by fabric id and number.

    A loop keeps its last 50 reports, so those are read now and then. `skipped` has the numbers after which a loop has
    left one out.
    """

    def __init__(self) -> None:
        self._reports: defaultdict[str, dict[int, SyncReport]] = defaultdict(dict)
        self.doubled: list[DoubledSync] = []
        self.skipped: list[tuple[str, int]] = []

    @property
    def syncs(self) -> int:
        """The number of all syncs."""
        return sum(map(len, self._reports.values()))

    @property
    def missed(self) -> int:
        """The number of all slots without a sync."""
        return sum(
            report.missed for reports in self._reports.values() for report in reports.values()
        )

    async def read(self, fabrics: Iterable[Fabric]) -> None:
        """Read the reports of all loops; later those that no server tells now."""
        for fabric in fabrics:
            with suppress(RPCError):
                self.add(fabric.fabric_id, await fabric.history())

    def add(self, fabric_id: str, reports: Sequence[SyncReport]) -> None:
        """Add the reports that a loop has now, most of which are known already."""
        known = self._reports[fabric_id]
        for report in reports:
            first = known.setdefault(report.number, report)
            # Its start may be told later after a restart: a query replays with the clock of the last workflow task.
            if first.slot != report.slot:
                slots = first.slot, report.slot
                self.doubled.append(DoubledSync(fabric_id, report.number, slots))
        self.skipped += [
            (fabric_id, report.number)
            for report, following in pairwise(reports)
            if following.number != report.number + 1
        ]

    def find_off_grid(self, interval: int) -> list[tuple[str, datetime]]:
        """Return the slots that are not among those that follow from a fabric's id."""
        return [
            (fabric_id, report.slot)
            for fabric_id, reports in self._reports.items()
            for report in reports.values()
            if report.slot and not _is_on_grid(report.slot, fabric_id, interval)
        ]


def follows_slots(reports: Sequence[SyncReport], interval: int, since: datetime) -> bool:
    """Return whether the last two syncs began after `since`, in two slots in a row."""
    if len(reports) < 2:
        return False
    first, last = reports[-2:]
    if first.slot is None or last.slot is None or first.started <= since:
        return False
    return last.slot - first.slot == timedelta(seconds=interval) and not last.missed


def _is_on_grid(slot: datetime, fabric_id: str, interval: int) -> bool:
    phase = timedelta(milliseconds=int(compute_phase_share(fabric_id) * interval * 1000))
    return (slot - EPOCH - phase) % timedelta(seconds=interval) == timedelta(0)
