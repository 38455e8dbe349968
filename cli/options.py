"""Arguments and options that several commands share."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, validate_input
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


def require_terminal(alternative: str = "give --yes if this is meant.") -> None:
    """Raise `CommandError` where nobody can be asked; `alternative` says how to go on without."""
    if not sys.stdin.isatty():
        raise CommandError(f"Without a terminal nobody can be asked: {alternative}")


def parse_interval(text: str) -> int:
    """The seconds that `text` states. Raises `CommandError` where it states no interval."""
    whole = re.fullmatch(r"[+-]?[0-9]{1,20}", text)
    return validate_input(check_interval, int(text) if whole else text)
