"""`accept`: draft a rule for Git that accepts a difference."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated

import typer
from pydantic import BaseModel

from cli import console
from cli.errors import CommandError
from cli.fabrics.accepted_rule import draft_rule
from cli.options import AsJson, FabricName
from cli.session import open_session
from cli.temporal import probes
from fabrics.drift.acceptance.rules import RULES_FILE
from fabrics.drift.diff_report import DiffReport
from fabrics.record.config import FabricConfig

ObjectRef = Annotated[
    str,
    typer.Argument(metavar="OBJECT", help="KIND/NAMESPACE/NAME as `diff` prints it, or NAME."),
]
FieldPath = Annotated[
    str,
    typer.Argument(
        metavar="[PATH]", help="Only this field and those below it; default all, later ones too."
    ),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why the difference is accepted.")]
Until = Annotated[
    str, typer.Option(metavar="DATE", help="The last day (UTC), as 2027-03-31; default for ever.")
]


class RuleOutput(BaseModel, frozen=True):
    """The JSON of `accept`: lines for a file in the fabric's directory in Git."""

    file: str
    lines: str


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
            f"Append these lines to {RULES_FILE} in {config.git.place}, commit and push: the next sync"
            " accepts the difference."
        )


def _parse_last_day(text: str) -> date:
    try:
        last_day = date.fromisoformat(text)
    except ValueError:
        raise CommandError("--until takes a date, such as 2027-03-31.") from None
    if last_day < datetime.now(UTC).date():
        raise CommandError(f"{text} has passed: --until takes the last day of the rule.")
    return last_day


async def _find_differences(fabric_ref: str) -> tuple[FabricConfig, DiffReport]:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Comparing Git and Kubernetes of {fabric.config.name}"):
            report = await probes.diff(session.loops, fabric.config, fabric.last_known)
        return fabric.config, report
