"""`inventory`, and `confirm-deletes` for deletes that need confirmation."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import BaseModel, PlainSerializer

from cli import console
from cli.errors import CommandError
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import FleetView, build_fabric_view
from cli.fabrics.offline import read_live
from cli.options import AsJson, FabricName, LiveFile, OptionalFabricName, require_terminal
from cli.session import Session, open_session
from cli.temporal import probes
from cli.temporal.inventory import wait_for_inventory
from cli.temporal.loop_client import NoLoop
from cli.views.inventory import render_cabling, render_deletes, render_inventory
from cli.views.plan import render_plan, render_preview
from cli.views.results import show_sync_result
from fabrics.agents.cabling import CablingFinding
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.report.preview import InventoryPreview
from fabrics.inventory.report.report import DeletesWaiting
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.inventory_text import deletes_waiting_sentence
from fabrics.loop.report import SyncReport

ShowPlan = Annotated[
    bool, typer.Option("--plan", help="Compare now, and show what a sync would write.")
]
ShowCabling = Annotated[
    bool, typer.Option("--cabling", help="Show links that are cabled otherwise than stated.")
]
Digest = Annotated[
    str, typer.Option(metavar="DIGEST", help="Confirm deletes of this digest, without asking.")
]


def _list_cabling(
    findings: tuple[CablingFinding, ...] | None,
) -> list[dict[str, object]] | None:
    """Return the findings as objects, with their sentences."""
    if findings is None:
        return None
    return [{**finding._asdict(), "text": finding.text} for finding in findings]


CablingRows = Annotated[tuple[CablingFinding, ...] | None, PlainSerializer(_list_cabling)]


class FabricInventory(InventoryStatus, frozen=True):
    """The JSON of `inventory`."""

    name: str
    fabric_id: str
    cabling: CablingRows = None


class CablingOutput(BaseModel, frozen=True):
    """The JSON of `inventory --cabling`: one row for each link."""

    name: str
    fabric_id: str
    cabling: CablingRows


class PlanOutput(BaseModel, frozen=True):
    """The JSON of `inventory --live`: NetBox objects and skipped resources."""

    counts: dict[str, int]
    objects: Sequence[str]
    skipped: dict[str, str]


def inventory(
    fabric: OptionalFabricName = None,
    live: LiveFile = None,
    plan: ShowPlan = False,
    cabling: ShowCabling = False,
    json: AsJson = False,
) -> None:
    """Show a fabric's inventory, what a sync would write, or a plan from a file.

    Exit status: 0 healthy, 1 something needs a person's attention, 2 failure.
    """
    if bool(live) == bool(fabric):
        raise CommandError("Give either a FABRIC or --live FILE.json.")
    if live:
        _show_plan(make_plan(read_live(live), FabricIdentity("fabric", "fabric")), json)
    elif fabric and plan:
        preview = asyncio.run(_get_preview(fabric))
        console.show_result(preview, render_preview(preview), json)
        raise typer.Exit(EXIT_UNHEALTHY if preview.held else EXIT_OK)
    elif fabric and cabling:
        _show_cabling(asyncio.run(_query_inventory(fabric)), json)
    elif fabric:
        status = asyncio.run(_query_inventory(fabric))
        console.show_result(status, render_inventory(status, status.fabric_id), json)
        raise typer.Exit(EXIT_UNHEALTHY if status.needs_attention else EXIT_OK)


def confirm_deletes(fabric: FabricName, digest: Digest = "", json: AsJson = False) -> None:
    """Show the deletes that wait for confirmation, ask, and carry them out."""
    view, report = asyncio.run(_confirm_deletes(fabric, digest))
    show_sync_result(view, report, json)
    [overview] = view.fabrics
    deletes = overview.inventory.deletes_waiting
    failed = bool(report.error or overview.inventory.failure)
    # After a failure, the next pass makes the confirmed deletes: nobody has to confirm them again.
    if deletes and not failed:
        console.note(deletes_waiting_sentence(deletes, overview.fabric_id))
    raise typer.Exit(EXIT_UNHEALTHY if failed or deletes else EXIT_OK)


def _show_cabling(status: FabricInventory, json: bool) -> None:
    output = CablingOutput(name=status.name, fabric_id=status.fabric_id, cabling=status.cabling)
    console.show_result(output, render_cabling(status.cabling), json)
    is_wrong = any(not finding.type.is_notice for finding in status.cabling or ())
    raise typer.Exit(EXIT_UNHEALTHY if is_wrong else EXIT_OK)


def _show_plan(plan: Plan, json: bool) -> None:
    output = PlanOutput(
        counts={model: count for model, count in plan.counts.items() if count},
        objects=[f"{planned.MODEL} {planned.key}" for planned in plan.objects],
        skipped={skip.key: skip.reason for skip in plan.skipped},
    )
    console.show_result(output, render_plan(plan), json)


async def _get_preview(fabric_ref: str) -> InventoryPreview:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Comparing NetBox with {fabric.config.name}"):
            return await probes.preview_inventory(session.loops, fabric.config, fabric.last_known)


async def _query_inventory(fabric_ref: str) -> FabricInventory:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Querying the loop of {fabric.config.name}"):
            return await get_fabric_inventory(session, fabric)


async def get_fabric_inventory(session: Session, fabric: Fabric) -> FabricInventory:
    """Return the inventory of the running or latest loop; empty without a loop."""
    try:
        status = (await session.loops.get_latest_status(fabric.fabric_id)).inventory
    except NoLoop:
        status = InventoryStatus()
    return FabricInventory(name=fabric.config.name, fabric_id=fabric.fabric_id, **dict(status))


async def _confirm_deletes(fabric_ref: str, digest: str) -> tuple[FleetView, SyncReport]:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Querying the loop of {fabric.config.name}"):
            deletes = (await get_fabric_inventory(session, fabric)).deletes_waiting
        if deletes is None:
            raise CommandError(f"No deletes of {fabric.config.name} wait to be confirmed.")
        confirmed = digest or _confirm_interactively(deletes, fabric)
        with console.progress(f"Deleting what {fabric.config.name} no longer has"):
            report = await session.loops.confirm_deletes(fabric.fabric_id, confirmed)
            report, status = await wait_for_inventory(session.loops, fabric.fabric_id, report)
        return build_fabric_view(session, fabric, status), report


def _confirm_interactively(deletes: DeletesWaiting, fabric: Fabric) -> str:
    """Ask the operator to confirm the deletes, and return their digest."""
    require_terminal(
        "without one, pass --digest with the digest of the pending deletes, which"
        f" `starter.py inventory {fabric.ref} --json` shows."
    )
    console.err.print(render_deletes(deletes, fabric.fabric_id))
    console.confirm("Delete all of this from NetBox?")
    return deletes.digest
