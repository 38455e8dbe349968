"""The demo: `demo`."""

from typing import Annotated

import typer

from cli.errors import CommandError

Once = Annotated[
    bool, typer.Option("--once", help="End when each fabric was synced, with the status as JSON.")
]


def demo(once: Once = False) -> None:
    """Try everything on this machine: NetBox, Temporal, Git, Kubernetes, a worker, three fabrics."""
    try:
        from cli.demo.run import run_demo  # noqa: PLC0415  a worker's installation has no local stack
    except ModuleNotFoundError as error:
        raise CommandError(
            f"The demo needs the package {error.name}, which is not installed; use `make demo`."
        ) from None
    run_demo(once)
