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
from temporalio.common import SearchAttributeKey, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode
from tenacity import Retrying, retry_if_exception_message, stop_after_attempt

from activities.errors import PermanentError, TransientError, Unanswered
from activities.netbox.client import NetBox, Row
from fabrics.fleet.reconcile import FleetSnapshot, ImplausibleRead, Member, RunningLoop
from fabrics.fleet.summary import FleetSummary, summarise_fleet
from fabrics.loop.loop import LOST_TASK, FabricLoop, loop_summary, workflow_id
from fabrics.record.config import ConfigEdits
from fabrics.record.config_fields import raw_fields
from fabrics.record.status_fields import (
    changed_fields,
    other_owner,
    parse_config,
    parse_facts,
    slug_fabric_id,
)

LOOP: Final = "FabricSync"
"""The type of the workflow that is a fabric's loop; its class belongs to a layer above."""

CONFIG: Final = SearchAttributeKey.for_keyword("FabricConfig")
"""Where a loop shows the hash of the configuration that it goes by."""

STATUS: Final = SearchAttributeKey.for_keyword("FabricStatus")
DRIFT: Final = SearchAttributeKey.for_int("FabricDrift")
"""Where it shows what it makes of its fabric."""

AT_ONCE: Final = 10
"""Calls to Temporal at the same time: a large fleet is told within seconds, the server hardly notices."""

OF_ONE_LOOP: Final = frozenset(
    {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION}
)
"""What Temporal answers where one loop has just ended, or has been told too often; other loops are not
concerned."""

ID_REFUSED: Final = r"(?s).*hh_fabric_id.*unique"
"""How NetBox says that a cluster has a fabric id which others may not have."""

MOST_CANDIDATES: Final = 5
"""Fabric ids that a record is offered in one round; the next round goes on from what it sees then."""

UNLUCKY: Final = 2
"""Attempts at one step that a workflow may need: a worker that is killed or overloaded costs one."""


class RoundRequest(BaseModel, frozen=True):
    """`releases` are those whose workers have made rounds before; none before the first round."""

    releases: tuple[str, ...] = ()


class Round(BaseModel, frozen=True):
    """What a round found, and the `release` of the worker that made it."""

    release: str
    summary: FleetSummary


@dataclass(frozen=True)
class FleetActivities:
    """The activity behind the fleet. `instance` names this installation, as `hh_instance` stores it.

    `task_queue` is that of the loops, `heartbeat` the seconds after which a record is written though
    nothing changed, `release` what tells this worker's code from another's.
    """

    netbox: NetBox
    client: Client
    task_queue: str
    instance: str
    heartbeat: int
    release: str

    @activity.defn
    async def reconcile(self, request: RoundRequest) -> Round:
        """Give every record that wants one its loop, and every other its status.

        Raises `TransientError` and `PermanentError` where nothing can be concluded.
        """
        loops = await self._running_loops()
        rows, nameless = await asyncio.to_thread(self._records)
        seen = FleetSnapshot(
            members=tuple(map(Member.of, rows)),
            loops=loops,
            instance=self.instance,
            heartbeat=self.heartbeat,
            now=datetime.now(UTC),
        )
        new = bool(request.releases) and self.release not in request.releases
        try:
            plan = seen.plan(release=new)
        except ImplausibleRead as error:
            raise PermanentError(str(error)) from None
        if seen.vanished:
            await asyncio.to_thread(self.netbox.check_sees_all_records)
        untold = await self._tell(plan.tell, plan.overdue)
        settled = frozenset(plan.settle)
        to_settle = [row for row in rows if row["id"] in settled]
        unsettled = await asyncio.to_thread(self._settle, to_settle)
        summary = summarise_fleet(seen, plan, [*nameless, *untold, *unsettled])
        return Round(release=self.release, summary=summary)

    # -- loops ------------------------------------------------------------------------------------

    async def _running_loops(self) -> tuple[RunningLoop, ...]:
        query = f"WorkflowType = '{LOOP}' AND ExecutionStatus = 'Running'"
        found = self.client.list_workflows(query, page_size=1000)
        try:
            return tuple([await _running_loop(loop) async for loop in found])
        except RPCError as error:
            raise TransientError(f"Temporal does not list the loops ({error.message}).") from None

    async def _tell(self, due: Sequence[str], overdue: Sequence[str]) -> list[str]:
        """Let loops look at their records, start those that do not run; a sentence on each that cannot be told."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def tell(fabric_id: str) -> str:
            async with limit:
                return await self._tell_one(fabric_id, overdue=fabric_id in overdue)

        return list(filter(None, await asyncio.gather(*map(tell, due))))

    async def _tell_one(self, fabric_id: str, *, overdue: bool) -> str:
        try:
            if overdue and await is_stuck(self.client, workflow_id(fabric_id)):
                # It fails on its own history and never gets on: a new one continues from the record.
                terminate = WorkflowIDConflictPolicy.TERMINATE_EXISTING
                await self._start(fabric_id, conflict=terminate)
            else:
                await self._start(fabric_id, signal="record_changed")
        except RPCError as error:
            if error.status in OF_ONE_LOOP:
                return f"The loop of {fabric_id} takes no message ({error.message})."
            raise TransientError(f"Temporal does not take messages ({error.message}).") from None
        return ""

    async def _start(
        self,
        fabric_id: str,
        *,
        signal: str | None = None,
        conflict: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.UNSPECIFIED,
    ) -> None:
        await self.client.start_workflow(
            LOOP,
            FabricLoop(fabric_id=fabric_id),
            id=workflow_id(fabric_id),
            task_queue=self.task_queue,
            task_timeout=LOST_TASK,
            static_summary=loop_summary(fabric_id),
            start_signal=signal,
            id_conflict_policy=conflict,
        )

    # -- records ----------------------------------------------------------------------------------

    def _records(self) -> tuple[list[Row], list[str]]:
        """All records, those without a fabric id with one now, and a sentence on each that takes none."""
        rows = self.netbox.records()
        taken = {str(raw_fields(row).get("hh_fabric_id")) for row in rows}
        problems = []
        for place, row in enumerate(rows):
            if raw_fields(row).get("hh_fabric_id") or other_owner(row, self.instance):
                continue
            try:
                rows[place] = self._given_an_id(row, taken)
            except Unanswered:
                raise
            except (PermanentError, TransientError) as error:
                problems.append(f"{row['name']}: {error}")
        return rows, problems

    def _given_an_id(self, row: Row, taken: set[str]) -> Row:
        """The record with a fabric id of its own, which is `taken` from then on.

        Also a cluster that is no fabric any more has its id: NetBox refuses that to others, and shows it to
        nobody.
        """

        def give() -> Row:
            fabric_id = slug_fabric_id(row["name"], taken)
            taken.add(fabric_id)
            return self.netbox.update_record(row["id"], partial(_named, fabric_id)) or row

        next_free = Retrying(
            stop=stop_after_attempt(MOST_CANDIDATES),
            retry=retry_if_exception_message(match=ID_REFUSED),
            reraise=True,
        )
        return next_free(give)

    def _settle(self, rows: Iterable[Row]) -> list[str]:
        """Write the statuses that records without a loop should show; a sentence on each that refuses."""
        problems = []
        for row in rows:
            try:
                if _settled(row):
                    self.netbox.update_record(row["id"], _settled)
            except Unanswered:
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
    return described.raw_description.pending_workflow_task.attempt > UNLUCKY


async def _running_loop(loop: WorkflowExecution) -> RunningLoop:
    shown = loop.typed_search_attributes
    return RunningLoop(
        fabric_id=loop.id.removeprefix(workflow_id("")),
        config_hash=shown.get(CONFIG) or await loop.memo_value(CONFIG.name, ""),
        started=loop.start_time,
        status=shown.get(STATUS),
        drift=shown.get(DRIFT),
    )


def _named(fabric_id: str, row: Row) -> Row:
    """What gives the record this fabric id, with the status that goes with it; nothing where it has one."""
    if raw_fields(row).get("hh_fabric_id"):
        return {}
    fields = {**row["custom_fields"], "hh_fabric_id": fabric_id}
    return {"hh_fabric_id": fabric_id} | _true_status({**row, "custom_fields": fields})


def _settled(row: Row) -> Row:
    """The status of a record without a loop; nothing where it wants one by now, which then writes it."""
    config = parse_config(row)
    return {} if config.wants_a_loop and not config.unusable else _true_status(row)


def _true_status(row: Row) -> Row:
    """The status fields in which the record is not true, given that no sync is running."""
    return changed_fields(row, ConfigEdits(), parse_facts(row), datetime.now(UTC))
