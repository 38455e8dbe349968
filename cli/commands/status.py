"""How the fabrics are: `status`."""

import asyncio

import typer

from cli import console
from cli.errors import EXIT_OK, EXIT_UNHEALTHY, CommandError
from cli.fabrics.fleet_view import FleetView, get_fleet_view
from cli.options import AsJson, FabricNames
from cli.session import open_session
from cli.views.results import show_fabric, show_fabrics


def status(fabrics: FabricNames = None, json: AsJson = False) -> None:
    """Show how fabrics are: all, or those that are named."""
    wanted = fabrics or []
    sight = asyncio.run(_load_fleet_view(wanted))
    if sight.fabrics or not sight.netbox_error:
        (show_fabric if len(wanted) == len(sight.fabrics) == 1 else show_fabrics)(sight, json)
    if sight.netbox_error:
        raise CommandError(sight.netbox_error)
    raise typer.Exit(EXIT_OK if sight.is_healthy else EXIT_UNHEALTHY)


async def _load_fleet_view(fabric_refs: list[str]) -> FleetView:
    async with open_session() as session:
        with console.progress("Reading NetBox and asking the loops"):
            sight = await get_fleet_view(session, fabric_refs)
        if sight.loops_error:
            console.note(sight.loops_error)
        return sight
