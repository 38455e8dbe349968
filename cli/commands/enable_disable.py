"""Switching fabrics on and off: `enable` and `disable`."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

import typer

from cli import console
from cli.errors import DONE, FAILED, SAID_ALREADY, Failure
from cli.fabrics import records
from cli.fabrics.fabric import Fabric, choose_all
from cli.fabrics.fleet_view import Sight, sight
from cli.options import AsJson, FabricNames
from cli.session import Session, open_session
from cli.temporal.loop_client import NoLoop
from cli.views.results import show_fabrics

LAST_SYNC: Final = timedelta(seconds=15)
"""How long `disable` waits for loops to end: a sync that is running stops before its next request to NetBox."""

All = Annotated[bool, typer.Option("--all", help="All fabrics that NetBox has.")]


@dataclass(frozen=True)
class Switched:
    """The fabrics for which it worked, and whether it did not for others."""

    sight: Sight
    failed: bool


def enable(fabrics: FabricNames = None, every: All = False, json: AsJson = False) -> None:
    """Switch the sync of fabrics on, and sync them at once."""
    _show(asyncio.run(_enable(_names(fabrics, every))), json)


def disable(fabrics: FabricNames = None, every: All = False, json: AsJson = False) -> None:
    """Switch the sync of fabrics off. Nothing is deleted."""
    _show(asyncio.run(_disable(_names(fabrics, every))), json)


def _names(fabrics: list[str] | None, every: bool) -> list[str]:
    if bool(fabrics) == every:
        raise Failure("Name the fabrics, or give --all for all of them, but not both.")
    return fabrics or []


def _show(switched: Switched, json: bool) -> None:
    if switched.sight.fabrics or not switched.failed:
        show_fabrics(switched.sight, json)
    raise typer.Exit(FAILED if switched.failed else DONE)


async def _enable(wanted: list[str]) -> Switched:
    async with open_session() as session:
        await _announce(session, "Loops are started now and sync when one comes.")
        fabrics = await session.fabrics()
        taken = {fabric.fabric_id for fabric in fabrics}

        async def act(fabric: Fabric) -> Fabric:
            enabled = await enable_one(session, fabric, taken)
            taken.add(enabled.fabric_id)
            return enabled

        done, failed = await _each("Enabling", choose_all(fabrics, wanted), act)
        running = {fabric.fabric_id for fabric in done if fabric.config.wants_a_loop}
        return Switched(sight(session, done, running, {}), failed)


async def enable_one(session: Session, fabric: Fabric, taken: Collection[str]) -> Fabric:
    """Enable one fabric; its loop runs from now on, if its record has all that it needs."""
    enabled = await records.switch_on(session, fabric, taken)
    await session.loops.start(enabled.config)
    if enabled.config.wants_a_loop:
        with suppress(NoLoop):
            await session.loops.leave(enabled.fabric_id, "sync_now")
    return enabled


async def _disable(wanted: list[str]) -> Switched:
    async with open_session() as session:
        worker = await _announce(session, "Records say it now; loops end when one comes.")

        async def act(fabric: Fabric) -> Fabric:
            disabled = await records.switch_off(session, fabric)
            with suppress(NoLoop):
                await session.loops.reload(disabled.fabric_id)
            return disabled

        done, failed = await _each("Disabling", await session.chosen(wanted), act)
        if worker:
            await _wait_for_loops(session, done)
        return Switched(sight(session, done, (), {}), failed)


async def _each(
    doing: str, fabrics: Sequence[Fabric], act: Callable[[Fabric], Awaitable[Fabric]]
) -> tuple[list[Fabric], bool]:
    """Those for which it worked, and whether any failed; that keeps none of the others from it."""
    done = []
    for fabric in fabrics:
        name = fabric.config.name
        with console.progress(f"{doing} {name}"):
            try:
                done.append(await act(fabric))
            except SAID_ALREADY as error:
                said = str(error)
                console.complain(said if name in said else f"{name}: {said}")
    return done, len(done) < len(fabrics)


async def _wait_for_loops(session: Session, disabled: Sequence[Fabric]) -> None:
    with console.progress("Waiting for the loops to end"):
        ended = await asyncio.gather(
            *(session.loops.ended(fabric.fabric_id, LAST_SYNC) for fabric in disabled)
        )
    busy = [f.config.name for f, done in zip(disabled, ended, strict=True) if not done]
    if busy:
        console.note(f"Switched off, but not at rest yet: {', '.join(busy)}.")


async def _announce(session: Session, later: str) -> bool:
    """Whether a worker runs; says what that means where none does."""
    worker = await session.loops.worker_polls()
    if not worker:
        console.note(f"{session.loops.no_worker} {later}")
    return worker
