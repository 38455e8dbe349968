"""`diff`: compare Git with a fabric, field by field."""

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from cli import console
from cli.errors import CommandError
from cli.fabrics.offline import OfflineFiles, pack_manifests, read_live
from cli.options import AsJson, LiveFile, OptionalFabricName
from cli.session import open_session
from cli.temporal import probes
from cli.views.diff import render_diff
from cli.views.diff_markdown import render_markdown
from fabrics.drift.acceptance.judge import accept
from fabrics.drift.compare import find_drift
from fabrics.drift.diff_report import DiffReport, build_diff_report
from fabrics.drift.export import PartialStateError, export_live
from fabrics.drift.fabric_selection import FabricSelection, UnknownFabricError, select_fabric
from fabrics.drift.model import LiveState
from fabrics.record.config import FabricConfig, GitSource


class Exported(StrEnum):
    """What `diff --export` prints."""

    LIVE = "live"


DesiredDir = Annotated[
    Path | None,
    typer.Option("--desired", metavar="DIR", help="Manifests here, in place of the Git directory."),
]
Branch = Annotated[
    str, typer.Option(metavar="NAME", help="Compare this branch in place of the fabric's own.")
]
Commit = Annotated[
    str, typer.Option(metavar="SHA", help="Compare this commit in place of the fabric's branch.")
]
Export = Annotated[
    Exported | None,
    typer.Option(
        help="Print manifests of the live state, to commit in place of those in Git; compare nothing."
    ),
]
AsMarkdown = Annotated[
    bool, typer.Option("--markdown", help="Print Markdown, for a comment on a pull request.")
]
NameInFiles = Annotated[
    str,
    typer.Option(
        "--fabric-name", metavar="NAME", help="One of several fabrics in the files; default all."
    ),
]


class ExportOutput(BaseModel, frozen=True):
    """The JSON of `diff --export`."""

    manifests: str


def diff(  # noqa: PLR0913, PLR0917  one parameter an option
    fabric: OptionalFabricName = None,
    desired: DesiredDir = None,
    branch: Branch = "",
    commit: Commit = "",
    live: LiveFile = None,
    fabric_name: NameInFiles = "",
    export: Export = None,
    markdown: AsMarkdown = False,
    json: AsJson = False,
) -> None:
    """Show what differs between Git and a fabric, or between files.

    With --desired, --branch or --commit, a worker compares that with the fabric
    instead of the branch that it follows. Nothing is stored or changed.

    To end a difference, apply Git's manifest with kubectl, commit the live one
    (--export live), or commit a rule that accepts it (see `accept`).

    Exit status: 0 no drift, 1 drift, 2 failure.
    """
    if sum(map(bool, (desired, branch, commit))) > 1:
        raise CommandError("Give only one of --desired, --branch and --commit.")
    if desired and live and not fabric:
        files = OfflineFiles.read(desired), read_live(live), fabric_name
        if export:
            _show_manifests(_export_files(*files), json)
            return
        report = _diff_files(*files)
    elif fabric and not (live or fabric_name):
        if export:
            _check_no_other_desired(desired, branch, commit)
            config, manifests = asyncio.run(_export_fabric(fabric))
            _show_manifests(manifests, json)
            if config.git and not json:
                _note_place(config.git)
            return
        packed_files = pack_manifests(desired) if desired else ""
        report = asyncio.run(_diff_fabric(fabric, branch, commit, packed_files))
    else:
        raise CommandError("Give either a FABRIC, or both --desired DIR and --live FILE.json.")
    if markdown and not json:
        console.show_line(render_markdown(report))
    else:
        console.show_result(report, render_diff(report), json)
        if fabric and report.entries and not (json or desired or branch or commit):
            _note_decisions(fabric)
    raise typer.Exit(report.exit_code)


def _check_no_other_desired(desired: Path | None, branch: str, commit: str) -> None:
    if desired or branch or commit:
        raise CommandError("--export compares nothing: leave out --desired, --branch and --commit.")


def _show_manifests(manifests: str, json: bool) -> None:
    if json:
        console.show_json(ExportOutput(manifests=manifests))
    else:
        console.show_line(manifests.rstrip("\n"))


def _note_place(git: GitSource) -> None:
    console.note(
        f"Put these manifests, or only those below `# changed` and `# extra`, in place of those in {git.place}, commit"
        " and push."
    )


def _note_decisions(fabric_ref: str) -> None:
    """Say how to end a difference."""
    console.note(
        "If Git is right: `kubectl apply -f FILE`, then remove what is live only: objects with `kubectl delete`,"
        " fields with `kubectl edit`."
    )
    console.note(
        f"If the fabric is right: commit what `starter.py diff {fabric_ref} --export live` prints."
    )
    console.note(
        f"If both may stay: commit what `starter.py accept {fabric_ref} OBJECT --reason TEXT` prints."
    )


def _select(files: OfflineFiles, live: LiveState, fabric_name: str) -> FabricSelection:
    try:
        return select_fabric(fabric_name, files.desired, live)
    except UnknownFabricError as error:
        raise CommandError(str(error)) from None


def _diff_files(files: OfflineFiles, live: LiveState, fabric_name: str) -> DiffReport:
    selection = _select(files, live, fabric_name)
    own = selection.desired or files.desired
    drift = find_drift(own, selection.compared_live)
    judged = accept(drift, files.rules, datetime.now(UTC).date())
    return build_diff_report(own, judged, notices=selection.notices)


def _export_files(files: OfflineFiles, live: LiveState, fabric_name: str) -> str:
    selection = _select(files, live, fabric_name)
    try:
        return export_live(selection.desired or files.desired, selection.compared_live)
    except PartialStateError as error:
        raise CommandError(str(error)) from None


async def _diff_fabric(fabric_ref: str, branch: str, commit: str, packed_files: str) -> DiffReport:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        config, last_known = fabric.config, fabric.last_known
        if branch or commit:
            git = _get_git(config).model_copy(update={"branch": branch} if branch else {})
            config = config.model_copy(update={"git": git})
        with console.progress(f"Comparing Git and Kubernetes of {config.name}"):
            if commit or packed_files:
                other = {"commit": commit, "packed_files": packed_files}
                return await probes.compare(session.loops, config, last_known, **other)
            return await probes.diff(session.loops, config, last_known)


def _get_git(config: FabricConfig) -> GitSource:
    if config.git is None:
        raise CommandError(
            f"{config.name} has no Git repository (hh_git_repository): compare a directory instead, with"
            " --desired DIR."
        )
    return config.git


async def _export_fabric(fabric_ref: str) -> tuple[FabricConfig, str]:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Reading Git and Kubernetes of {fabric.config.name}"):
            manifests = await probes.export(session.loops, fabric.config, fabric.last_known)
        return fabric.config, manifests
