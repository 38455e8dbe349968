"""How the fabrics are: `status`."""

import asyncio

import typer

from cli import console
from cli.errors import DONE, UNHEALTHY, Failure
from cli.fabrics.fleet_view import Sight, look
from cli.options import AsJson, FabricNames
from cli.session import open_session
from cli.views.results import show_fabric, show_fabrics


def status(fabrics: FabricNames = None, json: AsJson = False) -> None:
    """Show how fabrics are: all, or those that are named."""
    wanted = fabrics or []
    sight = asyncio.run(_look(wanted))
    if sight.fabrics or not sight.netbox_error:
        (show_fabric if len(wanted) == len(sight.fabrics) == 1 else show_fabrics)(sight, json)
    if sight.netbox_error:
        raise Failure(sight.netbox_error)
    raise typer.Exit(DONE if sight.healthy else UNHEALTHY)


async def _look(wanted: list[str]) -> Sight:
    async with open_session() as session:
        with console.progress("Reading NetBox and asking the loops"):
            sight = await look(session, wanted)
        if sight.trouble:
            console.note(sight.trouble)
        return sight
