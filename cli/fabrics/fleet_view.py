"""A view of fabrics from NetBox, Temporal's list, and queries to some loops.

Of a few fabrics every loop is queried; of many only those whose record may be outdated. While NetBox is down,
the loops alone tell the fabrics' states.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from activities.errors import PermanentError, TransientError
from cli.fabrics.fabric import Fabric
from cli.session import Session
from cli.temporal.loop_client import ListedLoop, LoopClient, NoLoop
from cli.temporal.pending_work import find_pending_since
from fabrics.fleet.overview import FabricOverview, build_overview, build_overview_from_loop
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.inventory_text import parse_record_text
from fabrics.loop.report import FabricStatus
from fabrics.record.status_fields import find_other_owner
from fabrics.record.sync_status import InventoryState, SyncStatus

MAX_QUERIED_LOOPS: Final = 10
"""Loops that are queried for exact times. Querying a whole fleet would keep its worker from syncing."""


@dataclass(frozen=True)
class FleetView:
    """Some or all fabrics at one time.

    `fleet` is the fleet's summary, set only if all fabrics are viewed. `loops_error` says why loops do not run
    as they should, `netbox_error` why NetBox could not be read and which fabrics are missing for that; empty
    if nothing is wrong.
    """

    fabrics: Sequence[FabricOverview]
    now: datetime
    fleet: FleetSummary | None = None
    loops_error: str = ""
    netbox_error: str = ""

    @property
    def is_healthy(self) -> bool:
        """True if nothing in the view needs a person's attention."""
        fleet_is_healthy = not self.fleet or (self.fleet.is_healthy and not self.fleet.stale)
        fabrics_are_healthy = all(fabric.is_healthy for fabric in self.fabrics)
        return fleet_is_healthy and not self.loops_error and fabrics_are_healthy


async def get_fleet_view(session: Session, fabric_refs: Sequence[str]) -> FleetView:
    """Return a view of the named fabrics, or of all."""
    loops = session.loops
    running, fleet_answer = await asyncio.gather(loops.list_running(), _query_fleet(loops))
    try:
        fabrics = await session.select_fabrics(fabric_refs)
    except (TransientError, PermanentError) as netbox_error:
        ids = _resolve_fabric_ids(fabric_refs, running) if fabric_refs else running
        return await _get_view_without_netbox(session, ids, fleet_answer, str(netbox_error))
    with_loop = [fabric for fabric in fabrics if fabric.fabric_id in running]
    if fleet_answer.worker_answers:
        queried = _select_loops_to_query(with_loop, running)
        statuses = await _query_statuses(loops, queried)
        unresponsive = set(queried) - set(statuses)
    else:
        statuses, unresponsive = {}, {fabric.fabric_id for fabric in with_loop}
    pending_since = await find_pending_since(loops.client, unresponsive)
    view = build_fleet_view(session, fabrics, running, statuses, pending_since)
    loops_error = fleet_answer.error
    if unresponsive and not loops_error:
        loops_error = (
            f"No answer from the loop of {', '.join(sorted(unresponsive))}: the worker was lost, or workflow tasks"
            " fail; see the worker's log and the Temporal Web UI."
        )
    fleet = None if fabric_refs else fleet_answer.summary  # it is about other fabrics, too
    return replace(view, fleet=fleet, loops_error=loops_error)


@dataclass(frozen=True)
class _FleetAnswer:
    """The fleet's summary, or why there is none, and whether any worker answers."""

    summary: FleetSummary | None
    error: str
    worker_answers: bool


async def _query_fleet(loops: LoopClient) -> _FleetAnswer:
    if not await loops.has_worker():
        return _FleetAnswer(None, loops.no_worker_text, worker_answers=False)
    try:
        summary = await loops.get_fleet_summary()
    except NoLoop:
        error = "The fleet is not running; a worker starts it soon."
        return _FleetAnswer(None, error, worker_answers=True)
    if summary is None:
        error = "The worker does not answer: it was lost, is overloaded, or is of a build that is not promoted."
        return _FleetAnswer(None, error, worker_answers=False)
    return _FleetAnswer(summary, "", worker_answers=True)


def _select_loops_to_query(
    with_loop: Sequence[Fabric], running: Mapping[str, ListedLoop]
) -> list[str]:
    """Return all ids if they are few, else the first that may be outdated."""
    ids = [fabric.fabric_id for fabric in with_loop]
    if len(ids) <= MAX_QUERIED_LOOPS:
        return ids
    outdated = [f.fabric_id for f in with_loop if _may_be_outdated(f, running[f.fabric_id])]
    return outdated[:MAX_QUERIED_LOOPS]


def _may_be_outdated(fabric: Fabric, loop: ListedLoop) -> bool:
    """True if something is running, or loop and record show different statuses."""
    status, inventory = fabric.record_status, parse_record_text(fabric.last_known.inventory_text)
    running = status == SyncStatus.SYNCING or inventory is InventoryState.BEHIND
    return running or loop.status not in ("", status)


def _resolve_fabric_ids(fabric_refs: Sequence[str], running: Mapping[str, ListedLoop]) -> set[str]:
    """Return the ids of the named loops; any other name is taken for an id."""
    named = {fabric_id for fabric_id, loop in running.items() if loop.name in fabric_refs}
    return named | (set(fabric_refs) - {loop.name for loop in running.values()})


async def _get_view_without_netbox(
    session: Session, ids: Collection[str], fleet_answer: _FleetAnswer, netbox_error: str
) -> FleetView:
    queried = sorted(ids)[:MAX_QUERIED_LOOPS]
    statuses = await _query_statuses(session.loops, queried)
    now, heartbeat = datetime.now(UTC), session.settings.netbox_heartbeat
    fabrics = [build_overview_from_loop(status, heartbeat, now) for status in statuses.values()]
    errors = [netbox_error]
    if unresponsive := ", ".join(sorted(set(queried) - set(statuses))):
        errors.append(fleet_answer.error or f"No loop answers for {unresponsive}.")
    if len(ids) > MAX_QUERIED_LOOPS:
        errors.append(
            f"Only {MAX_QUERIED_LOOPS} of {len(ids)} fabrics were queried; name others to see them."
        )
    return FleetView(fabrics=fabrics, now=now, netbox_error=" ".join(filter(None, errors)))


def build_fleet_view(
    session: Session,
    fabrics: Sequence[Fabric],
    running: Collection[str],
    statuses: Mapping[str, FabricStatus],
    pending_since: Mapping[str, datetime] = MappingProxyType({}),
) -> FleetView:
    """Build the view of `fabrics` from their records and their loops.

    By fabric id: `running` has those with a loop, `statuses` what loops answered, and `pending_since` since
    when loops have had work that no worker has taken.
    """
    now = datetime.now(UTC)
    overviews = [
        build_overview(
            fabric.config,
            fabric.last_known,
            statuses.get(fabric.fabric_id),
            running=fabric.fabric_id in running,
            shown_status=fabric.record_status,
            waiting_since=pending_since.get(fabric.fabric_id),
            owner=find_other_owner(fabric.record, session.instance),
            netbox_heartbeat=session.settings.netbox_heartbeat,
            now=now,
        )
        for fabric in fabrics
    ]
    return FleetView(fabrics=overviews, now=now)


def build_fabric_view(
    session: Session, fabric: Fabric, status: FabricStatus | None = None
) -> FleetView:
    """Build the view of one fabric after a change; the loop it needs is running."""
    running = {fabric.fabric_id} if status or fabric.config.needs_loop else ()
    statuses = {fabric.fabric_id: status} if status else {}
    return build_fleet_view(session, [fabric], running, statuses)


async def _query_statuses(loops: LoopClient, fabric_ids: Sequence[str]) -> dict[str, FabricStatus]:
    answers = await asyncio.gather(*(loops.get_status(fabric_id) for fabric_id in fabric_ids))
    return {answer.fabric_id: answer for answer in answers if answer}
