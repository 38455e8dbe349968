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
from cli.errors import describe_error
from cli.fabrics.fleet_view import FleetView, get_fleet_view
from cli.options import AsJson, FabricNames
from cli.session import Session, open_session
from cli.views.results import show_fabrics
from cli.views.tables import render_status_table

IntervalSeconds = Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")]


def watch(fabrics: FabricNames = None, every: IntervalSeconds = 2.0, json: AsJson = False) -> None:
    """Show how fabrics are, live, until Ctrl-C. With --json, one line a look."""
    try:
        asyncio.run(_run_watch(fabrics or [], every, json))
    except KeyboardInterrupt:
        return


async def _run_watch(fabric_refs: list[str], interval_seconds: float, json: bool) -> None:
    async with open_session() as session:
        if console.out.is_terminal and not json:
            await watch_live(session, fabric_refs, interval_seconds)
            return
        async for seen, trouble in poll_fleet_view(session, fabric_refs, interval_seconds):
            show_fabrics(seen, json)
            if trouble:
                console.note(trouble)


async def watch_live(session: Session, fabric_refs: list[str], interval_seconds: float) -> None:
    """A table that follows the fabrics, until this is cancelled."""
    with Live(console=console.out, auto_refresh=False) as live:
        async for seen, trouble in poll_fleet_view(session, fabric_refs, interval_seconds):
            live.update(_render_view(seen, trouble), refresh=True)


async def poll_fleet_view(
    session: Session, fabric_refs: list[str], interval_seconds: float
) -> AsyncGenerator[tuple[FleetView, str]]:
    """What there is to see every so many seconds, and what hinders it."""
    seen = FleetView(fabrics=[], now=datetime.now(UTC))
    while True:
        try:
            seen = await get_fleet_view(session, fabric_refs)
            yield seen, seen.netbox_error or seen.loops_error
        except RPCError as error:
            yield seen, describe_error(error)
        await asyncio.sleep(interval_seconds)


def _render_view(view: FleetView, warning: str) -> RenderableType:
    footer = Text(f"{view.now:%H:%M:%S} UTC, Ctrl-C ends", style="bright_black")
    return Group(
        render_status_table(view.fabrics, view.now, view.fleet),
        Text(warning, style="yellow"),
        footer,
    )
