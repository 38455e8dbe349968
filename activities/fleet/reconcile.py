"""One round over all fabrics: compare records with loops and reconcile them.

A round reads one list from NetBox and one from Temporal, however many fabrics there are, and writes only where
the two disagree. A problem with one record is reported and does not affect the others. A failure that concerns
all of them ends the round; the next one does the rest.
"""

import asyncio
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import PermanentError, TransientError
from activities.executions import execution_is_running, find_execution, misses_workflow
from activities.fleet.installation import get_instance
from activities.fleet.records import FleetRecords
from activities.netbox.client import NetBox
from activities.search_attributes import CONFIG_ATTRIBUTE, DRIFT_ATTRIBUTE, STATUS_ATTRIBUTE
from fabrics.fleet.reconcile import (
    FabricRecord,
    FleetPlan,
    FleetSnapshot,
    OrphanedLoopsError,
    RunningLoop,
)
from fabrics.fleet.summary import FleetSummary, summarize_fleet
from fabrics.loop.inventory_pass import INVENTORY_WORKFLOW_PREFIX
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop, loop_summary, workflow_id
from fabrics.record.installation import is_same_instance

LOOP_WORKFLOW_PREFIX: Final = workflow_id("")
LOOP_WORKFLOW_TYPE: Final = "FabricSync"
INVENTORY_WORKFLOW_TYPE: Final = "FabricInventory"
"""The workflow types of a fabric's loop and of its inventory; the classes are in a higher layer."""

RUNNING_LOOPS_QUERY: Final = (
    f"WorkflowType = '{LOOP_WORKFLOW_TYPE}' AND WorkflowId STARTS_WITH '{LOOP_WORKFLOW_PREFIX}'"
    " AND ExecutionStatus = 'Running'"
)
RUNNING_PASSES_QUERY: Final = (
    f"WorkflowType = '{INVENTORY_WORKFLOW_TYPE}' AND WorkflowId STARTS_WITH '{INVENTORY_WORKFLOW_PREFIX}'"
    " AND ExecutionStatus = 'Running'"
)
"""Neither lists copies under ids of no fabric: those end at once, but not where no worker takes their tasks."""

HINT_PAUSE_SECONDS: Final = 3
"""Hints may come all the time, as from a script that edits records, and each round reads all of NetBox's."""

MAX_CONCURRENT_CALLS: Final = 10
"""Concurrent calls to Temporal: enough to signal a large fleet within seconds without loading the server."""

SINGLE_LOOP_STATUS_CODES: Final = frozenset(
    {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION}
)
"""Errors that concern one loop alone, besides that it is missing: it has received too many signals, for instance."""

STUCK_AFTER_ATTEMPTS: Final = 2
"""Attempts that one workflow task may need: a worker that is killed or overloaded costs one."""


class RoundRequest(BaseModel, frozen=True):
    """`releases` are those of the workers that made earlier rounds."""

    releases: tuple[str, ...] = ()


class RoundResult(BaseModel, frozen=True):
    """The result of a round, and settings of the worker that made it.

    `release` is the version of its rules, `interval` the number of seconds until the next round. After a round that
    a hint has caused, further hints wait for `hint_pause` seconds; older histories have no such pause.
    """

    release: str
    interval: int
    hint_pause: int = 0
    summary: FleetSummary


@dataclass(frozen=True)
class FleetActivities:
    """The fleet's activity. `instance` names this installation, as in `hh_instance`.

    `task_queue` is that of the loops, `netbox_heartbeat` the seconds after which a record is written though
    nothing changed, `interval` the seconds between rounds, `release` the version of this worker's rules.
    """

    netbox: NetBox
    client: Client
    task_queue: str
    instance: str
    netbox_heartbeat: int
    interval: int
    release: str

    @activity.defn
    async def reconcile(self, request: RoundRequest) -> RoundResult:
        """Start missing loops, signal outdated ones, and write statuses without a loop.

        Raises `TransientError` or `PermanentError` if records or loops cannot be listed reliably, or if this is no
        longer the worker's namespace.
        """
        await self._check_instance()
        records = FleetRecords(self.netbox, self.instance)
        started = datetime.now(UTC)  # the round may miss what changes from now on
        # Listed before the loops: a loop that starts meanwhile must not seem to be missing.
        passes = await self._list_running(RUNNING_PASSES_QUERY)
        listed = await self._list_running(RUNNING_LOOPS_QUERY)
        loops = [await _parse_running_loop(loop) for loop in listed]
        rows, id_problems = await asyncio.to_thread(records.load)
        snapshot = FleetSnapshot(
            records=tuple(map(FabricRecord.from_record, rows)),
            loops=tuple(loops),
            inventories=frozenset(map(_get_fabric_id, passes)),
            instance=self.instance,
            netbox_heartbeat=self.netbox_heartbeat,
            now=started,
        )
        is_new_release = bool(request.releases) and self.release not in request.releases
        try:
            plan = snapshot.plan(is_new_release=is_new_release)
        except OrphanedLoopsError as error:
            raise PermanentError(str(error)) from None
        if snapshot.orphaned_loops:
            await asyncio.to_thread(self.netbox.check_all_records_visible)
        loop_problems = await self._signal_loops(plan, {loop.fabric_id for loop in loops})
        to_cancel = [run for run in passes if _get_fabric_id(run) in plan.inventories_to_cancel]
        await self._cancel_passes(to_cancel)
        to_update = [row for row in rows if row["id"] in plan.records_to_update]
        status_problems = await asyncio.to_thread(records.write_statuses, to_update)
        problems = [*id_problems, *loop_problems, *status_problems]
        summary = summarize_fleet(snapshot, plan, problems)
        return RoundResult(
            release=self.release,
            interval=self.interval,
            hint_pause=HINT_PAUSE_SECONDS,
            summary=summary,
        )

    async def _check_instance(self) -> None:
        """Raise `PermanentError` if this is not the namespace of the worker's start.

        A worker stays connected while another namespace of that name takes the place of its own. It would start all
        loops there, for an installation that ends with it.
        """
        current = await get_instance(self.client)
        if not is_same_instance(current, self.instance):
            raise PermanentError(
                f"The namespace {self.client.namespace} of Temporal is another one than when this worker started"
                f" ({self.instance} then, {current} now), so nothing was changed: restart all workers."
            )

    async def _list_running(self, query: str) -> list[WorkflowExecution]:
        """List running workflows; a removal has the id of a pass, but another type."""
        try:
            return [run async for run in self.client.list_workflows(query, page_size=1000)]
        except RPCError as error:
            raise TransientError(
                f"Temporal does not list the running workflows ({error.message})."
            ) from None

    async def _cancel_passes(self, passes: Iterable[WorkflowExecution]) -> None:
        """Cancel passes that no loop waits for; the next round tries again what fails.

        Temporal's lists lag behind, so the loop is asked for by its id, too. By now a removal may run under the id
        of a pass, so only the run that was listed is cancelled.
        """
        for run in passes:
            with suppress(RPCError):
                if not await execution_is_running(self.client, workflow_id(_get_fabric_id(run))):
                    await self.client.get_workflow_handle(run.id, run_id=run.run_id).cancel()

    async def _signal_loops(self, plan: FleetPlan, listed: Container[str]) -> list[str]:
        """Make loops reload their records, start missing ones, and list problems."""
        limit = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

        async def signal(fabric_id: str) -> str:
            async with limit:
                try:
                    if fabric_id in plan.overdue:
                        await self._signal_overdue_loop(
                            fabric_id, must_reload=fabric_id in plan.loops_to_signal
                        )
                    elif fabric_id in listed:
                        await self._signal_listed_loop(fabric_id)
                    else:
                        await self._start_loop(fabric_id)
                except RPCError as error:
                    if error.status in SINGLE_LOOP_STATUS_CODES or misses_workflow(error):
                        return f"The loop of {fabric_id} accepts no signals ({error.message})."
                    text = f"Temporal accepts no signals ({error.message})."
                    raise TransientError(text) from None
                return ""

        fabric_ids = sorted({*plan.loops_to_signal, *plan.overdue})
        return list(filter(None, await asyncio.gather(*map(signal, fabric_ids))))

    async def _signal_overdue_loop(self, fabric_id: str, *, must_reload: bool) -> None:
        """Wake a loop that waits for nothing; replace one whose task keeps failing.

        After an outage all loops are overdue, and they catch up in turn. Reading all their records meanwhile
        would only keep NetBox busy.
        """
        execution = await find_execution(self.client, workflow_id(fabric_id))
        attempts = _count_task_attempts(execution)
        if attempts > STUCK_AFTER_ATTEMPTS:
            # It keeps failing on its own history; a new one continues from the record.
            await self._start_loop(fabric_id, WorkflowIDConflictPolicy.TERMINATE_EXISTING)
        elif attempts > 1:
            pass  # its task is failing, and a signal would let Temporal count from 1 again
        elif must_reload or not _is_at_work(execution):
            await self._signal_listed_loop(fabric_id)

    async def _signal_listed_loop(self, fabric_id: str) -> None:
        """Make a loop reload its record; start a new one if it has ended, but is needed.

        It may have ended since it was listed, and NetBox's list may be older than that.
        """
        try:
            await self.client.get_workflow_handle(workflow_id(fabric_id)).signal("record_changed")
        except RPCError as error:
            if not misses_workflow(error):
                raise
            row = await asyncio.to_thread(self.netbox.find_record, fabric_id)
            record = None if row is None else FabricRecord.from_record(row)
            if record and record.config.needs_loop and not record.has_other_owner(self.instance):
                await self._start_loop(fabric_id)

    async def _start_loop(
        self,
        fabric_id: str,
        conflict_policy: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.UNSPECIFIED,
    ) -> None:
        """Start the loop; one that runs gets a signal, unless it is terminated."""
        await self.client.start_workflow(
            LOOP_WORKFLOW_TYPE,
            FabricLoop(fabric_id=fabric_id),
            id=workflow_id(fabric_id),
            task_queue=self.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary=loop_summary(fabric_id),
            start_signal=None if conflict_policy else "record_changed",
            id_conflict_policy=conflict_policy,
        )


async def is_stuck(client: Client, id_: str) -> bool:
    """Return whether the workflow's task fails repeatedly. Raises `RPCError`."""
    return _count_task_attempts(await find_execution(client, id_)) > STUCK_AFTER_ATTEMPTS


def _count_task_attempts(execution: WorkflowExecutionDescription | None) -> int:
    """Return the attempts of the pending workflow task, or 0."""
    return execution.raw_description.pending_workflow_task.attempt if execution else 0


def _is_at_work(execution: WorkflowExecutionDescription | None) -> bool:
    """True if an activity of the workflow runs, or waits for its turn."""
    return execution is not None and bool(execution.raw_description.pending_activities)


def _get_fabric_id(inventory_pass: WorkflowExecution) -> str:
    return inventory_pass.id.removeprefix(INVENTORY_WORKFLOW_PREFIX)


async def _parse_running_loop(loop: WorkflowExecution) -> RunningLoop:
    values = loop.typed_search_attributes
    return RunningLoop(
        fabric_id=loop.id.removeprefix(LOOP_WORKFLOW_PREFIX),
        config_hash=values.get(CONFIG_ATTRIBUTE)
        or await loop.memo_value(CONFIG_ATTRIBUTE.name, ""),
        started=loop.start_time,
        status=values.get(STATUS_ATTRIBUTE),
        drift_count=values.get(DRIFT_ATTRIBUTE),
    )
