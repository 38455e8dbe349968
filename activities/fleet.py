"""One round over all fabrics: read every record and every loop, and bring the two together.

A round asks NetBox for one list and Temporal for one, whatever the number of fabrics; it writes only
where something is wrong. What cannot be done about one record is said and keeps no other from its due.
A failure that concerns them all ends the round, which changed nothing that a next one would not do.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import Client, WorkflowExecution
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode
from tenacity import Retrying, retry_if_exception_message, stop_after_attempt

from activities.errors import NoResponseError, PermanentError, TransientError
from activities.netbox.client import NetBox, Row
from activities.search_attributes import CONFIG_ATTRIBUTE, DRIFT_ATTRIBUTE, STATUS_ATTRIBUTE
from fabrics.fleet.reconcile import FabricRecord, FleetSnapshot, ImplausibleRead, RunningLoop
from fabrics.fleet.summary import FleetSummary, summarise_fleet
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop, loop_summary, workflow_id
from fabrics.record.config import ConfigEdits
from fabrics.record.config_fields import unwrap_custom_fields
from fabrics.record.status_fields import (
    find_changed_fields,
    find_other_owner,
    make_fabric_id,
    parse_config,
    parse_last_known_state,
)

LOOP_WORKFLOW_TYPE: Final = "FabricSync"
"""The type of the workflow that is a fabric's loop; its class belongs to a layer above."""

MAX_CONCURRENT_CALLS: Final = 10
"""Calls to Temporal at the same time: a large fleet is told within seconds, the server hardly notices."""

SINGLE_LOOP_STATUS_CODES: Final = frozenset(
    {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION}
)
"""What Temporal answers where one loop has just ended, or has been told too often; other loops are not
concerned."""

DUPLICATE_ID_PATTERN: Final = r"(?s).*hh_fabric_id.*unique"
"""How NetBox says that a cluster has a fabric id which others may not have."""

MAX_ID_CANDIDATES: Final = 5
"""Fabric ids that a record is offered in one round; the next round goes on from what it sees then."""

STUCK_AFTER_ATTEMPTS: Final = 2
"""Attempts at one step that a workflow may need: a worker that is killed or overloaded costs one."""


class RoundRequest(BaseModel, frozen=True):
    """`releases` are those whose workers have made rounds before; none before the first round."""

    releases: tuple[str, ...] = ()


class RoundResult(BaseModel, frozen=True):
    """What a round found, and the `release` of the worker that made it."""

    release: str
    summary: FleetSummary


@dataclass(frozen=True)
class FleetActivities:
    """The activity behind the fleet. `instance` names this installation, as `hh_instance` stores it.

    `task_queue` is that of the loops, `netbox_heartbeat` the seconds after which a record is written though
    nothing changed, `release` what tells this worker's code from another's.
    """

    netbox: NetBox
    client: Client
    task_queue: str
    instance: str
    netbox_heartbeat: int
    release: str

    @activity.defn
    async def reconcile(self, request: RoundRequest) -> RoundResult:
        """Give every record that wants one its loop, and every other its status.

        Raises `TransientError` and `PermanentError` where nothing can be concluded.
        """
        loops = await self._list_running_loops()
        rows, nameless = await asyncio.to_thread(self._load_records)
        seen = FleetSnapshot(
            records=tuple(map(FabricRecord.from_record, rows)),
            loops=loops,
            instance=self.instance,
            netbox_heartbeat=self.netbox_heartbeat,
            now=datetime.now(UTC),
        )
        new = bool(request.releases) and self.release not in request.releases
        try:
            plan = seen.plan(is_new_release=new)
        except ImplausibleRead as error:
            raise PermanentError(str(error)) from None
        if seen.orphaned_loops:
            await asyncio.to_thread(self.netbox.check_all_records_visible)
        untold = await self._notify_loops(plan.loops_to_signal, plan.overdue)
        settled = frozenset(plan.records_to_update)
        to_settle = [row for row in rows if row["id"] in settled]
        unsettled = await asyncio.to_thread(self._write_statuses, to_settle)
        summary = summarise_fleet(seen, plan, [*nameless, *untold, *unsettled])
        return RoundResult(release=self.release, summary=summary)

    # -- loops ------------------------------------------------------------------------------------

    async def _list_running_loops(self) -> tuple[RunningLoop, ...]:
        query = f"WorkflowType = '{LOOP_WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'"
        found = self.client.list_workflows(query, page_size=1000)
        try:
            return tuple([await _parse_running_loop(loop) async for loop in found])
        except RPCError as error:
            raise TransientError(f"Temporal does not list the loops ({error.message}).") from None

    async def _notify_loops(self, fabric_ids: Sequence[str], overdue: Sequence[str]) -> list[str]:
        """Let loops look at their records, start those that do not run; a sentence on each that cannot be told."""
        limit = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

        async def tell(fabric_id: str) -> str:
            async with limit:
                return await self._notify_loop(fabric_id, overdue=fabric_id in overdue)

        return list(filter(None, await asyncio.gather(*map(tell, fabric_ids))))

    async def _notify_loop(self, fabric_id: str, *, overdue: bool) -> str:
        try:
            if overdue and await is_stuck(self.client, workflow_id(fabric_id)):
                # It fails on its own history and never gets on: a new one continues from the record.
                terminate = WorkflowIDConflictPolicy.TERMINATE_EXISTING
                await self._start_loop(fabric_id, conflict=terminate)
            else:
                await self._start_loop(fabric_id, signal="record_changed")
        except RPCError as error:
            if error.status in SINGLE_LOOP_STATUS_CODES:
                return f"The loop of {fabric_id} takes no message ({error.message})."
            raise TransientError(f"Temporal does not take messages ({error.message}).") from None
        return ""

    async def _start_loop(
        self,
        fabric_id: str,
        *,
        signal: str | None = None,
        conflict: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.UNSPECIFIED,
    ) -> None:
        await self.client.start_workflow(
            LOOP_WORKFLOW_TYPE,
            FabricLoop(fabric_id=fabric_id),
            id=workflow_id(fabric_id),
            task_queue=self.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            static_summary=loop_summary(fabric_id),
            start_signal=signal,
            id_conflict_policy=conflict,
        )

    # -- records ----------------------------------------------------------------------------------

    def _load_records(self) -> tuple[list[Row], list[str]]:
        """All records, those without a fabric id with one now, and a sentence on each that takes none."""
        rows = self.netbox.list_records()
        taken = {str(unwrap_custom_fields(row).get("hh_fabric_id")) for row in rows}
        problems = []
        for place, row in enumerate(rows):
            if unwrap_custom_fields(row).get("hh_fabric_id") or find_other_owner(
                row, self.instance
            ):
                continue
            try:
                rows[place] = self._assign_fabric_id(row, taken)
            except NoResponseError:
                raise
            except (PermanentError, TransientError) as error:
                problems.append(f"{row['name']}: {error}")
        return rows, problems

    def _assign_fabric_id(self, row: Row, taken: set[str]) -> Row:
        """The record with a fabric id of its own, which is `taken` from then on.

        Also a cluster that is no fabric any more has its id: NetBox refuses that to others, and shows it to
        nobody.
        """

        def give() -> Row:
            fabric_id = make_fabric_id(row["name"], taken)
            taken.add(fabric_id)
            return (
                self.netbox.update_record(row["id"], partial(_compute_id_fields, fabric_id)) or row
            )

        next_free = Retrying(
            stop=stop_after_attempt(MAX_ID_CANDIDATES),
            retry=retry_if_exception_message(match=DUPLICATE_ID_PATTERN),
            reraise=True,
        )
        return next_free(give)

    def _write_statuses(self, rows: Iterable[Row]) -> list[str]:
        """Write the statuses that records without a loop should show; a sentence on each that refuses."""
        problems = []
        for row in rows:
            try:
                if _compute_settled_status(row):
                    self.netbox.update_record(row["id"], _compute_settled_status)
            except NoResponseError:
                raise
            except (PermanentError, TransientError) as error:
                problems.append(f"{row['name']}: {error}")
        return problems


async def is_stuck(client: Client, id_: str) -> bool:
    """Whether the workflow of this id has failed to get on and is tried again and again. Raises `RPCError`."""
    try:
        described = await client.get_workflow_handle(id_).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return described.raw_description.pending_workflow_task.attempt > STUCK_AFTER_ATTEMPTS


async def _parse_running_loop(loop: WorkflowExecution) -> RunningLoop:
    shown = loop.typed_search_attributes
    return RunningLoop(
        fabric_id=loop.id.removeprefix(workflow_id("")),
        config_hash=shown.get(CONFIG_ATTRIBUTE) or await loop.memo_value(CONFIG_ATTRIBUTE.name, ""),
        started=loop.start_time,
        status=shown.get(STATUS_ATTRIBUTE),
        drift_count=shown.get(DRIFT_ATTRIBUTE),
    )


def _compute_id_fields(fabric_id: str, row: Row) -> Row:
    """What gives the record this fabric id, with the status that goes with it; nothing where it has one."""
    if unwrap_custom_fields(row).get("hh_fabric_id"):
        return {}
    fields = {**row["custom_fields"], "hh_fabric_id": fabric_id}
    return {"hh_fabric_id": fabric_id} | _compute_status_fields({**row, "custom_fields": fields})


def _compute_settled_status(row: Row) -> Row:
    """The status of a record without a loop; nothing where it wants one by now, which then writes it."""
    config = parse_config(row)
    return {} if config.needs_loop and not config.has_invalid_id else _compute_status_fields(row)


def _compute_status_fields(row: Row) -> Row:
    """The status fields in which the record is not true, given that no sync is running."""
    return find_changed_fields(row, ConfigEdits(), parse_last_known_state(row), datetime.now(UTC))
