"""What people have called: the name of the program and its version."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from fabrics.version import VERSION

INSTALLED_COMMANDS: Final = {"starter.py": "fabric-sync", "worker.py": "fabric-sync-worker"}
"""The commands that `pip install` makes of the scripts."""


def program_name(script: str) -> str:
    """Return the name by which `script` was called."""
    command = INSTALLED_COMMANDS[script]
    return command if Path(sys.argv[0]).name == command else script


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"Fabric Sync {VERSION}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
    ),
]
