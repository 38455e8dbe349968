"""Making a fabric's what people offer it: `adopt`.

The loop does it in syncs, so that nobody else writes to the inventory meanwhile. Each sync adopts what it
finds in its way; the next one brings that up to date, and may find more: a device's ports after the device.
"""

import asyncio
from collections.abc import Sequence

import typer

from activities.setup.views import TAG
from cli import console
from cli.commands.inventory import FabricInventory, inventory_of
from cli.errors import DONE, UNHEALTHY, Failure
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, FabricName, Yes, check_terminal
from cli.session import Session, open_session
from cli.temporal.loop_client import NoLoop
from cli.views.inventory import findings_table, inventory_page
from fabrics.inventory.report.report import Finding, Problem
from fabrics.loop.active_sync import SyncRequest


class Adopted(FabricInventory, frozen=True):
    """What `--json` prints: how many objects became the fabric's, and how its inventory is then.

    `sync_error` says why the last of the syncs failed, if it did.
    """

    adopted: int
    sync_error: str


def adopt(fabric: FabricName, yes: Yes = False, json: AsJson = False) -> None:
    """Make a fabric's what people tagged that is in the way of its inventory, and bring it up to date."""
    done = asyncio.run(_adopt(fabric, sure=yes))
    if json:
        console.show_json(done)
    else:
        console.show(inventory_page(done, done.fabric_id))
        console.note(f"{done.adopted} adopted. {done.sync_error}".rstrip())
    raise typer.Exit(UNHEALTHY if done.sync_error or _offered(done) else DONE)


async def _adopt(wanted: str, *, sure: bool) -> Adopted:
    async with open_session() as session:
        fabric = await session.fabric(wanted)
        with console.progress(f"Asking the loop of {fabric.config.name}"):
            known = await inventory_of(session, fabric)
        if not _offered(known):
            raise Failure(
                f"Nothing is offered to {fabric.config.name}: give an object that is in its way the tag"
                f" {TAG} in NetBox, then run `starter.py sync {fabric.handle}`."
            )
        if not sure:
            _ask(fabric, known)
        with console.progress(f"Adopting what is offered to {fabric.config.name}"):
            adopted, error = await _sync_until_done(session, fabric)
            known = await inventory_of(session, fabric)
        return Adopted(**dict(known), adopted=adopted, sync_error=error)


async def _sync_until_done(session: Session, fabric: Fabric) -> tuple[int, str]:
    """How many objects were adopted, and what is wrong with the last sync."""
    total = 0
    while True:
        try:
            report = await session.loops.sync(fabric.fabric_id, SyncRequest(adopt=True))
        except NoLoop:
            raise Failure(
                f"{fabric.config.name} is not synced any more: `starter.py enable {fabric.handle}`."
            ) from None
        adopted = report.inventory.adopted if report.inventory else 0
        total += adopted
        if not adopted:
            return total, report.error


def _ask(fabric: Fabric, known: FabricInventory) -> None:
    check_terminal()
    console.err.print(findings_table(_findings(known)))
    console.note("The tag says so of each. Those that turn up with them become the fabric's, too.")
    question = (
        f"Let {fabric.config.name} change these objects from now on, and delete them some day?"
    )
    typer.confirm(question, abort=True, err=True)


def _offered(known: FabricInventory) -> int:
    """How many objects are offered; not all of them are named."""
    return known.report.problems.get(Problem.ADOPTABLE, 0) if known.report else 0


def _findings(known: FabricInventory) -> Sequence[Finding]:
    found = known.report.findings if known.report else ()
    return [each for each in found if each.problem is Problem.ADOPTABLE]
