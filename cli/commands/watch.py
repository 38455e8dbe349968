"""The fabrics as they change: `watch`."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text
from temporalio.service import RPCError

from cli import console
from cli.errors import sentence_of
from cli.fabrics.fleet_view import Sight, look
from cli.options import AsJson, FabricNames
from cli.session import Session, open_session
from cli.views.results import show_fabrics
from cli.views.tables import status_table

Every = Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")]


def watch(fabrics: FabricNames = None, every: Every = 2.0, json: AsJson = False) -> None:
    """Show how fabrics are, live, until Ctrl-C. With --json, one line a look."""
    try:
        asyncio.run(_watch(fabrics or [], every, json))
    except KeyboardInterrupt:
        return


async def _watch(wanted: list[str], every: float, json: bool) -> None:
    async with open_session() as session:
        if console.out.is_terminal and not json:
            await watch_live(session, wanted, every)
            return
        async for seen, trouble in looks(session, wanted, every):
            show_fabrics(seen, json)
            if trouble:
                console.note(trouble)


async def watch_live(session: Session, wanted: list[str], every: float) -> None:
    """A table that follows the fabrics, until this is cancelled."""
    with Live(console=console.out, auto_refresh=False) as live:
        async for seen, trouble in looks(session, wanted, every):
            live.update(_view(seen, trouble), refresh=True)


async def looks(
    session: Session, wanted: list[str], every: float
) -> AsyncGenerator[tuple[Sight, str]]:
    """What there is to see every so many seconds, and what hinders it."""
    seen = Sight(fabrics=[], now=datetime.now(UTC))
    while True:
        try:
            seen = await look(session, wanted)
            yield seen, seen.netbox_error or seen.trouble
        except RPCError as error:
            yield seen, sentence_of(error)
        await asyncio.sleep(every)


def _view(seen: Sight, trouble: str) -> RenderableType:
    footer = Text(f"{seen.now:%H:%M:%S} UTC, Ctrl-C ends", style="bright_black")
    return Group(
        status_table(seen.fabrics, seen.now, seen.fleet), Text(trouble, style="yellow"), footer
    )
