"""`diff`: compare Git with a fabric, field by field; `accept`: tolerate a difference."""

import asyncio
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from cli import console
from cli.errors import CommandError
from cli.fabrics.accepted_rule import draft_rule
from cli.fabrics.offline import OfflineFiles, pack_manifests, read_live
from cli.options import AsJson, FabricName, LiveFile, OptionalFabricName
from cli.session import open_session
from cli.temporal import probes
from cli.views.diff import render_diff
from cli.views.diff_markdown import render_markdown
from fabrics.drift.acceptance.judge import accept as accept_differences
from fabrics.drift.acceptance.rules import RULES_FILE
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
    typer.Option(help="Print manifests that bring Git to the live state, and no difference."),
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
ObjectRef = Annotated[
    str,
    typer.Argument(metavar="OBJECT", help="KIND/NAMESPACE/NAME as `diff` prints it, or NAME."),
]
FieldPath = Annotated[
    str,
    typer.Argument(metavar="[PATH]", help="Only this field and those below it; default all."),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why the difference is accepted.")]
Until = Annotated[
    str, typer.Option(metavar="DATE", help="The last day (UTC), as 2027-03-31; default for ever.")
]


class ExportOutput(BaseModel, frozen=True):
    """The JSON of `diff --export`."""

    manifests: str


class RuleOutput(BaseModel, frozen=True):
    """The JSON of `accept`: lines for a file in the fabric's directory in Git."""

    file: str
    lines: str


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

    With --desired, --branch or --commit, a worker compares that with the fabric instead of the branch that it
    follows. Nothing is stored or changed. Exit status: 0 no drift, 1 drift, 2 failure.
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
            _show_manifests(asyncio.run(_export_fabric(fabric)), json)
            return
        packed_files = pack_manifests(desired) if desired else ""
        report = asyncio.run(_diff_fabric(fabric, branch, commit, packed_files))
    else:
        raise CommandError("Give either a FABRIC, or both --desired DIR and --live FILE.json.")
    if markdown and not json:
        console.show_line(render_markdown(report))
    else:
        console.show_result(report, render_diff(report), json)
    raise typer.Exit(report.exit_code)


def accept(  # noqa: PLR0913, PLR0917  one parameter an option
    fabric: FabricName,
    object_ref: ObjectRef,
    path: FieldPath = "",
    reason: Reason = "",
    until: Until = "",
    json: AsJson = False,
) -> None:
    """Print a rule that accepts a difference, to be committed to Git. Writes nothing."""
    if not reason:
        raise CommandError("Say why the difference is accepted: --reason TEXT.")
    last_day = _parse_last_day(until) if until else None
    config, report = asyncio.run(_find_differences(fabric))
    lines = draft_rule(report, object_ref, path, reason, last_day)
    if json:
        console.show_json(RuleOutput(file=RULES_FILE, lines=lines))
        return
    console.show_line(lines)
    if config.git:
        console.note(
            f"Append these lines to {RULES_FILE} in the directory {config.git.directory} of"
            f" {config.git.repository}, branch {config.git.branch}, and commit that."
        )


def _check_no_other_desired(desired: Path | None, branch: str, commit: str) -> None:
    if desired or branch or commit:
        raise CommandError("--export compares nothing: leave out --desired, --branch and --commit.")


def _show_manifests(manifests: str, json: bool) -> None:
    if json:
        console.show_json(ExportOutput(manifests=manifests))
    else:
        console.show_line(manifests.rstrip("\n"))


def _parse_last_day(text: str) -> date:
    try:
        last_day = date.fromisoformat(text)
    except ValueError:
        raise CommandError("--until takes a date, such as 2027-03-31.") from None
    if last_day < datetime.now(UTC).date():
        raise CommandError(f"{text} has passed: --until takes the last day of the rule.")
    return last_day


def _select(files: OfflineFiles, live: LiveState, fabric_name: str) -> FabricSelection:
    try:
        return select_fabric(fabric_name, files.desired, live)
    except UnknownFabricError as error:
        raise CommandError(str(error)) from None


def _diff_files(files: OfflineFiles, live: LiveState, fabric_name: str) -> DiffReport:
    selection = _select(files, live, fabric_name)
    own = selection.desired or files.desired
    drift = find_drift(own, selection.compared_live)
    judged = accept_differences(drift, files.rules, datetime.now(UTC).date())
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


async def _find_differences(fabric_ref: str) -> tuple[FabricConfig, DiffReport]:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Comparing Git and Kubernetes of {fabric.config.name}"):
            report = await probes.diff(session.loops, fabric.config, fabric.last_known)
        return fabric.config, report


async def _export_fabric(fabric_ref: str) -> str:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Reading Git and Kubernetes of {fabric.config.name}"):
            return await probes.export(session.loops, fabric.config, fabric.last_known)
