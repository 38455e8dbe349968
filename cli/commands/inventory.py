"""What NetBox shows of a fabric: `inventory`; and what is only to go with somebody's word: `confirm-deletes`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from cli import console
from cli.errors import EXIT_OK, EXIT_UNHEALTHY, CommandError
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import FleetView, build_fabric_view
from cli.fabrics.offline import read_live
from cli.options import AsJson, FabricName, require_terminal
from cli.session import Session, open_session
from cli.temporal import probes
from cli.temporal.loop_client import NoLoop
from cli.views.inventory import render_deletes, render_inventory, render_plan, render_preview
from cli.views.results import show_sync_result
from fabrics.inventory.model.naming import FabricIdentity as Mirrored
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.report.preview import InventoryPreview
from fabrics.inventory.report.report import DeletesWaiting
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.inventory_text import deletes_waiting_sentence
from fabrics.loop.report import SyncReport

Name = Annotated[str | None, typer.Argument(metavar="[FABRIC]", help="Name or id of the fabric.")]
LiveFile = Annotated[
    Path | None,
    typer.Option(
        "--live", metavar="FILE.json", help="Objects as `kubectl get -o json` prints them."
    ),
]
ShowPlan = Annotated[
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


class PlanOutput(BaseModel, frozen=True):
    """What `inventory --live FILE.json --json` prints: objects by NetBox's models, and what has no form there."""

    counts: dict[str, int]
    objects: Sequence[str]
    skipped: dict[str, str]


def inventory(
    fabric: Name = None, live: LiveFile = None, plan: ShowPlan = False, json: AsJson = False
) -> None:
    """Show what NetBox shows of a fabric, what a sync would write, or what objects in a file would be.

    Exit: 0 all well, 1 something waits for a person, 2 trouble.
    """
    if live and not fabric:
        _show_plan(make_plan(read_live(live), Mirrored("fabric", "fabric")), json)
    elif fabric and plan and not live:
        _show_preview(asyncio.run(_get_preview(fabric)), json)
    elif fabric and not live:
        found = asyncio.run(_query_inventory(fabric))
        if json:
            console.show_json(found)
        else:
            console.show(render_inventory(found, found.fabric_id))
        raise typer.Exit(EXIT_UNHEALTHY if found.needs_attention else EXIT_OK)
    else:
        raise CommandError("Give either a FABRIC or --live FILE.json.")


def confirm_deletes(fabric: FabricName, digest: Digest = "", json: AsJson = False) -> None:
    """Show the deletes that wait for somebody's word, ask, and have them done."""
    seen, report = asyncio.run(_confirm_deletes(fabric, digest))
    show_sync_result(seen, report, json)
    [then] = seen.fabrics
    waiting = then.inventory.deletes_waiting
    # After a sync that failed, the next one deletes what was agreed to: that need not be said again.
    if waiting and not report.error:
        console.note(deletes_waiting_sentence(waiting, then.fabric_id))
    raise typer.Exit(EXIT_UNHEALTHY if report.error or waiting else EXIT_OK)


def _show_plan(plan: Plan, json: bool) -> None:
    if not json:
        console.show(render_plan(plan))
        return
    console.show_json(
        PlanOutput(
            counts={model: count for model, count in plan.counts.items() if count},
            objects=[f"{each.MODEL} {each.key}" for each in plan.objects],
            skipped={each.key: each.reason for each in plan.skipped},
        )
    )


def _show_preview(preview: InventoryPreview, json: bool) -> None:
    if json:
        console.show_json(preview)
    else:
        console.show(render_preview(preview))
    raise typer.Exit(EXIT_UNHEALTHY if preview.held else EXIT_OK)


async def _get_preview(fabric_ref: str) -> InventoryPreview:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Comparing NetBox with {fabric.config.name}"):
            return await probes.preview_inventory(
                session.loops, fabric.config, fabric.last_known.counts
            )


async def _query_inventory(fabric_ref: str) -> FabricInventory:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Asking the loop of {fabric.config.name}"):
            return await get_fabric_inventory(session, fabric)


async def get_fabric_inventory(session: Session, fabric: Fabric) -> FabricInventory:
    """What the fabric's present or latest loop says; nothing is known where there was none."""
    try:
        known = (await session.loops.get_latest_status(fabric.fabric_id)).inventory
    except NoLoop:
        known = InventoryStatus()
    return FabricInventory(name=fabric.config.name, fabric_id=fabric.fabric_id, **dict(known))


async def _confirm_deletes(fabric_ref: str, digest: str) -> tuple[FleetView, SyncReport]:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Asking the loop of {fabric.config.name}"):
            waiting = (await get_fabric_inventory(session, fabric)).deletes_waiting
        if waiting is None:
            raise CommandError(f"No deletes of {fabric.config.name} wait to be confirmed.")
        agreed = digest or _confirm_interactively(waiting, fabric)
        with console.progress(f"Deleting what {fabric.config.name} no longer has"):
            report = await session.loops.confirm_deletes(fabric.fabric_id, agreed)
            told = await session.loops.get_status(fabric.fabric_id)
        return build_fabric_view(session, fabric, told), report


def _confirm_interactively(deletes: DeletesWaiting, fabric: Fabric) -> str:
    """The digest of what the operator has seen and agreed to."""
    require_terminal(
        f"look at `starter.py inventory {fabric.ref} --json`, and give the digest of the deletes"
        " that wait as --digest."
    )
    console.err.print(render_deletes(deletes, fabric.fabric_id))
    typer.confirm("Delete all of this from NetBox?", abort=True, err=True)
    return deletes.digest
