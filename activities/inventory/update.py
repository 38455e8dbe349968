"""Update a fabric's devices, ports, cables and networks in NetBox.

The activities compare what NetBox holds with what it should hold, so they may run twice, or half and again:
the next run does what is left. A cancelled activity stops between two requests to NetBox, and waits for
those that are under way.
"""

from collections import Counter
from dataclasses import dataclass
from functools import partial

from temporalio import activity

from activities.errors import PermanentError, TransientError
from activities.git.desired_state import DesiredStateCache
from activities.inventory.agents import ObservedAgents, observe_agents
from activities.inventory.cancellation import create_cancellation_check
from activities.inventory.conflicts import (
    adopt,
    build_findings,
    find_conflicts,
    find_undivided_ports,
)
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.prune.pruner import Pruner
from activities.inventory.read.reader import Reader
from activities.inventory.reporting import build_report, plan_findings, summarize_waiting_deletes
from activities.inventory.site import resolve_fabric
from activities.inventory.write.writer import ProgressCallback, Writer
from activities.kubernetes.live_state import LiveStateCache
from activities.record import check_owner
from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.cabling import (
    CablingFinding,
    confirm_findings,
    describe_cables,
    keep_unjudged,
    limit_findings,
)
from fabrics.agents.state import MAX_MISMATCHES
from fabrics.drift.empty_list_checks import explain_missing_kinds
from fabrics.drift.fabric_selection import select_live
from fabrics.drift.model import LiveState, digest_live_state
from fabrics.inventory.compare.changes import Changes, find_changes
from fabrics.inventory.model.existing import ExistingInventory, ExistingObject
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.plan.builder import TooManyObjectsError
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.prune.absence_encoding import TooManyAbsenceCountsError, forget_objects
from fabrics.inventory.prune.policy import PruneDecision, decide, filter_surely_absent
from fabrics.inventory.report.preview import InventoryPreview, build_preview
from fabrics.inventory.report.report import (
    MAX_CABLING_BYTES,
    FindingType,
    InventoryOutcome,
    InventoryProgress,
    InventoryReport,
)
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig
from fabrics.record.config_fields import parse_config
from fabrics.resources.manifests.files import DesiredState
from settings import Settings
from telemetry.metrics import INVENTORY_OBJECTS


@dataclass(frozen=True)
class InventoryActivities:
    """Activities that write inventories; they share both caches with observations.

    `instance` names this installation, as in `hh_instance`.
    """

    netbox: InventoryNetBox
    desired_states: DesiredStateCache
    live_states: LiveStateCache
    settings: Settings
    instance: str

    @activity.defn(no_thread_cancel_exception=True)
    def update_inventory(self, request: InventoryRequest) -> InventoryOutcome:
        """Write the live state to NetBox.

        Raises `TransientError` and `PermanentError`: also, before anything is written, if the record belongs to
        another installation.
        """
        live = self._read_live_state(request)
        digest = digest_live_state(live)
        if why := explain_missing_kinds(live, request.expected_counts, request.config.fabric_id):
            return InventoryOutcome(
                live_digest=digest, withheld=why, absence_counts=request.absence_counts
            )
        outcome = self._prepare_pass(request, live).run(digest)
        _count_objects(outcome.report)
        return outcome

    @activity.defn(no_thread_cancel_exception=True)
    def preview_inventory(self, request: InventoryRequest) -> InventoryPreview:
        """Return what `update_inventory` would write now. Raises the same errors."""
        live = self._read_live_state(request)
        if why := explain_missing_kinds(live, request.expected_counts, request.config.fabric_id):
            return InventoryPreview(held=why)
        return self._prepare_pass(request, live).preview()

    @activity.defn(no_thread_cancel_exception=True)
    def remove_inventory(self, config: FabricConfig) -> InventoryReport:
        """Delete all objects of a fabric, except those that others have put something on.

        Raises the same errors as `update_inventory`: also, before anything is deleted, if the fabric is still synced.
        """
        netbox = self.netbox.with_cancellation_check(create_cancellation_check())
        self._check_removable(netbox, config.fabric_id)
        empty_plan = Plan(FabricIdentity(config.fabric_id, config.name), (), ())
        objects = Reader(netbox, config.fabric_id).read(empty_plan).objects
        pruner = Pruner(netbox, f"Fabric Sync: removal of {config.fabric_id}")
        pruner.delete(objects, _make_heartbeat(len(objects)))
        return build_report(pruner.findings, deleted=len(pruner.deleted))

    def _check_removable(self, netbox: InventoryNetBox, fabric_id: str) -> None:
        """Raise `PermanentError` unless the fabric is ours and switched off.

        Its record says so: whoever reaches Temporal can start a removal with any configuration.
        """
        record = netbox.find_record(fabric_id)
        if record is None:
            raise PermanentError(
                f"NetBox at {netbox.url} has no record of the fabric {fabric_id}, so its inventory stays: create one"
                " that is not enabled, or delete the objects in NetBox."
            )
        check_owner(record, self.instance)
        if parse_config(record).needs_loop:
            raise PermanentError(
                f"The fabric {fabric_id} is still synced, so its inventory stays: `starter.py remove {fabric_id}"
                " --inventory` switches it off first."
            )

    def _prepare_pass(self, request: InventoryRequest, live: LiveState) -> "_Pass":
        netbox = self.netbox.with_cancellation_check(create_cancellation_check())
        fabric = resolve_fabric(netbox, request.config, self.instance)
        agents = self._observe_agents(request, live)
        cabling = _confirm_cabling(request, agents)
        sentences = None if cabling is None else describe_cables(cabling)
        try:
            facts = agents.facts if agents else {}
            plan = make_plan(live, fabric, facts, sentences, request.drifted)
        except TooManyObjectsError as error:
            raise PermanentError(str(error)) from error
        return _Pass(netbox, request, plan, live, agents, cabling)

    def _read_live_state(self, request: InventoryRequest) -> LiveState:
        """Return the observed live state, without the objects of other fabrics."""
        target = request.config.kubernetes
        if target is None:
            raise PermanentError(
                f"The fabric {request.config.fabric_id} has no hh_kubernetes_server: enter the URL of"
                " its Kubernetes API in its record."
            )
        desired = self._read_desired_state(request.config)
        select = partial(select_live, request.config.fabric_name, desired=desired)
        return self.live_states.get_observed(target, self.settings, request.live_digest, select)

    def _read_desired_state(self, config: FabricConfig) -> DesiredState | None:
        """Return Git's state where it selects a fabric; None if it is unreadable."""
        if not (config.fabric_name and config.git):
            return None
        try:
            return self.desired_states.read(config.git, self.settings).state
        except (TransientError, PermanentError) as error:
            activity.logger.info("Git of %s was not read: %s", config.fabric_id, error)
            return None

    def _observe_agents(self, request: InventoryRequest, live: LiveState) -> ObservedAgents | None:
        target = request.config.kubernetes
        if target is None:
            return None
        silent = request.silent_switches
        return observe_agents(self.live_states, target, self.settings, live, silent)


def _count_objects(report: InventoryReport) -> None:
    for result, number in report.writes.items():
        INVENTORY_OBJECTS.labels(result).inc(number)
    INVENTORY_OBJECTS.labels("refused").inc(report.problems.get(FindingType.FAILED, 0))


def _confirm_cabling(
    request: InventoryRequest, agents: ObservedAgents | None
) -> tuple[CablingFinding, ...] | None:
    """Return what two readings agree on; what was known before unless there are two."""
    if agents is None or request.cabling_seen is None:
        return request.cabling
    confirmed = confirm_findings(request.cabling_seen, agents.cabling)
    known = keep_unjudged(request.cabling or (), confirmed, agents.unjudged)
    return limit_findings(known, MAX_CABLING_BYTES)


@dataclass(frozen=True)
class _Pass:
    """One comparison with NetBox, and the writes that follow from it."""

    netbox: InventoryNetBox
    request: InventoryRequest
    plan: Plan
    live: LiveState
    agents: ObservedAgents | None
    cabling: tuple[CablingFinding, ...] | None

    def run(self, live_digest: str) -> InventoryOutcome:
        fabric_id, message = self.plan.fabric.fabric_id, self._changelog_message
        reader = Reader(self.netbox, fabric_id)
        existing = reader.read(self.plan)
        changes = find_changes(self.plan, existing)
        decision = self._decide_deletes(changes, existing)
        total = changes.total_writes + len(decision.to_delete)
        writer = Writer(self.netbox, reader, fabric_id, message)
        result = writer.write(changes, _make_heartbeat(total))
        pruner = Pruner(self.netbox, message)
        pruner.delete(decision.to_delete, _make_heartbeat(total, already_done=changes.total_writes))
        conflicts = remaining = [
            *find_conflicts(self.netbox, result, self.plan.objects),
            *find_undivided_ports(reader, self.plan.objects, result.ids),
        ]
        if self.request.adopt:
            remaining = list(adopt(self.netbox, conflicts, fabric_id, message))
        findings = [
            *plan_findings(self.plan),
            *build_findings(self.netbox, remaining, result),
            *pruner.findings,
        ]
        report = build_report(
            findings,
            created=len(result.created),
            updated=len(result.updated),
            deleted=len(pruner.deleted),
            adopted=len(conflicts) - len(remaining),
            unchanged=changes.unchanged,
        )
        return InventoryOutcome(
            live_digest=live_digest,
            report=report,
            absence_counts=forget_objects(decision.absence_counts, pruner.deleted),
            deletes_waiting=summarize_waiting_deletes(decision),
            breakouts=self._breakouts,
            cabling=self.cabling,
            cabling_seen=self._cabling_seen,
        )

    def preview(self) -> InventoryPreview:
        existing = Reader(self.netbox, self.plan.fabric.fabric_id).read(self.plan)
        changes = find_changes(self.plan, existing)
        return build_preview(self.plan, changes, self._absent_objects(changes))

    def _decide_deletes(self, changes: Changes, existing: ExistingInventory) -> PruneDecision:
        totals = Counter(row.id.model for row in existing.objects)
        absent = self._absent_objects(changes)
        request, elsewhere = self.request, frozenset(map(str, self.live.elsewhere))
        counts, confirmed = request.absence_counts, request.confirmed_digest
        try:
            return decide(absent, counts, totals, confirmed, elsewhere)
        except TooManyAbsenceCountsError as error:
            raise PermanentError(str(error)) from error

    def _absent_objects(self, changes: Changes) -> list[ExistingObject]:
        return filter_surely_absent(changes.absent, self.live, self.plan.incomplete)

    @property
    def _breakouts(self) -> tuple[BreakoutMismatch, ...] | None:
        """The mismatches that are known now; None if no agents were read."""
        if self.agents is None:
            return None
        unjudged = self.agents.unjudged
        kept = (known for known in self.request.breakouts if known.switch in unjudged)
        return (*self.agents.breakouts, *kept)[:MAX_MISMATCHES]

    @property
    def _cabling_seen(self) -> tuple[CablingFinding, ...] | None:
        seen = self.request.cabling_seen
        if self.agents is None:
            return seen
        known = keep_unjudged(seen or (), self.agents.cabling, self.agents.unjudged)
        return limit_findings(known, MAX_CABLING_BYTES)

    @property
    def _changelog_message(self) -> str:
        request = self.request
        commit = f", commit {request.commit[:12]}" if request.commit else ""
        return f"Fabric Sync: sync {request.sync_number} of {request.config.fabric_id}{commit}"


def _make_heartbeat(total: int, already_done: int = 0) -> ProgressCallback:
    """Return a callback that reports the writes done, of `total`, in heartbeats."""

    def beat(done: int) -> None:
        activity.heartbeat(InventoryProgress(done=already_done + done, total=total))

    beat(0)
    return beat
