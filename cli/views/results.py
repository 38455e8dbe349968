"""How commands answer: a table for people, JSON for programs, of the same fabrics."""

from collections.abc import Sequence

from pydantic import BaseModel

from cli import console
from cli.fabrics.fleet_view import FleetView
from cli.views.tables import format_duration, render_fabric_status, render_status_table
from fabrics.fleet.overview import FabricOverview
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.inventory_text import report_sentence
from fabrics.loop.report import SyncReport


class FabricsOutput(BaseModel, frozen=True):
    """What `--json` prints wherever the result is fabrics; `fleet` where all of them were looked at."""

    fabrics: Sequence[FabricOverview]
    fleet: FleetSummary | None = None


class SyncOutput(FabricsOutput, frozen=True):
    """What `sync --json` prints; `report` is null where the sync was only asked for."""

    report: SyncReport | None


class HistoryOutput(BaseModel, frozen=True):
    """What `history --json` prints, oldest sync first; `compute_median_lateness` is in seconds."""

    name: str
    fabric_id: str
    median_lateness: float | None
    syncs: Sequence[SyncReport]


def show_fabrics(view: FleetView, json: bool) -> None:
    """One line a fabric."""
    if json:
        console.show_json(FabricsOutput(fabrics=view.fabrics, fleet=view.fleet))
    elif view.fabrics or (view.fleet and not view.fleet.is_healthy):
        console.show(render_status_table(view.fabrics, view.now, view.fleet))
    else:
        console.show("No fabrics yet; `starter.py add NAME --kubernetes-server URL` adds one.")


def show_fabric(view: FleetView, json: bool) -> None:
    """All about the one fabric that was looked at."""
    if json:
        show_fabrics(view, json)
    else:
        console.show(render_fabric_status(view.fabrics[0], view.now))


def show_sync_result(view: FleetView, report: SyncReport | None, json: bool) -> None:
    """The fabric, and what the sync found that was asked for."""
    if json:
        console.show_json(SyncOutput(fabrics=view.fabrics, report=report))
        return
    show_fabrics(view, json)
    if report:
        wrote = f" NetBox: {report_sentence(report.inventory)}." if report.inventory else ""
        console.note(f"Sync {report.number} took {format_duration(report.duration)}.{wrote}")
