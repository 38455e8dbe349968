"""The activity that makes NetBox show a fabric as it is: devices, ports, cables, networks.

It goes by what is there and what should be, so that it may be run twice, or half and then again: the
next run does what is left. It stops between two requests to NetBox when it is cancelled; those that
are under way are waited for.
"""

from collections import Counter
from dataclasses import dataclass

from temporalio import activity

from activities.cancellation import create_cancellation_check
from activities.errors import PermanentError
from activities.inventory.conflicts.conflicts import Conflict, adopt, build_findings, find_conflicts
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.outcome import build_report, skipped_findings, summarize_waiting_deletes
from activities.inventory.prune.pruner import Pruner
from activities.inventory.read.reader import Reader
from activities.inventory.site import resolve_fabric
from activities.inventory.write.writer import ProgressCallback, Writer, WriteResult
from activities.kubernetes.live_state import LiveStateCache
from fabrics.drift import LiveState
from fabrics.inventory.compare.changes import Changes, find_changes
from fabrics.inventory.model.existing import ExistingInventory, ExistingObject
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.prune.absence import forget_objects
from fabrics.inventory.prune.policy import (
    PruneDecision,
    decide,
    filter_surely_absent,
    missing_kinds_sentence,
)
from fabrics.inventory.report.preview import InventoryPreview, build_preview
from fabrics.inventory.report.report import InventoryOutcome, InventoryProgress, InventoryReport
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig
from fabrics.resources.resource import digest_resources
from settings import Settings


@dataclass(frozen=True)
class InventoryActivities:
    """What writes inventories. `live` keeps what the same worker's observations have read."""

    netbox: InventoryNetBox
    live_states: LiveStateCache
    settings: Settings

    @activity.defn(no_thread_cancel_exception=True)
    def update_inventory(self, request: InventoryRequest) -> InventoryOutcome:
        """Bring NetBox up to the live state. Raises `TransientError` and `PermanentError`."""
        live = self._read_live_state(request)
        seen = digest_resources(each for found in live.resources.values() for each in found)
        if doubt := missing_kinds_sentence(live, request.expected_counts, request.config.fabric_id):
            return InventoryOutcome(
                live_digest=seen, withheld=doubt, absence_counts=request.absence_counts
            )
        return self._prepare_pass(request, live).run(seen)

    @activity.defn(no_thread_cancel_exception=True)
    def preview_inventory(self, request: InventoryRequest) -> InventoryPreview:
        """What `update_inventory` would write now. Raises as it does."""
        live = self._read_live_state(request)
        if doubt := missing_kinds_sentence(live, request.expected_counts, request.config.fabric_id):
            return InventoryPreview(held=doubt)
        return self._prepare_pass(request, live).preview()

    @activity.defn(no_thread_cancel_exception=True)
    def remove_inventory(self, config: FabricConfig) -> InventoryReport:
        """Delete all that the fabric owns but for what others have put something of theirs on.

        Raises as `update_inventory` does. Only for a fabric that is no longer synced.
        """
        netbox = self.netbox.with_cancellation_check(create_cancellation_check())
        nothing = Plan(FabricIdentity(config.fabric_id, config.name), (), ())
        rows = Reader(netbox, config.fabric_id).read(nothing).objects
        cleaner = Pruner(netbox, f"Fabric Sync: removal of {config.fabric_id}")
        cleaner.delete(rows, _make_heartbeat(len(rows)))
        return build_report(cleaner.findings, deleted=len(cleaner.deleted))

    def _prepare_pass(self, request: InventoryRequest, live: LiveState) -> "_Pass":
        config, netbox = (
            request.config,
            self.netbox.with_cancellation_check(create_cancellation_check()),
        )
        plan = make_plan(live, resolve_fabric(netbox, config))
        return _Pass(netbox, request, plan, live)

    def _read_live_state(self, request: InventoryRequest) -> LiveState:
        """What the observation saw, or what is there now where this worker did not see it."""
        target = request.config.kubernetes
        if target is None:
            raise PermanentError("hh_kubernetes_server is empty: name the fabric's API there.")
        return self.live_states.get_cached(target, request.live_digest) or self.live_states.read(
            target, self.settings
        )


@dataclass(frozen=True)
class _Pass:
    """One comparison with NetBox, and all that follows from it."""

    netbox: InventoryNetBox
    request: InventoryRequest
    plan: Plan
    live: LiveState

    def run(self, live_digest: str) -> InventoryOutcome:
        reader = Reader(self.netbox, self.plan.fabric.fabric_id)
        stored = reader.read(self.plan)
        changes = find_changes(self.plan, stored)
        verdict = self._decide_deletes(changes, stored)
        total = changes.total_writes + len(verdict.to_delete)
        written = self._write_changes(reader, changes, _make_heartbeat(total))
        cleaner = Pruner(self.netbox, self._changelog_message)
        cleaner.delete(verdict.to_delete, _make_heartbeat(total, already_done=changes.total_writes))
        met = list(find_conflicts(self.netbox, written, self.plan.objects))
        left = self._adopt_offered(met) if self.request.adopt else met
        problems = [
            *skipped_findings(self.plan),
            *build_findings(self.netbox, left, written),
            *cleaner.findings,
        ]
        report = build_report(
            problems,
            created=len(written.created),
            updated=len(written.updated),
            deleted=len(cleaner.deleted),
            adopted=len(met) - len(left),
            unchanged=changes.unchanged,
        )
        return InventoryOutcome(
            live_digest=live_digest,
            report=report,
            absence_counts=forget_objects(verdict.absence_counts, cleaner.deleted),
            deletes_waiting=summarize_waiting_deletes(verdict),
        )

    def preview(self) -> InventoryPreview:
        stored = Reader(self.netbox, self.plan.fabric.fabric_id).read(self.plan)
        changes = find_changes(self.plan, stored)
        return build_preview(self.plan, changes, self._absent_objects(changes))

    def _write_changes(
        self, reader: Reader, changes: Changes, progress: ProgressCallback
    ) -> WriteResult:
        writer = Writer(self.netbox, reader, self.plan.fabric.fabric_id, self._changelog_message)
        return writer.write(changes, progress)

    def _adopt_offered(self, conflicts: list[Conflict]) -> list[Conflict]:
        return list(
            adopt(self.netbox, conflicts, self.plan.fabric.fabric_id, self._changelog_message)
        )

    def _decide_deletes(self, changes: Changes, existing: ExistingInventory) -> PruneDecision:
        totals = Counter(each.id.model for each in existing.objects)
        gone = self._absent_objects(changes)
        return decide(gone, self.request.absence_counts, totals, self.request.confirmed_digest)

    def _absent_objects(self, changes: Changes) -> list[ExistingObject]:
        return filter_surely_absent(changes.absent, self.live, self.plan.incomplete)

    @property
    def _changelog_message(self) -> str:
        commit = f", commit {self.request.commit[:12]}" if self.request.commit else ""
        return (
            f"Fabric Sync: sync {self.request.sync_number} of {self.plan.fabric.fabric_id}{commit}"
        )


def _make_heartbeat(total: int, already_done: int = 0) -> ProgressCallback:
    """What tells by heartbeats how many writes of a part are done, of `total` and after those `before` it."""

    def beat(done: int) -> None:
        activity.heartbeat(InventoryProgress(done=already_done + done, total=total))

    beat(0)
    return beat
