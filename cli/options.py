"""Arguments and options that several commands share."""

from typing import Annotated

import typer

FabricName = Annotated[str, typer.Argument(metavar="FABRIC", help="Name or id of the fabric.")]
FabricNames = Annotated[
    list[str] | None, typer.Argument(metavar="[FABRIC]...", help="Names or ids; all when left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
