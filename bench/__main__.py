"""Run one benchmark, `python -m bench NAME [OPTIONS]`, or each with its defaults."""

import subprocess
import sys
from collections.abc import Callable
from typing import Final

import typer

from bench import (
    agents,
    bulkheads,
    cold_start,
    cycle,
    drift,
    hostile,
    inventory,
    load,
    records,
    restart,
    soak,
    timing,
    upgrade,
)

BENCHMARKS: Final[dict[str, Callable[..., None]]] = {
    "timing": timing.main,
    "restart": restart.main,
    "upgrade": upgrade.main,
    "cold_start": cold_start.main,
    "soak": soak.main,
    "cycle": cycle.main,
    "load": load.main,
    "records": records.main,
    "drift": drift.main,
    "bulkheads": bulkheads.main,
    "hostile": hostile.main,
    "inventory": inventory.main,
    "agents": agents.main,
}

app: Final = typer.Typer(add_completion=False, invoke_without_command=True)
for name, command in BENCHMARKS.items():
    app.command(name)(command)


@app.callback()
def run_all(context: typer.Context) -> None:
    """Run one benchmark, or without COMMAND all of them, which takes hours."""
    if context.invoked_subcommand is None:
        for benchmark in BENCHMARKS:
            # In a process of its own, so that none is measured with the memory of another.
            subprocess.run([sys.executable, "-m", "bench", benchmark], check=True)  # noqa: S603


if __name__ == "__main__":
    app()
