"""What differs between Git and a fabric, field by field: `diff`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli import console
from cli.errors import CommandError
from cli.fabrics.offline import read_desired, read_live
from cli.options import AsJson, LiveFile
from cli.session import open_session
from cli.temporal import probes
from cli.views.diff import render_diff
from fabrics.drift import find_drift
from fabrics.drift.diff_report import DiffReport, build_diff_report

Name = Annotated[str | None, typer.Argument(metavar="[FABRIC]", help="Name or id of the fabric.")]
DesiredDir = Annotated[
    Path | None,
    typer.Option("--desired", metavar="DIR", help="Manifests, instead of a fabric's Git."),
]


def diff(
    fabric: Name = None, desired: DesiredDir = None, live: LiveFile = None, json: AsJson = False
) -> None:
    """Show what differs between Git and a fabric, or between files. Exit: 0 nothing, 1 drift, 2 trouble."""
    if fabric and not (desired or live):
        report = asyncio.run(_diff_fabric(fabric))
    elif desired and live and not fabric:
        report = _diff_files(desired, live)
    else:
        raise CommandError("Give either a FABRIC, or both --desired DIR and --live FILE.json.")
    if json:
        console.show_json(report)
    else:
        console.show(render_diff(report))
    raise typer.Exit(report.exit_code)


async def _diff_fabric(fabric_ref: str) -> DiffReport:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Comparing Git and Kubernetes of {fabric.config.name}"):
            return await probes.diff(session.loops, fabric.config)


def _diff_files(folder: Path, file: Path) -> DiffReport:
    desired = read_desired(folder)
    return build_diff_report(desired, find_drift(desired, read_live(file)))
