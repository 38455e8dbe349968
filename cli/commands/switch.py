"""Switching fabrics on and off: `enable` and `disable`."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Final

import typer

from cli import console, records
from cli.errors import Failure
from cli.fabrics import Fabric, choose_all
from cli.look import Sight, sight
from cli.loops import NoLoop
from cli.options import AsJson, FabricNames
from cli.results import show_fabrics
from cli.session import Session, open_session

LAST_SYNC: Final = timedelta(seconds=15)
"""How long `disable` waits for a sync that is running and ends the loop only then."""

All = Annotated[bool, typer.Option("--all", help="All fabrics that NetBox has.")]


def enable(fabrics: FabricNames = None, every: All = False, json: AsJson = False) -> None:
    """Switch the sync of fabrics on, and sync them at once."""
    show_fabrics(asyncio.run(_enable(_names(fabrics, every))), json)


def disable(fabrics: FabricNames = None, every: All = False, json: AsJson = False) -> None:
    """Switch the sync of fabrics off. Nothing is deleted."""
    show_fabrics(asyncio.run(_disable(_names(fabrics, every))), json)


def _names(fabrics: list[str] | None, every: bool) -> list[str]:
    if bool(fabrics) == every:
        raise Failure("Name the fabrics, or give --all for all of them, but not both.")
    return fabrics or []


async def _enable(wanted: list[str]) -> Sight:
    async with open_session() as session:
        worker = await _announce(session, "Loops are started now and sync when one comes.")
        fabrics = await session.fabrics()
        taken = {fabric.fabric_id for fabric in fabrics}
        chosen = []
        for fabric in choose_all(fabrics, wanted):
            with console.progress(f"Enabling {fabric.config.name}"):
                chosen.append(await enable_one(session, fabric, taken))
            taken.add(chosen[-1].fabric_id)
        running = {fabric.fabric_id for fabric in chosen if fabric.config.wants_a_loop}
        return sight(session, chosen, running, {}, worker=worker)


async def enable_one(session: Session, fabric: Fabric, taken: Collection[str]) -> Fabric:
    """Enable one fabric; its loop runs from now on, if its record has all that it needs."""
    enabled = await records.switch_on(session, fabric, taken)
    await session.loops.start(enabled.config)
    if enabled.config.wants_a_loop:
        with suppress(NoLoop):
            await session.loops.leave(enabled.fabric_id, "sync_now")
    return enabled


async def _disable(wanted: list[str]) -> Sight:
    async with open_session() as session:
        worker = await _announce(session, "Records say it now; loops end when one comes.")
        chosen = []
        for fabric in await session.chosen(wanted):
            with console.progress(f"Disabling {fabric.config.name}"):
                chosen.append(await _disable_one(session, fabric))
        if worker:
            await _wait_for_loops(session, chosen)
        return sight(session, chosen, (), {}, worker=worker)


async def _disable_one(session: Session, fabric: Fabric) -> Fabric:
    disabled = await records.switch_off(session, fabric)
    with suppress(NoLoop):
        await session.loops.reload(disabled.fabric_id)
    return disabled


async def _wait_for_loops(session: Session, chosen: Sequence[Fabric]) -> None:
    with console.progress("Waiting for the loops to end"):
        ended = await asyncio.gather(
            *(session.loops.ended(fabric.fabric_id, LAST_SYNC) for fabric in chosen)
        )
    busy = [f.config.name for f, done in zip(chosen, ended, strict=True) if not done]
    if busy:
        console.note(f"{console.listed(busy)}: a sync is still running; it is the last one.")


async def _announce(session: Session, later: str) -> bool:
    """Whether a worker runs; says what that means where none does."""
    worker = await session.loops.worker_polls()
    if not worker:
        console.note(f"{session.loops.no_worker} {later}")
    return worker
