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
from cli.temporal.loop_client import Listed, Loops, NoLoop
from cli.temporal.pending_work import waiting_since
from fabrics.fleet.overview import FabricOverview, overview, overview_of_loop
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.report import FabricStatus
from fabrics.record.status import SyncStatus
from fabrics.record.status_fields import other_owner

FEW: Final = 10
"""Loops that are asked one by one for exact times. Asking a whole fleet would keep the worker from it."""


@dataclass(frozen=True)
class Sight:
    """What was seen. `fleet` is what the fleet says where all fabrics are looked at; `trouble` is why loops
    do not run as they should, `netbox_error` why NetBox could not be read, and who is not seen for that; empty
    where nothing is wrong.
    """

    fabrics: Sequence[FabricOverview]
    now: datetime
    fleet: FleetSummary | None = None
    trouble: str = ""
    netbox_error: str = ""

    @property
    def healthy(self) -> bool:
        """Nothing here needs a person."""
        cared_for = self.fleet is None or (self.fleet.healthy and not self.fleet.stale)
        return cared_for and not self.trouble and all(fabric.healthy for fabric in self.fabrics)


async def look(session: Session, wanted: Sequence[str]) -> Sight:
    """The fabrics that are named; all when none is."""
    running, keeper = await asyncio.gather(session.loops.listed(), _ask_fleet(session.loops))
    try:
        chosen = await session.chosen(wanted)
    except (TransientError, PermanentError) as error:
        meant = _ids_of(wanted, running) if wanted else running
        return await _look_without_netbox(session, meant, keeper, str(error))
    kept = [fabric for fabric in chosen if fabric.fabric_id in running]
    if not keeper.answers:
        told, silent = {}, {fabric.fabric_id for fabric in kept}
    else:
        asked = _worth_asking(kept, running)
        told = await _ask(session.loops, asked)
        silent = set(asked) - set(told)
    waiting = await waiting_since(session.loops.client, silent)
    seen = sight(session, chosen, running, told, waiting)
    fleet = None if wanted else keeper.fleet  # what ails others is no news of these
    return replace(seen, fleet=fleet, trouble=keeper.trouble or _silence(silent))


@dataclass(frozen=True)
class _Keeper:
    """What the fleet says, or why it says nothing; whether a worker `answers` at all."""

    fleet: FleetSummary | None
    trouble: str
    answers: bool


async def _ask_fleet(loops: Loops) -> _Keeper:
    if not await loops.worker_polls():
        return _Keeper(None, loops.no_worker, answers=False)
    try:
        fleet = await loops.fleet()
    except NoLoop:
        return _Keeper(
            None, "The fleet is not running; a worker starts it within a minute.", answers=True
        )
    silence = "The worker does not answer: it was lost, or has too much to do."
    return _Keeper(fleet, "" if fleet else silence, answers=fleet is not None)


def _worth_asking(kept: Sequence[Fabric], running: Mapping[str, Listed]) -> list[str]:
    """The loops to ask, of fabrics that all have one: all of a few, a few of those in doubt of many."""
    if len(kept) > FEW:
        kept = [fabric for fabric in kept if _in_doubt(fabric, running[fabric.fabric_id])][:FEW]
    return [fabric.fabric_id for fabric in kept]


def _in_doubt(fabric: Fabric, loop: Listed) -> bool:
    """Whether the record may not say all: a sync is running, or the loop has found what it does not show."""
    return fabric.shown == SyncStatus.SYNCING or loop.status not in ("", fabric.shown)


def _ids_of(wanted: Sequence[str], running: Mapping[str, Listed]) -> set[str]:
    """The `running` loops that are meant; what is no name of one is taken for an id."""
    found = {fabric_id for fabric_id, loop in running.items() if loop.name in wanted}
    return found | (set(wanted) - {loop.name for loop in running.values()})


async def _look_without_netbox(
    session: Session, ids: Collection[str], keeper: _Keeper, why: str
) -> Sight:
    asked = sorted(ids)[:FEW]
    told = await _ask(session.loops, asked)
    now = datetime.now(UTC)
    heartbeat = session.settings.netbox_heartbeat
    seen = [overview_of_loop(status, heartbeat, now) for status in told.values()]
    unseen = _unseen(set(asked) - set(told), keeper), _left_out(len(ids))
    return Sight(fabrics=seen, now=now, netbox_error=" ".join(filter(None, (why, *unseen))))


def _unseen(silent: Collection[str], keeper: _Keeper) -> str:
    if not silent:
        return ""
    return keeper.trouble or f"No loop answers for {', '.join(sorted(silent))}."


def _left_out(count: int) -> str:
    """Loops are asked one by one here, too."""
    return (
        f"Of {count} fabrics {FEW} were asked for; name others to see them." if count > FEW else ""
    )


def sight(
    session: Session,
    fabrics: Sequence[Fabric],
    running: Collection[str],
    told: Mapping[str, FabricStatus],
    waiting: Mapping[str, datetime] = MappingProxyType({}),
) -> Sight:
    """These `fabrics`, of which those in `running` have a loop, those in `told` have answered, and those
    in `waiting` have had something to do since then."""
    now = datetime.now(UTC)
    seen = [
        overview(
            fabric.config,
            fabric.facts,
            told.get(fabric.fabric_id),
            running=fabric.fabric_id in running,
            shown=fabric.shown,
            waiting_since=waiting.get(fabric.fabric_id),
            owner=other_owner(fabric.record, session.instance),
            heartbeat=session.settings.netbox_heartbeat,
            now=now,
        )
        for fabric in fabrics
    ]
    return Sight(fabrics=seen, now=now)


def sight_of(session: Session, fabric: Fabric, told: FabricStatus | None = None) -> Sight:
    """One fabric after a change, with the loop that it then should have."""
    running = {fabric.fabric_id} if told or fabric.config.wants_a_loop else ()
    return sight(session, [fabric], running, {fabric.fabric_id: told} if told else {})


def _silence(silent: Collection[str]) -> str:
    if not silent:
        return ""
    return (
        f"No answer from the loop of {', '.join(sorted(silent))}: the worker was lost, or fails on it;"
        " its log and Temporal's Web UI say more."
    )


async def _ask(loops: Loops, ids: Sequence[str]) -> dict[str, FabricStatus]:
    answers = await asyncio.gather(*(loops.status(fabric_id) for fabric_id in ids))
    return {answer.fabric_id: answer for answer in answers if answer}
