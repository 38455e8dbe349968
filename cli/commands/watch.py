"""`watch`: the status of fabrics, live."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Group
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

IntervalSeconds = Annotated[float, typer.Option(min=0.5, help="Seconds between updates.")]


def watch(fabrics: FabricNames = None, every: IntervalSeconds = 2.0, json: AsJson = False) -> None:
    """Show what `status` shows, live until Ctrl-C; with --json, one line per update."""
    try:
        asyncio.run(_run_watch(fabrics or [], every, json))
    except KeyboardInterrupt:
        return


async def _run_watch(fabric_refs: list[str], interval_seconds: float, json: bool) -> None:
    async with open_session() as session:
        if console.out.is_terminal and not json:
            await _watch_live(session, fabric_refs, interval_seconds)
            return
        async for view, warning in _poll_fleet_view(session, fabric_refs, interval_seconds):
            show_fabrics(view, json)
            if warning:
                console.note(warning)


async def _watch_live(session: Session, fabric_refs: list[str], interval_seconds: float) -> None:
    """Show a table that follows the fabrics, until cancelled."""
    with Live(console=console.out, auto_refresh=False) as live:
        async for view, warning in _poll_fleet_view(session, fabric_refs, interval_seconds):
            table = render_status_table(view.fabrics, view.now, view.fleet)
            footer = Text(f"{view.now:%H:%M:%S} UTC, Ctrl-C ends", style="bright_black")
            live.update(Group(table, Text(warning, style="yellow"), footer), refresh=True)


async def _poll_fleet_view(
    session: Session, fabric_refs: list[str], interval_seconds: float
) -> AsyncGenerator[tuple[FleetView, str]]:
    """Yield the view, and a warning or an empty text, every `interval_seconds`."""
    view = FleetView(fabrics=[], now=datetime.now(UTC))
    while True:
        try:
            view = await get_fleet_view(session, fabric_refs)
            yield view, view.netbox_error or view.loops_error
        except RPCError as error:
            yield view, describe_error(error)
        await asyncio.sleep(interval_seconds)
