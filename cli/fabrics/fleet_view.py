"""Looking at fabrics: one read of NetBox, one page of Temporal's list, and a few questions to loops.

Of few fabrics every loop is asked, of many those that their record or Temporal's list gives reason to.

While NetBox is down, the loops alone say how their fabrics are.
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
from fabrics.loop.report import FabricStatus
from fabrics.record.status import SyncStatus
from fabrics.record.status_fields import find_other_owner

MAX_QUERIED_LOOPS: Final = 10
"""Loops that are asked one by one for exact times. Asking a whole fleet would keep the worker from it."""


@dataclass(frozen=True)
class FleetView:
    """What was seen. `fleet` is what the fleet says where all fabrics are looked at; `trouble` is why loops
    do not run as they should, `netbox_error` why NetBox could not be read, and who is not seen for that; empty
    where nothing is wrong.
    """

    fabrics: Sequence[FabricOverview]
    now: datetime
    fleet: FleetSummary | None = None
    loops_error: str = ""
    netbox_error: str = ""

    @property
    def is_healthy(self) -> bool:
        """Nothing here needs a person."""
        cared_for = self.fleet is None or (self.fleet.is_healthy and not self.fleet.stale)
        return (
            cared_for and not self.loops_error and all(fabric.is_healthy for fabric in self.fabrics)
        )


async def get_fleet_view(session: Session, fabric_refs: Sequence[str]) -> FleetView:
    """The fabrics that are named; all when none is."""
    running, keeper = await asyncio.gather(
        session.loops.list_running(), _query_fleet(session.loops)
    )
    try:
        chosen = await session.select_fabrics(fabric_refs)
    except (TransientError, PermanentError) as error:
        meant = _resolve_fabric_ids(fabric_refs, running) if fabric_refs else running
        return await _get_view_without_netbox(session, meant, keeper, str(error))
    kept = [fabric for fabric in chosen if fabric.fabric_id in running]
    if not keeper.worker_answers:
        told, silent = {}, {fabric.fabric_id for fabric in kept}
    else:
        asked = _select_loops_to_query(kept, running)
        told = await _query_statuses(session.loops, asked)
        silent = set(asked) - set(told)
    waiting = await find_pending_since(session.loops.client, silent)
    seen = build_fleet_view(session, chosen, running, told, waiting)
    fleet = None if fabric_refs else keeper.summary  # what ails others is no news of these
    return replace(
        seen, fleet=fleet, loops_error=keeper.error or _describe_unresponsive_loops(silent)
    )


@dataclass(frozen=True)
class _FleetAnswer:
    """What the fleet says, or why it says nothing; whether a worker `answers` at all."""

    summary: FleetSummary | None
    error: str
    worker_answers: bool


async def _query_fleet(loops: LoopClient) -> _FleetAnswer:
    if not await loops.has_worker():
        return _FleetAnswer(None, loops.no_worker_text, worker_answers=False)
    try:
        fleet = await loops.get_fleet_summary()
    except NoLoop:
        return _FleetAnswer(
            None,
            "The fleet is not running; a worker starts it within a minute.",
            worker_answers=True,
        )
    silence = "The worker does not answer: it was lost, or has too much to do."
    return _FleetAnswer(fleet, "" if fleet else silence, worker_answers=fleet is not None)


def _select_loops_to_query(
    with_loop: Sequence[Fabric], running: Mapping[str, ListedLoop]
) -> list[str]:
    """The loops to ask, of fabrics that all have one: all of a few, a few of those in doubt of many."""
    if len(with_loop) > MAX_QUERIED_LOOPS:
        with_loop = [
            fabric
            for fabric in with_loop
            if _is_possibly_outdated(fabric, running[fabric.fabric_id])
        ][:MAX_QUERIED_LOOPS]
    return [fabric.fabric_id for fabric in with_loop]


def _is_possibly_outdated(fabric: Fabric, loop: ListedLoop) -> bool:
    """Whether the record may not say all: a sync is running, or the loop has found what it does not show."""
    return fabric.record_status == SyncStatus.SYNCING or loop.status not in (
        "",
        fabric.record_status,
    )


def _resolve_fabric_ids(fabric_refs: Sequence[str], running: Mapping[str, ListedLoop]) -> set[str]:
    """The `running` loops that are meant; what is no name of one is taken for an id."""
    found = {fabric_id for fabric_id, loop in running.items() if loop.name in fabric_refs}
    return found | (set(fabric_refs) - {loop.name for loop in running.values()})


async def _get_view_without_netbox(
    session: Session, ids: Collection[str], fleet_answer: _FleetAnswer, netbox_error: str
) -> FleetView:
    asked = sorted(ids)[:MAX_QUERIED_LOOPS]
    told = await _query_statuses(session.loops, asked)
    now = datetime.now(UTC)
    heartbeat = session.settings.netbox_heartbeat
    seen = [build_overview_from_loop(status, heartbeat, now) for status in told.values()]
    unseen = (
        _describe_missing_fabrics(set(asked) - set(told), fleet_answer),
        _describe_query_limit(len(ids)),
    )
    return FleetView(
        fabrics=seen, now=now, netbox_error=" ".join(filter(None, (netbox_error, *unseen)))
    )


def _describe_missing_fabrics(unresponsive: Collection[str], fleet_answer: _FleetAnswer) -> str:
    if not unresponsive:
        return ""
    return fleet_answer.error or f"No loop answers for {', '.join(sorted(unresponsive))}."


def _describe_query_limit(count: int) -> str:
    """Loops are asked one by one here, too."""
    return (
        f"Of {count} fabrics {MAX_QUERIED_LOOPS} were asked for; name others to see them."
        if count > MAX_QUERIED_LOOPS
        else ""
    )


def build_fleet_view(
    session: Session,
    fabrics: Sequence[Fabric],
    running: Collection[str],
    statuses: Mapping[str, FabricStatus],
    pending_since: Mapping[str, datetime] = MappingProxyType({}),
) -> FleetView:
    """These `fabrics`, of which those in `running` have a loop, those in `told` have answered, and those
    in `waiting` have had something to do since then."""
    now = datetime.now(UTC)
    seen = [
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
    return FleetView(fabrics=seen, now=now)


def build_fabric_view(
    session: Session, fabric: Fabric, status: FabricStatus | None = None
) -> FleetView:
    """One fabric after a change, with the loop that it then should have."""
    running = {fabric.fabric_id} if status or fabric.config.needs_loop else ()
    return build_fleet_view(
        session, [fabric], running, {fabric.fabric_id: status} if status else {}
    )


def _describe_unresponsive_loops(unresponsive: Collection[str]) -> str:
    if not unresponsive:
        return ""
    return (
        f"No answer from the loop of {', '.join(sorted(unresponsive))}: the worker was lost, or fails on it;"
        " its log and Temporal's Web UI say more."
    )


async def _query_statuses(loops: LoopClient, fabric_ids: Sequence[str]) -> dict[str, FabricStatus]:
    answers = await asyncio.gather(*(loops.get_status(fabric_id) for fabric_id in fabric_ids))
    return {answer.fabric_id: answer for answer in answers if answer}
