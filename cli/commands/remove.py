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
from activities.netbox.client import CLUSTERS
from cli import console
from cli.errors import DONE, UNHEALTHY, Failure
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, FabricName, Yes, check_terminal
from cli.session import Session, open_session
from cli.temporal import probes
from cli.temporal.loop_client import NoLoop, NoWorker
from cli.views.inventory import report_page
from fabrics.inventory.report.report import InventoryReport

LAST_SYNC: Final = timedelta(seconds=60)
"""How long a sync that is running may take to stop."""

WithInventory = Annotated[
    bool, typer.Option("--inventory", help="Delete all that syncs made of it in NetBox, too.")
]


class Removed(BaseModel, frozen=True):
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
    removed = asyncio.run(_remove(fabric, inventory=inventory, sure=yes))
    if json:
        console.show_json(removed)
    else:
        _show(removed)
    raise typer.Exit(DONE if removed.record else UNHEALTHY)


def _show(removed: Removed) -> None:
    if removed.inventory:
        console.show(report_page(removed.inventory))
    if removed.record:
        console.show(f"{removed.name} is removed.")
    else:
        console.note(f"{removed.name} is switched off. {removed.record_error}")


async def _remove(wanted: str, *, inventory: bool, sure: bool) -> Removed:
    async with open_session() as session:
        fabric = await session.fabric(wanted)
        if not sure:
            _ask(fabric, inventory=inventory)
        with console.progress(f"Ending the loop of {fabric.config.name}"):
            await _end(session, fabric)
        report = None
        if inventory and fabric.fabric_id:
            with console.progress(f"Deleting the inventory of {fabric.config.name}"):
                report = await _take_away(session, fabric)
        error = await _delete_record(session, fabric, report)
        return Removed(
            name=fabric.config.name,
            fabric_id=fabric.fabric_id,
            inventory=report,
            record=not error,
            record_error=error,
        )


def _ask(fabric: Fabric, *, inventory: bool) -> None:
    check_terminal()
    what = "its record and its inventory" if inventory else "its record; its inventory stays"
    typer.confirm(f"Remove {fabric.config.name} from NetBox ({what})?", abort=True, err=True)


async def _end(session: Session, fabric: Fabric) -> None:
    """Switch the sync off, and wait until the loop has seen it."""
    await records.switch_off(session, fabric)
    with suppress(NoLoop):
        await session.loops.reload(fabric.fabric_id)
        if await session.loops.worker_polls() and not await session.loops.ended(
            fabric.fabric_id, LAST_SYNC
        ):
            raise Failure(
                f"{fabric.config.name} is switched off, but its last sync has not stopped yet;"
                " nothing was removed. Try again when that has ended."
            )


async def _take_away(session: Session, fabric: Fabric) -> InventoryReport:
    try:
        return await probes.remove_inventory(session.loops, fabric.config)
    except NoWorker as error:
        raise Failure(
            f"{error} {fabric.config.name} is switched off; its record stays, and what is left of its"
            " inventory, until you run this again with a worker."
        ) from None


async def _delete_record(session: Session, fabric: Fabric, report: InventoryReport | None) -> str:
    """Delete the record; why not, where it stays."""
    if report and report.problems:
        return "Its record stays until all of its inventory is gone; see to what is in the way."
    try:
        await asyncio.to_thread(session.netbox.delete, CLUSTERS, fabric.config.record_id)
    except PermanentError as error:
        return f"Its record stays: {error} Delete it in NetBox, or use a token that may."
    return ""
