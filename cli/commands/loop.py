"""What a running loop is told: `sync`, `set-interval`, `pause` and `resume`.

Without a loop, what is told to `pause` and the like is written to the record, where the next loop
finds it. Without a worker the loop gets it as a signal, as soon as there is one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from cli import console
from cli.errors import DONE, UNHEALTHY, Failure, checked
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import Sight, sight_of
from cli.options import AsJson, FabricName, interval_of
from cli.session import Session, open_session
from cli.temporal.loop_client import Message, NoLoop
from cli.views.results import show_fabrics, show_synced
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.report import SyncReport
from fabrics.record.config import ConfigEdits, check_reason

type Ask = Callable[[str, SyncRequest], Awaitable[SyncReport | None]]

Full = Annotated[bool, typer.Option("--full", help="Skip nothing, even what has not changed.")]
AcceptEmpty = Annotated[
    bool,
    typer.Option("--accept-empty", help="Confirm that kinds without any object are meant to be."),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only ask for it; do not wait.")]
Seconds = Annotated[
    str, typer.Argument(metavar="SECONDS", help="5 to 2592000; 0 switches the sync off.")
]
Reason = Annotated[str, typer.Option(help="Why, for those who find it paused.")]


def sync(
    fabric: FabricName,
    full: Full = False,
    accept_empty: AcceptEmpty = False,
    no_wait: NoWait = False,
    json: AsJson = False,
) -> None:
    """Sync a fabric now, and report what that found."""
    request = SyncRequest(full=full, accept_empty=accept_empty)
    seen, report = asyncio.run(_sync(fabric, request, wait=not no_wait))
    show_synced(seen, report, json)
    found = report is not None and (report.error or report.drift_count)
    raise typer.Exit(UNHEALTHY if found else DONE)


def set_interval(fabric: FabricName, seconds: Seconds, json: AsJson = False) -> None:
    """Sync a fabric every SECONDS seconds from now on."""
    interval = interval_of(seconds)
    edits = ConfigEdits(interval=interval)
    show_fabrics(asyncio.run(_tell(fabric, "set_interval", (interval,), edits)), json)


def pause(fabric: FabricName, reason: Reason = "", json: AsJson = False) -> None:
    """Hold a fabric's syncs until it is resumed."""
    edits = ConfigEdits(paused=True, pause_reason=checked(check_reason, reason))
    show_fabrics(asyncio.run(_tell(fabric, "pause", (reason,), edits)), json)


def resume(fabric: FabricName, json: AsJson = False) -> None:
    """Let a paused fabric go on, on the same slots."""
    edits = ConfigEdits(paused=False, pause_reason="")
    show_fabrics(asyncio.run(_tell(fabric, "resume", (), edits)), json)


async def _sync(
    wanted: str, request: SyncRequest, *, wait: bool
) -> tuple[Sight, SyncReport | None]:
    async with open_session() as session:
        fabric = await session.fabric(wanted)
        _check_can_sync(fabric)
        ask = session.loops.sync if wait else session.loops.ask_for_sync
        with console.progress(f"Syncing {fabric.config.name}"):
            report = await _ask(ask, session, fabric, request)
            told = await session.loops.status(fabric.fabric_id)
        return sight_of(session, fabric, told), report


async def _ask(
    ask: Ask, session: Session, fabric: Fabric, request: SyncRequest
) -> SyncReport | None:
    """Ask the loop, which is started where somebody ended it."""
    try:
        return await ask(fabric.fabric_id, request)
    except NoLoop:
        await session.loops.start(fabric.config)
        return await ask(fabric.fabric_id, request)


def _check_can_sync(fabric: Fabric) -> None:
    config, name = fabric.config, fabric.config.name
    if config.kubernetes is None:
        raise Failure(f"{name} is not configured: enter its hh_kubernetes_server in NetBox first.")
    if not config.active:
        raise Failure(f"{name} is switched off: its status in NetBox is not active.")
    if not config.enabled:
        raise Failure(f"{name} is disabled; `starter.py enable {fabric.handle}` switches it on.")
    if config.interval == 0:
        raise Failure(
            f"{name} is switched off by its interval 0;"
            f" `starter.py set-interval {fabric.handle} 300` switches it on."
        )


async def _tell(
    wanted: str, message: Message, arguments: tuple[object, ...], edits: ConfigEdits
) -> Sight:
    """Give the fabric's loop a message; where there is no loop, write its `edits` to the record."""
    async with open_session() as session:
        fabric = await session.fabric(wanted)
        with console.progress(f"Telling the loop of {fabric.config.name}"):
            try:
                told = await session.loops.tell(fabric.fabric_id, message, *arguments)
            except NoLoop:
                return await _write(session, fabric, edits)
        return sight_of(session, fabric, told)


async def _write(session: Session, fabric: Fabric, edits: ConfigEdits) -> Sight:
    changed = await records.edit(session, fabric, edits)
    if changed.config.wants_a_loop:
        await session.loops.start(changed.config)
    return sight_of(session, changed)
