"""`demo`: everything on this machine."""

from typing import Annotated

import typer

from cli.errors import CommandError

Once = Annotated[
    bool, typer.Option("--once", help="Stop after each fabric's first sync, and print JSON.")
]


def demo(once: Once = False) -> None:
    """Try everything on this machine: NetBox, Temporal, Git and three fabrics."""
    try:
        from cli.demo.run import run_demo  # noqa: PLC0415  workers are installed without it
    except ModuleNotFoundError as error:
        raise CommandError(
            f"The demo needs the package {error.name}, which is not installed; use `make demo`."
        ) from None
    run_demo(once)
