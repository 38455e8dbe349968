"""Taking a fabric away: `remove`.

Its loop ends first, so that nothing is written behind our back. The inventory goes only where that was asked
for, the record last: as long as it is there, what could not be done can be tried again.
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
from cli.errors import EXIT_OK, EXIT_UNHEALTHY, CommandError
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, FabricName, Yes, require_terminal
from cli.session import Session, open_session
from cli.temporal import probes
from cli.temporal.loop_client import NoLoop, NoWorker
from cli.views.inventory import render_report
from fabrics.inventory.report.report import InventoryReport

LOOP_END_TIMEOUT: Final = timedelta(seconds=60)
"""How long a sync that is running may take to stop."""

WithInventory = Annotated[
    bool, typer.Option("--inventory", help="Delete all that syncs made of it in NetBox, too.")
]


class RemoveOutput(BaseModel, frozen=True):
    """What `--json` prints: `inventory` is null where it was left alone; `record` is whether that is gone.

    `record_error` says why it is not.
    """

    name: str
    fabric_id: str
    inventory: InventoryReport | None
    record: bool
    record_error: str = ""


def remove(
    fabric: FabricName, inventory: WithInventory = False, yes: Yes = False, json: AsJson = False
) -> None:
    """Take a fabric away: its loop and its record, and, if asked for, its inventory."""
    removed = asyncio.run(_remove_fabric(fabric, delete_inventory=inventory, skip_confirmation=yes))
    if json:
        console.show_json(removed)
    else:
        _show_output(removed)
    raise typer.Exit(EXIT_OK if removed.record else EXIT_UNHEALTHY)


def _show_output(output: RemoveOutput) -> None:
    if output.inventory:
        console.show(render_report(output.inventory))
    if output.record:
        console.show(f"{output.name} is removed.")
    else:
        console.note(f"{output.name} is switched off. {output.record_error}")


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
            with console.progress(f"Deleting the inventory of {fabric.config.name}"):
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
    typer.confirm(f"Remove {fabric.config.name} from NetBox ({what})?", abort=True, err=True)


async def _end_loop(session: Session, fabric: Fabric) -> None:
    """Switch the sync off, and wait until the loop has seen it."""
    await records.disable(session, fabric)
    with suppress(NoLoop):
        await session.loops.reload(fabric.fabric_id)
        if await session.loops.has_worker() and not await session.loops.wait_until_ended(
            fabric.fabric_id, LOOP_END_TIMEOUT
        ):
            raise CommandError(
                f"{fabric.config.name} is switched off, but its last sync has not stopped yet;"
                " nothing was removed. Try again when that has ended."
            )


async def _delete_inventory(session: Session, fabric: Fabric) -> InventoryReport:
    try:
        return await probes.remove_inventory(session.loops, fabric.config)
    except NoWorker as error:
        raise CommandError(
            f"{error} {fabric.config.name} is switched off; its record stays, and what is left of its"
            " inventory, until you run this again with a worker."
        ) from None


async def _delete_record(session: Session, fabric: Fabric, report: InventoryReport | None) -> str:
    """Delete the record; why not, where it stays."""
    if report and report.problems:
        return "Its record stays until all of its inventory is gone; see to what is in the way."
    try:
        await asyncio.to_thread(session.netbox.delete, CLUSTERS_PATH, fabric.config.record_id)
    except PermanentError as error:
        return f"Its record stays: {error} Delete it in NetBox, or use a token that may."
    return ""
