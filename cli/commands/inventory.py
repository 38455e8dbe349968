"""What NetBox shows of a fabric: `inventory`; and what is only to go with somebody's word: `confirm-deletes`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from cli import console
from cli.errors import DONE, UNHEALTHY, Failure
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import Sight, sight_of
from cli.fabrics.offline import read_live
from cli.options import AsJson, FabricName, check_terminal
from cli.session import Session, open_session
from cli.temporal import probes
from cli.temporal.loop_client import NoLoop
from cli.views.inventory import deletes_page, inventory_page, plan_page, preview_page
from cli.views.results import show_synced
from fabrics.inventory.model.naming import Fabric as Mirrored
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.report.preview import InventoryPreview
from fabrics.inventory.report.report import DeletesWaiting
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.inventory_text import waiting_sentence
from fabrics.loop.report import SyncReport

Name = Annotated[str | None, typer.Argument(metavar="[FABRIC]", help="Name or id of the fabric.")]
LiveFile = Annotated[
    Path | None,
    typer.Option(
        "--live", metavar="FILE.json", help="Objects as `kubectl get -o json` prints them."
    ),
]
ToPlan = Annotated[
    bool, typer.Option("--plan", help="Compare now, and show what a sync would write.")
]
Digest = Annotated[
    str,
    typer.Option(
        metavar="DIGEST", help="Do not ask: confirm this plan, by its digest, and no other."
    ),
]


class FabricInventory(InventoryStatus, frozen=True):
    """What `inventory --json` prints."""

    name: str
    fabric_id: str


class Planned(BaseModel, frozen=True):
    """What `inventory --live FILE.json --json` prints: objects by NetBox's models, and what has no form there."""

    counts: dict[str, int]
    objects: Sequence[str]
    skipped: dict[str, str]


def inventory(
    fabric: Name = None, live: LiveFile = None, plan: ToPlan = False, json: AsJson = False
) -> None:
    """Show what NetBox shows of a fabric, what a sync would write, or what objects in a file would be.

    Exit: 0 all well, 1 something waits for a person, 2 trouble.
    """
    if live and not fabric:
        _show_plan(make_plan(read_live(live), Mirrored("fabric", "fabric")), json)
    elif fabric and plan and not live:
        _show_preview(asyncio.run(_preview(fabric)), json)
    elif fabric and not live:
        found = asyncio.run(_look(fabric))
        if json:
            console.show_json(found)
        else:
            console.show(inventory_page(found, found.fabric_id))
        raise typer.Exit(UNHEALTHY if found.needs_a_person else DONE)
    else:
        raise Failure("Give either a FABRIC or --live FILE.json.")


def confirm_deletes(fabric: FabricName, digest: Digest = "", json: AsJson = False) -> None:
    """Show the deletes that wait for somebody's word, ask, and have them done."""
    seen, report = asyncio.run(_confirm(fabric, digest))
    show_synced(seen, report, json)
    [then] = seen.fabrics
    waiting = then.inventory.deletes_waiting
    # After a sync that failed, the next one deletes what was agreed to: that need not be said again.
    if waiting and not report.error:
        console.note(waiting_sentence(waiting, then.fabric_id))
    raise typer.Exit(UNHEALTHY if report.error or waiting else DONE)


def _show_plan(plan: Plan, json: bool) -> None:
    if not json:
        console.show(plan_page(plan))
        return
    console.show_json(
        Planned(
            counts={model: count for model, count in plan.counts.items() if count},
            objects=[f"{each.MODEL} {each.key}" for each in plan.objects],
            skipped={each.key: each.reason for each in plan.skipped},
        )
    )


def _show_preview(preview: InventoryPreview, json: bool) -> None:
    if json:
        console.show_json(preview)
    else:
        console.show(preview_page(preview))
    raise typer.Exit(UNHEALTHY if preview.held else DONE)


async def _preview(wanted: str) -> InventoryPreview:
    async with open_session() as session:
        fabric = await session.fabric(wanted)
        with console.progress(f"Comparing NetBox with {fabric.config.name}"):
            return await probes.preview(session.loops, fabric.config, fabric.facts.counts)


async def _look(wanted: str) -> FabricInventory:
    async with open_session() as session:
        fabric = await session.fabric(wanted)
        with console.progress(f"Asking the loop of {fabric.config.name}"):
            return await inventory_of(session, fabric)


async def inventory_of(session: Session, fabric: Fabric) -> FabricInventory:
    """What the fabric's present or latest loop says; nothing is known where there was none."""
    try:
        known = (await session.loops.latest(fabric.fabric_id)).inventory
    except NoLoop:
        known = InventoryStatus()
    return FabricInventory(name=fabric.config.name, fabric_id=fabric.fabric_id, **dict(known))


async def _confirm(wanted: str, digest: str) -> tuple[Sight, SyncReport]:
    async with open_session() as session:
        fabric = await session.fabric(wanted)
        with console.progress(f"Asking the loop of {fabric.config.name}"):
            waiting = (await inventory_of(session, fabric)).deletes_waiting
        if waiting is None:
            raise Failure(f"No deletes of {fabric.config.name} wait to be confirmed.")
        agreed = digest or _asked(waiting, fabric)
        with console.progress(f"Deleting what {fabric.config.name} no longer has"):
            report = await session.loops.confirm_deletes(fabric.fabric_id, agreed)
            told = await session.loops.status(fabric.fabric_id)
        return sight_of(session, fabric, told), report


def _asked(waiting: DeletesWaiting, fabric: Fabric) -> str:
    """The digest of what the operator has seen and agreed to."""
    check_terminal(
        f"look at `starter.py inventory {fabric.handle} --json`, and give the digest of the deletes"
        " that wait as --digest."
    )
    console.err.print(deletes_page(waiting, fabric.fabric_id))
    typer.confirm("Delete all of this from NetBox?", abort=True, err=True)
    return waiting.digest
