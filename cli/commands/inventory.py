"""What NetBox would hold of a fabric, before anything is written: `inventory`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cli import console
from cli.errors import Failure
from cli.inventory_view import preview_page
from cli.offline import read_live
from cli.options import AsJson, LiveFile
from fabrics.inventory import Fabric, Preview, make_plan, preview
from fabrics.inventory.naming import slug

LONGEST_ID: Final = 39

Planned = Annotated[bool, typer.Option("--plan", help="Only show what would be written.")]


def inventory(live: LiveFile = None, plan: Planned = False, json: AsJson = False) -> None:
    """Show what NetBox would hold of the fabric in a file, which gives the fabric its name."""
    if not live or not plan:
        raise Failure("Give both --live FILE.json and --plan: only a file's plan can be shown.")
    found = _preview(live)
    if json:
        console.show_json(found)
    else:
        console.show(preview_page(found))


def _preview(file: Path) -> Preview:
    live = read_live(file)
    if not any(live.resources.values()):
        raise Failure(f"{file} holds no objects of a fabric; list them with `kubectl get`.")
    return preview(make_plan(live, Fabric(_fabric_id(file), file.stem)))


def _fabric_id(file: Path) -> str:
    return slug(file.stem.replace("_", "-"))[:LONGEST_ID].strip("-")
