"""`remove`: delete a fabric.

The loop ends first, so that nothing else writes meanwhile. The inventory is deleted only on request, and the
record last, so that the command can be run again after a failure.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Final

import typer
from pydantic import BaseModel

from activities.errors import PermanentError
from activities.netbox.client import CLUSTERS_PATH
from cli import console
from cli.errors import CommandError
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, FabricName, Yes, require_terminal
from cli.session import Session, open_session
from cli.temporal import probes
from cli.temporal.loop_client import NoLoop, NoWorker
from cli.views.inventory import render_report
from fabrics.inventory.report.report import InventoryReport

LOOP_END_TIMEOUT: Final = timedelta(seconds=60)
"""How long a running sync and inventory may take to stop."""

WithInventory = Annotated[bool, typer.Option("--inventory", help="Delete its inventory, too.")]


class RemoveOutput(BaseModel, frozen=True):
    """The JSON of `remove`.

    `inventory` is null if it was kept. `record` says whether the record was deleted, `record_error` why not.
    """

    name: str
    fabric_id: str
    inventory: InventoryReport | None
    record: bool
    record_error: str = ""


def remove(
    fabric: FabricName, inventory: WithInventory = False, yes: Yes = False, json: AsJson = False
) -> None:
    """Delete a fabric: its loop, its record and, with --inventory, its inventory."""
    output = asyncio.run(_remove_fabric(fabric, delete_inventory=inventory, skip_confirmation=yes))
    if json:
        console.show_json(output)
    else:
        if output.inventory:
            console.show(render_report(output.inventory))
        if output.record:
            console.show(f"{output.name} is removed.")
        else:
            console.note(f"{output.name} is disabled. {output.record_error}")
    raise typer.Exit(EXIT_OK if output.record else EXIT_UNHEALTHY)


async def _remove_fabric(
    fabric_ref: str, *, delete_inventory: bool, skip_confirmation: bool
) -> RemoveOutput:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        if not skip_confirmation:
            _confirm_removal(fabric, delete_inventory=delete_inventory)
        with console.progress(f"Ending the loop of {fabric.config.name}"):
            await _end_loop(session, fabric)
        report = None
        if delete_inventory and fabric.fabric_id:
            report = await _delete_inventory(session, fabric)
        error = await _delete_record(session, fabric, report)
        return RemoveOutput(
            name=fabric.config.name,
            fabric_id=fabric.fabric_id,
            inventory=report,
            record=not error,
            record_error=error,
        )


def _confirm_removal(fabric: Fabric, *, delete_inventory: bool) -> None:
    require_terminal()
    what = "its record and its inventory" if delete_inventory else "its record; its inventory stays"
    console.confirm(f"Remove {fabric.config.name} from NetBox ({what})?")


async def _end_loop(session: Session, fabric: Fabric) -> None:
    """Disable the sync, and wait until the loop has ended."""
    await records.disable(session, fabric)
    with suppress(NoLoop):
        await session.loops.signal(fabric.fabric_id, "record_changed")
        if await session.loops.has_worker() and not await session.loops.wait_until_ended(
            fabric.fabric_id, LOOP_END_TIMEOUT
        ):
            raise CommandError(
                f"{fabric.config.name} is disabled, but its sync or its inventory has not stopped yet;"
                " nothing was removed. Try again once it has."
            )


async def _delete_inventory(session: Session, fabric: Fabric) -> InventoryReport:
    name = fabric.config.name
    try:
        with console.progress(f"Waiting until the inventory of {name} is no longer written"):
            await probes.wait_for_pass(session.loops, fabric.config)
        with console.progress(f"Deleting the inventory of {name}"):
            return await probes.remove_inventory(session.loops, fabric.config)
    except NoWorker as error:
        raise CommandError(
            f"{error} {name} is disabled. Its record and the rest of its inventory stay;"
            " start a worker and run this command again."
        ) from None


async def _delete_record(session: Session, fabric: Fabric, report: InventoryReport | None) -> str:
    """Delete the record. Return why it stays, or an empty text."""
    if report and report.problems:
        return "Its record stays until all of its inventory is deleted; resolve the problems first."
    try:
        await asyncio.to_thread(session.netbox.delete, CLUSTERS_PATH, fabric.config.record_id)
    except PermanentError as error:
        return f"Its record stays: {error} Delete it in NetBox, or use a token that may delete it."
    return ""
