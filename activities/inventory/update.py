"""The activity that makes NetBox show a fabric as it is: devices, ports, cables, networks.

It goes by what is there and what should be, so that it may be run twice, or half and then again: the
next run does what is left. It stops between two requests to NetBox when it is cancelled; those that
are under way are waited for.
"""

from collections import Counter
from dataclasses import dataclass

from temporalio import activity

from activities.cancellation import cancellation_check
from activities.errors import PermanentError
from activities.inventory.conflicts.conflicts import Obstacle, adopt, findings, obstacles
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.outcome import report_of, skipped, waiting_of
from activities.inventory.prune.pruner import Cleaner
from activities.inventory.read.reader import Reader
from activities.inventory.site import fabric_of
from activities.inventory.write.writer import Progress, Writer, Written
from activities.kubernetes.live_state import LiveStates
from fabrics.drift import Live
from fabrics.inventory.compare.changes import Changes, find_changes
from fabrics.inventory.model.existing import Stored, StoredInventory
from fabrics.inventory.model.naming import Fabric
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.prune.absence import without
from fabrics.inventory.prune.policy import Verdict, emptied, judge, vouched
from fabrics.inventory.report.preview import InventoryPreview, preview_of
from fabrics.inventory.report.report import InventoryOutcome, InventoryProgress, InventoryReport
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig
from fabrics.resources.resource import digest
from settings import Settings


@dataclass(frozen=True)
class InventoryActivities:
    """What writes inventories. `live` keeps what the same worker's observations have read."""

    netbox: InventoryNetBox
    live: LiveStates
    settings: Settings

    @activity.defn(no_thread_cancel_exception=True)
    def update_inventory(self, request: InventoryRequest) -> InventoryOutcome:
        """Bring NetBox up to the live state. Raises `TransientError` and `PermanentError`."""
        live = self._live(request)
        seen = digest(each for found in live.resources.values() for each in found)
        if doubt := emptied(live, request.counts, request.config.fabric_id):
            return InventoryOutcome(live_digest=seen, held=doubt, absences=request.absences)
        return self._pass(request, live).run(seen)

    @activity.defn(no_thread_cancel_exception=True)
    def preview_inventory(self, request: InventoryRequest) -> InventoryPreview:
        """What `update_inventory` would write now. Raises as it does."""
        live = self._live(request)
        if doubt := emptied(live, request.counts, request.config.fabric_id):
            return InventoryPreview(held=doubt)
        return self._pass(request, live).preview()

    @activity.defn(no_thread_cancel_exception=True)
    def remove_inventory(self, config: FabricConfig) -> InventoryReport:
        """Delete all that the fabric owns but for what others have put something of theirs on.

        Raises as `update_inventory` does. Only for a fabric that is no longer synced.
        """
        netbox = self.netbox.checked(cancellation_check())
        nothing = Plan(Fabric(config.fabric_id, config.name), (), ())
        rows = Reader(netbox, config.fabric_id).read(nothing).rows
        cleaner = Cleaner(netbox, f"Fabric Sync: removal of {config.fabric_id}")
        cleaner.delete(rows, _beats(len(rows)))
        return report_of(cleaner.findings, deleted=len(cleaner.deleted))

    def _pass(self, request: InventoryRequest, live: Live) -> "_Pass":
        config, netbox = request.config, self.netbox.checked(cancellation_check())
        plan = make_plan(live, fabric_of(netbox, config))
        return _Pass(netbox, request, plan, live)

    def _live(self, request: InventoryRequest) -> Live:
        """What the observation saw, or what is there now where this worker did not see it."""
        target = request.config.kubernetes
        if target is None:
            raise PermanentError("hh_kubernetes_server is empty: name the fabric's API there.")
        return self.live.last(target, request.live_digest) or self.live.read(target, self.settings)


@dataclass(frozen=True)
class _Pass:
    """One comparison with NetBox, and all that follows from it."""

    netbox: InventoryNetBox
    request: InventoryRequest
    plan: Plan
    live: Live

    def run(self, seen: str) -> InventoryOutcome:
        reader = Reader(self.netbox, self.plan.fabric.fabric_id)
        stored = reader.read(self.plan)
        changes = find_changes(self.plan, stored)
        verdict = self._judge(changes, stored)
        total = changes.total + len(verdict.due)
        written = self._write(reader, changes, _beats(total))
        cleaner = Cleaner(self.netbox, self._message)
        cleaner.delete(verdict.due, _beats(total, before=changes.total))
        met = list(obstacles(self.netbox, written, self.plan.objects))
        left = self._adopt(met) if self.request.adopt else met
        problems = [
            *skipped(self.plan),
            *findings(self.netbox, left, written),
            *cleaner.findings,
        ]
        report = report_of(
            problems,
            created=len(written.created),
            updated=len(written.updated),
            deleted=len(cleaner.deleted),
            adopted=len(met) - len(left),
            unchanged=changes.unchanged,
        )
        return InventoryOutcome(
            live_digest=seen,
            report=report,
            absences=without(verdict.absences, cleaner.deleted),
            deletes_waiting=waiting_of(verdict),
        )

    def preview(self) -> InventoryPreview:
        stored = Reader(self.netbox, self.plan.fabric.fabric_id).read(self.plan)
        changes = find_changes(self.plan, stored)
        return preview_of(self.plan, changes, self._gone(changes))

    def _write(self, reader: Reader, changes: Changes, progress: Progress) -> Written:
        writer = Writer(self.netbox, reader, self.plan.fabric.fabric_id, self._message)
        return writer.write(changes, progress)

    def _adopt(self, met: list[Obstacle]) -> list[Obstacle]:
        return list(adopt(self.netbox, met, self.plan.fabric.fabric_id, self._message))

    def _judge(self, changes: Changes, stored: StoredInventory) -> Verdict:
        totals = Counter(each.id.model for each in stored.rows)
        gone = self._gone(changes)
        return judge(gone, self.request.absences, totals, self.request.confirmed)

    def _gone(self, changes: Changes) -> list[Stored]:
        return vouched(changes.absent, self.live, self.plan.unread)

    @property
    def _message(self) -> str:
        commit = f", commit {self.request.commit[:12]}" if self.request.commit else ""
        return f"Fabric Sync: sync {self.request.sync} of {self.plan.fabric.fabric_id}{commit}"


def _beats(total: int, before: int = 0) -> Progress:
    """What tells by heartbeats how many writes of a part are done, of `total` and after those `before` it."""

    def beat(done: int) -> None:
        activity.heartbeat(InventoryProgress(done=before + done, total=total))

    beat(0)
    return beat
