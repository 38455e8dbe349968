"""Looking at fabrics: one read of NetBox, one page of Temporal's list, and a few questions to loops.

While NetBox is down, the loops alone say how their fabrics are.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from activities.errors import PermanentError, TransientError
from cli.fabrics import Fabric
from cli.loops import Loops
from cli.session import Session
from fabrics.overview import FabricOverview, overview, overview_of_loop
from fabrics.report import FabricStatus

FEW: Final = 10
"""Loops that are asked one by one for exact times. Asking a whole fleet would keep the worker from it."""


@dataclass(frozen=True)
class Sight:
    """What was seen. `trouble` is why loops do not run, `netbox_error` why NetBox could not be read;
    empty where nothing is wrong."""

    fabrics: Sequence[FabricOverview]
    now: datetime
    trouble: str = ""
    netbox_error: str = ""

    @property
    def healthy(self) -> bool:
        """Nothing here needs a person."""
        return not self.trouble and all(fabric.healthy for fabric in self.fabrics)


async def look(session: Session, wanted: Sequence[str]) -> Sight:
    """The fabrics that are named; all when none is."""
    running, worker = await asyncio.gather(session.loops.running(), session.loops.worker_polls())
    try:
        chosen = await session.chosen(wanted)
    except (TransientError, PermanentError) as error:
        return await _look_without_netbox(session, wanted or running, str(error))
    ids = [fabric.fabric_id for fabric in chosen if fabric.fabric_id in running]
    asked = ids if worker and len(ids) <= FEW else []
    told = await _ask(session.loops, asked)
    if ids and not worker:
        return sight(session, chosen, running, told, session.loops.no_worker)
    return sight(session, chosen, running, told, _silence(set(asked) - set(told)))


async def _look_without_netbox(session: Session, ids: Collection[str], why: str) -> Sight:
    told = await _ask(session.loops, sorted(ids)[:FEW])
    now = datetime.now(UTC)
    heartbeat = session.settings.netbox_heartbeat
    seen = [overview_of_loop(status, heartbeat, now) for status in told.values()]
    return Sight(fabrics=seen, now=now, netbox_error=why)


def sight(
    session: Session,
    fabrics: Sequence[Fabric],
    running: Collection[str],
    told: Mapping[str, FabricStatus],
    trouble: str = "",
) -> Sight:
    """These `fabrics`, of which those in `running` have a loop and those in `told` have answered."""
    now = datetime.now(UTC)
    seen = [
        overview(
            fabric.config,
            fabric.facts,
            told.get(fabric.fabric_id),
            running=fabric.fabric_id in running,
            heartbeat=session.settings.netbox_heartbeat,
            now=now,
        )
        for fabric in fabrics
    ]
    return Sight(fabrics=seen, now=now, trouble=trouble)


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
