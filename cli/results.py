"""How commands answer: a table for people, JSON for programs, of the same fabrics."""

from collections.abc import Sequence

from pydantic import BaseModel

from cli import console
from cli.look import Sight
from cli.tables import status_page, status_table
from fabrics.overview import FabricOverview


class Fabrics(BaseModel, frozen=True):
    """What `--json` prints wherever the result is fabrics."""

    fabrics: Sequence[FabricOverview]


def show_fabrics(sight: Sight, json: bool) -> None:
    """One line a fabric."""
    if json:
        console.show_json(Fabrics(fabrics=sight.fabrics))
    else:
        console.show(status_table(sight.fabrics, sight.now))


def show_fabric(sight: Sight, json: bool) -> None:
    """All about the one fabric that was looked at."""
    if json:
        show_fabrics(sight, json)
    else:
        console.show(status_page(sight.fabrics[0], sight.now))
