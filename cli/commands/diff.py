"""`diff`: compare Git with a fabric, field by field."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli import console
from cli.errors import CommandError
from cli.fabrics.offline import read_desired, read_live
from cli.options import AsJson, LiveFile, OptionalFabricName
from cli.session import open_session
from cli.temporal import probes
from cli.views.diff import render_diff
from fabrics.drift.compare import find_drift
from fabrics.drift.diff_report import DiffReport, build_diff_report

DesiredDir = Annotated[
    Path | None, typer.Option("--desired", metavar="DIR", help="Manifests, as in a Git directory.")
]


def diff(
    fabric: OptionalFabricName = None,
    desired: DesiredDir = None,
    live: LiveFile = None,
    json: AsJson = False,
) -> None:
    """Show what differs between Git and a fabric, or between files.

    Exit status: 0 no drift, 1 drift, 2 failure.
    """
    if fabric and not (desired or live):
        report = asyncio.run(_diff_fabric(fabric))
    elif desired and live and not fabric:
        desired_state = read_desired(desired)
        report = build_diff_report(desired_state, find_drift(desired_state, read_live(live)))
    else:
        raise CommandError("Give either a FABRIC, or both --desired DIR and --live FILE.json.")
    console.show_result(report, render_diff(report), json)
    raise typer.Exit(report.exit_code)


async def _diff_fabric(fabric_ref: str) -> DiffReport:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Comparing Git and Kubernetes of {fabric.config.name}"):
            return await probes.diff(session.loops, fabric.config)
