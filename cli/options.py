"""Arguments and options that several commands share."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import Failure, checked
from fabrics.record.config import check_interval

FabricName = Annotated[str, typer.Argument(metavar="FABRIC", help="Name or id of the fabric.")]
FabricNames = Annotated[
    list[str] | None, typer.Argument(metavar="[FABRIC]...", help="Names or ids; all when left out.")
]
LiveFile = Annotated[
    Path | None,
    typer.Option(
        "--live", metavar="FILE.json", help="Objects as `kubectl get -o json` prints them."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def check_terminal(instead: str = "give --yes if this is meant.") -> None:
    """Raise `Failure` where nobody can be asked; `instead` says how to go on without."""
    if not sys.stdin.isatty():
        raise Failure(f"Without a terminal nobody can be asked: {instead}")


def interval_of(text: str) -> int:
    """The seconds that `text` states. Raises `Failure` where it states no interval."""
    whole = re.fullmatch(r"[+-]?[0-9]{1,20}", text)
    return checked(check_interval, int(text) if whole else text)
