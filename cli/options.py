"""Arguments and options of several commands, and checks of input."""

import re
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from cli.errors import CommandError, validate_input
from fabrics.record.config import check_interval

FabricName = Annotated[str, Argument(metavar="FABRIC", help="Name or id of the fabric.")]
OptionalFabricName = Annotated[
    str | None, Argument(metavar="[FABRIC]", help="Name or id of the fabric.")
]
FabricNames = Annotated[list[str] | None, Argument(metavar="[FABRIC]...", help="Names or ids.")]
LiveFile = Annotated[
    Path | None, Option("--live", metavar="FILE.json", help="Output of `kubectl get -o json`.")
]
AsJson = Annotated[bool, Option("--json", help="Print JSON for programs.")]
Yes = Annotated[bool, Option("--yes", help="Do not ask.")]


def require_terminal(alternative: str = "give --yes to go ahead without one.") -> None:
    """Raise `CommandError`, which tells the `alternative`, without a terminal."""
    if not sys.stdin.isatty():
        raise CommandError(f"Confirmation needs a terminal: {alternative}")


def parse_interval(text: str) -> int:
    """Return the interval in seconds. Raises `CommandError` if it is invalid."""
    is_integer = re.fullmatch(r"[+-]?[0-9]{1,20}", text)
    return validate_input(check_interval, int(text) if is_integer else text)
