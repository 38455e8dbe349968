"""Making a fabric's what people offer it: `adopt`.

The loop does it in syncs, so that nobody else writes to the inventory meanwhile. Each sync adopts what it
finds in its way; the next one brings that up to date, and may find more: a device's ports after the device.
"""

import asyncio
from collections.abc import Sequence

import typer

from cli import console
from cli.commands.inventory import FabricInventory, get_fabric_inventory
from cli.errors import EXIT_OK, EXIT_UNHEALTHY, CommandError
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, FabricName, Yes, require_terminal
from cli.session import Session, open_session
from cli.temporal.loop_client import NoLoop
from cli.views.inventory import render_findings_table, render_inventory
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.report.report import Finding, FindingType
from fabrics.loop.active_sync import SyncRequest


class AdoptOutput(FabricInventory, frozen=True):
    """What `--json` prints: how many objects became the fabric's, and how its inventory is then.

    `sync_error` says why the last of the syncs failed, if it did.
    """

    adopted: int
    sync_error: str


def adopt(fabric: FabricName, yes: Yes = False, json: AsJson = False) -> None:
    """Make a fabric's what people tagged that is in the way of its inventory, and bring it up to date."""
    done = asyncio.run(_adopt_offered(fabric, skip_confirmation=yes))
    if json:
        console.show_json(done)
    else:
        console.show(render_inventory(done, done.fabric_id))
        console.note(f"{done.adopted} adopted. {done.sync_error}".rstrip())
    raise typer.Exit(EXIT_UNHEALTHY if done.sync_error or _count_adoptable(done) else EXIT_OK)


async def _adopt_offered(fabric_ref: str, *, skip_confirmation: bool) -> AdoptOutput:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Asking the loop of {fabric.config.name}"):
            known = await get_fabric_inventory(session, fabric)
        if not _count_adoptable(known):
            raise CommandError(
                f"Nothing is offered to {fabric.config.name}: give an object that is in its way the tag"
                f" {TAG_SLUG} in NetBox, then run `starter.py sync {fabric.ref}`."
            )
        if not skip_confirmation:
            _confirm_adoption(fabric, known)
        with console.progress(f"Adopting what is offered to {fabric.config.name}"):
            adopted, error = await _sync_until_done(session, fabric)
            known = await get_fabric_inventory(session, fabric)
        return AdoptOutput(**dict(known), adopted=adopted, sync_error=error)


async def _sync_until_done(session: Session, fabric: Fabric) -> tuple[int, str]:
    """How many objects were adopted, and what is wrong with the last sync."""
    total = 0
    while True:
        try:
            report = await session.loops.sync(fabric.fabric_id, SyncRequest(adopt=True))
        except NoLoop:
            raise CommandError(
                f"{fabric.config.name} is not synced any more: `starter.py enable {fabric.ref}`."
            ) from None
        adopted = report.inventory.adopted if report.inventory else 0
        total += adopted
        if not adopted:
            return total, report.error


def _confirm_adoption(fabric: Fabric, inventory: FabricInventory) -> None:
    require_terminal()
    console.err.print(render_findings_table(_list_adoptable(inventory)))
    console.note("The tag says so of each. Those that turn up with them become the fabric's, too.")
    question = (
        f"Let {fabric.config.name} change these objects from now on, and delete them some day?"
    )
    typer.confirm(question, abort=True, err=True)


def _count_adoptable(inventory: FabricInventory) -> int:
    """How many objects are offered; not all of them are named."""
    return inventory.report.problems.get(FindingType.ADOPTABLE, 0) if inventory.report else 0


def _list_adoptable(inventory: FabricInventory) -> Sequence[Finding]:
    found = inventory.report.findings if inventory.report else ()
    return [each for each in found if each.problem is FindingType.ADOPTABLE]
