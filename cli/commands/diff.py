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
from fabrics.drift.fabric_selection import UnknownFabricError, select_fabric
from fabrics.drift.model import LiveState
from fabrics.resources.manifests.files import DesiredState

DesiredDir = Annotated[
    Path | None, typer.Option("--desired", metavar="DIR", help="Manifests, as in a Git directory.")
]
NameInFiles = Annotated[
    str,
    typer.Option(
        "--fabric-name", metavar="NAME", help="One of several fabrics in the files; default all."
    ),
]


def diff(
    fabric: OptionalFabricName = None,
    desired: DesiredDir = None,
    live: LiveFile = None,
    fabric_name: NameInFiles = "",
    json: AsJson = False,
) -> None:
    """Show what differs between Git and a fabric, or between files.

    Exit status: 0 no drift, 1 drift, 2 failure.
    """
    if fabric and not (desired or live or fabric_name):
        report = asyncio.run(_diff_fabric(fabric))
    elif desired and live and not fabric:
        report = _diff_files(read_desired(desired), read_live(live), fabric_name)
    else:
        raise CommandError("Give either a FABRIC, or both --desired DIR and --live FILE.json.")
    console.show_result(report, render_diff(report), json)
    raise typer.Exit(report.exit_code)


def _diff_files(desired: DesiredState, live: LiveState, fabric_name: str) -> DiffReport:
    try:
        selection = select_fabric(fabric_name, desired, live)
    except UnknownFabricError as error:
        raise CommandError(str(error)) from None
    own = selection.desired or desired
    drift = find_drift(own, selection.compared_live)
    return build_diff_report(own, drift, notices=selection.notices)


async def _diff_fabric(fabric_ref: str) -> DiffReport:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Comparing Git and Kubernetes of {fabric.config.name}"):
            return await probes.diff(session.loops, fabric.config, fabric.last_known)
