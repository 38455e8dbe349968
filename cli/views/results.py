"""How commands answer: a table for people, JSON for programs, of the same fabrics."""

from collections.abc import Sequence

from pydantic import BaseModel

from cli import console
from cli.fabrics.fleet_view import Sight
from cli.views.tables import in_words, status_page, status_table
from fabrics.fleet.overview import FabricOverview
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.inventory_text import report_sentence
from fabrics.loop.report import SyncReport


class Fabrics(BaseModel, frozen=True):
    """What `--json` prints wherever the result is fabrics; `fleet` where all of them were looked at."""

    fabrics: Sequence[FabricOverview]
    fleet: FleetSummary | None = None


class Synced(Fabrics, frozen=True):
    """What `sync --json` prints; `report` is null where the sync was only asked for."""

    report: SyncReport | None


class History(BaseModel, frozen=True):
    """What `history --json` prints, oldest sync first; `median_lateness` is in seconds."""

    name: str
    fabric_id: str
    median_lateness: float | None
    syncs: Sequence[SyncReport]


def show_fabrics(sight: Sight, json: bool) -> None:
    """One line a fabric."""
    if json:
        console.show_json(Fabrics(fabrics=sight.fabrics, fleet=sight.fleet))
    elif sight.fabrics or (sight.fleet and not sight.fleet.healthy):
        console.show(status_table(sight.fabrics, sight.now, sight.fleet))
    else:
        console.show("No fabrics yet; `starter.py add NAME --kubernetes-server URL` adds one.")


def show_fabric(sight: Sight, json: bool) -> None:
    """All about the one fabric that was looked at."""
    if json:
        show_fabrics(sight, json)
    else:
        console.show(status_page(sight.fabrics[0], sight.now))


def show_synced(sight: Sight, report: SyncReport | None, json: bool) -> None:
    """The fabric, and what the sync found that was asked for."""
    if json:
        console.show_json(Synced(fabrics=sight.fabrics, report=report))
        return
    show_fabrics(sight, json)
    if report:
        wrote = f" NetBox: {report_sentence(report.inventory)}." if report.inventory else ""
        console.note(f"Sync {report.number} took {in_words(report.duration)}.{wrote}")
