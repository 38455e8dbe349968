"""`adopt`: take over tagged objects that conflict with a fabric's inventory.

The loop adopts them after syncs, so that nothing else writes to the inventory meanwhile. Each pass adopts the
tagged conflicts that it finds; the next one updates them and may find more, such as the ports of a device.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import typer

from cli import console
from cli.commands.inventory import FabricInventory, get_fabric_inventory
from cli.errors import CommandError
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, FabricName, Yes, require_terminal
from cli.session import Session, open_session
from cli.temporal.inventory import wait_for_inventory
from cli.temporal.loop_client import NoLoop
from cli.views.inventory import render_findings_table, render_inventory
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.report.report import Finding, FindingType
from fabrics.loop.active_sync import SyncRequest

MAX_PASSES: Final = 20
"""Passes of one command: each level of a fabric takes one, such as devices, ports and cables."""


class AdoptOutput(FabricInventory, frozen=True):
    """The JSON of `adopt`: the inventory, and how many objects were adopted.

    `sync_error` says why the last sync failed, if it did.
    """

    adopted: int
    sync_error: str


def adopt(fabric: FabricName, yes: Yes = False, json: AsJson = False) -> None:
    """Adopt and update tagged objects that conflict with a fabric's inventory."""
    output = asyncio.run(_adopt_offered(fabric, skip_confirmation=yes))
    console.show_result(output, render_inventory(output, output.fabric_id), json)
    if not json:
        console.note(f"{output.adopted} adopted. {output.sync_error}".rstrip())
    raise typer.Exit(EXIT_UNHEALTHY if output.sync_error or _count_adoptable(output) else EXIT_OK)


async def _adopt_offered(fabric_ref: str, *, skip_confirmation: bool) -> AdoptOutput:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Querying the loop of {fabric.config.name}"):
            inventory = await get_fabric_inventory(session, fabric)
        if not _count_adoptable(inventory):
            raise CommandError(
                f"Nothing is offered to {fabric.config.name} for adoption: give a conflicting object the tag"
                f" {TAG_SLUG} in NetBox, then run `starter.py sync {fabric.ref} --full`."
            )
        if not skip_confirmation:
            _confirm_adoption(fabric, inventory)
        with console.progress(f"Adopting the objects offered to {fabric.config.name}"):
            adopted, error = await _sync_until_done(session, fabric)
            inventory = await get_fabric_inventory(session, fabric)
        return AdoptOutput(
            **dict(inventory), adopted=adopted, sync_error=error or inventory.failure
        )


async def _sync_until_done(session: Session, fabric: Fabric) -> tuple[int, str]:
    """Return how many objects were adopted, and the error of the last sync."""
    total = 0
    for _ in range(MAX_PASSES):
        try:
            report = await session.loops.sync(fabric.fabric_id, SyncRequest(adopt=True))
            report, _ = await wait_for_inventory(session.loops, fabric.fabric_id, report)
        except NoLoop:
            raise CommandError(
                f"{fabric.config.name} is no longer synced; `starter.py enable {fabric.ref}` enables it."
            ) from None
        adopted = report.inventory.adopted if report.inventory else 0
        total += adopted
        if not adopted:
            return total, report.error
    return total, f"More was offered in each of {MAX_PASSES} passes; run this command again."


def _confirm_adoption(fabric: Fabric, inventory: FabricInventory) -> None:
    require_terminal()
    console.err.print(render_findings_table(_list_adoptable(inventory)))
    console.note(f"Objects tagged {TAG_SLUG} that conflict after that are adopted, too.")
    name = fabric.config.name
    console.confirm(f"Let {name} change and delete these objects from now on?")


def _count_adoptable(inventory: FabricInventory) -> int:
    """The number of objects on offer, which may be more than the findings name."""
    return inventory.report.problems.get(FindingType.ADOPTABLE, 0) if inventory.report else 0


def _list_adoptable(inventory: FabricInventory) -> Sequence[Finding]:
    findings = inventory.report.findings if inventory.report else ()
    return [finding for finding in findings if finding.problem is FindingType.ADOPTABLE]
