"""The fabrics as they change: `watch`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text
from temporalio.service import RPCError

from activities.errors import PermanentError, TransientError
from cli import console
from cli.errors import sentence_of
from cli.look import Sight, look
from cli.options import AsJson, FabricNames
from cli.results import show_fabrics
from cli.session import Session, open_session
from cli.tables import status_table

PASSING: Final = (TransientError, PermanentError, RPCError)
"""What may go wrong while somebody watches, and be put right without starting again."""

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
        async with aclosing(looks(session, wanted, every)) as seen:
            async for sight in seen:
                if isinstance(sight, Sight):
                    show_fabrics(sight, json)
                else:
                    console.note(sight)


async def watch_live(session: Session, wanted: list[str], every: float) -> None:
    """A table that follows the fabrics, for as long as nobody cancels this."""
    last = Sight(fabrics=[], worker=True, now=datetime.now(UTC))
    with Live(console=console.out, auto_refresh=False) as live:
        async for seen in looks(session, wanted, every):
            last = seen if isinstance(seen, Sight) else last
            trouble = seen if isinstance(seen, str) else ""
            live.update(_view(last, trouble or _idle(session, last)), refresh=True)


async def looks(session: Session, wanted: list[str], every: float) -> AsyncGenerator[Sight | str]:
    """What there is to see every so many seconds, or the sentence why nothing can be seen."""
    while True:
        try:
            yield await look(session, wanted)
        except PASSING as error:
            yield sentence_of(error)
        await asyncio.sleep(every)


def _idle(session: Session, sight: Sight) -> str:
    return session.loops.no_worker if sight.idle else ""


def _view(sight: Sight, trouble: str) -> RenderableType:
    footer = Text(f"{sight.now:%H:%M:%S} UTC, Ctrl-C ends", style="bright_black")
    return Group(status_table(sight.fabrics, sight.now), Text(trouble, style="yellow"), footer)
