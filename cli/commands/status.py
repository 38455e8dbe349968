"""`status`: the status of fabrics."""

import asyncio

import typer

from cli import console
from cli.errors import CommandError
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics.fleet_view import FleetView, get_fleet_view
from cli.options import AsJson, FabricNames
from cli.session import open_session
from cli.views.results import show_fabrics
from cli.views.tables import render_fabric_status


def status(fabrics: FabricNames = None, json: AsJson = False) -> None:
    """Show the status of all fabrics, or of those that are named.

    `diff FABRIC` shows each difference, and how to end it.
    """
    fabric_refs = fabrics or []
    view = asyncio.run(_load_fleet_view(fabric_refs))
    if len(fabric_refs) == len(view.fabrics) == 1 and not json:
        console.show(render_fabric_status(view.fabrics[0], view.now))
    elif view.fabrics or not view.netbox_error:
        show_fabrics(view, json)
    if view.netbox_error:
        raise CommandError(view.netbox_error)
    raise typer.Exit(EXIT_OK if view.is_healthy else EXIT_UNHEALTHY)


async def _load_fleet_view(fabric_refs: list[str]) -> FleetView:
    async with open_session() as session:
        with console.progress("Reading NetBox and querying the loops"):
            view = await get_fleet_view(session, fabric_refs)
        if view.loops_error:
            console.note(view.loops_error)
        return view
