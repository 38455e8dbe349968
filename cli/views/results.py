"""Results about fabrics, syncs and checks: tables for people, JSON for programs."""

from collections.abc import Sequence
from typing import NoReturn

import typer
from pydantic import BaseModel

from activities.checks import Check
from cli import console
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics.fleet_view import FleetView
from cli.views.format import format_duration
from cli.views.tables import render_check_table, render_status_table
from fabrics.fleet.overview import FabricOverview
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.inventory_text import report_sentence
from fabrics.loop.report import SyncReport


class FabricsOutput(BaseModel, frozen=True):
    """The JSON of commands that return fabrics; `fleet` is set for all fabrics."""

    fabrics: Sequence[FabricOverview]
    fleet: FleetSummary | None = None


class SyncOutput(FabricsOutput, frozen=True):
    """The JSON of `sync`; `report` is null if nobody waited for the sync."""

    report: SyncReport | None


class HistoryOutput(BaseModel, frozen=True):
    """The JSON of `history`: syncs, oldest first; median lateness in seconds."""

    name: str
    fabric_id: str
    median_lateness: float | None
    syncs: Sequence[SyncReport]


class ChecksOutput(BaseModel, frozen=True):
    """The JSON of `doctor` and `notify`."""

    checks: Sequence[Check]


def show_fabrics(view: FleetView, json: bool) -> None:
    """Print one line per fabric."""
    if json:
        console.show_json(FabricsOutput(fabrics=view.fabrics, fleet=view.fleet))
    elif view.fabrics or (view.fleet and not view.fleet.is_healthy):
        console.show(render_status_table(view.fabrics, view.now, view.fleet))
    else:
        console.show("No fabrics yet; `starter.py add NAME --kubernetes-server URL` adds one.")


def show_sync_result(view: FleetView, report: SyncReport | None, json: bool) -> None:
    """Print the fabric, and the report of the sync that was requested."""
    if json:
        console.show_json(SyncOutput(fabrics=view.fabrics, report=report))
        return
    show_fabrics(view, json)
    if report:
        written = " The inventory in NetBox follows." if report.inventory_follows else ""
        if report.inventory:
            written = f" NetBox: {report_sentence(report.inventory)}."
        console.note(f"Sync {report.number} took {format_duration(report.duration)}.{written}")


def show_checks(checks: Sequence[Check], json: bool) -> NoReturn:
    """Print one line per check, and end the command with their exit status."""
    console.show_result(ChecksOutput(checks=checks), render_check_table(checks), json)
    raise typer.Exit(EXIT_OK if all(check.ok for check in checks) else EXIT_UNHEALTHY)
