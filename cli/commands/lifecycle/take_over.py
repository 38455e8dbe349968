"""`take-over`: move all fabrics of a former installation to this one.

After a move to another Temporal, or once its namespace was created anew, records still name the former installation
as their owner. Those of a third one are never changed, even if they were the former's a moment ago.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer
from pydantic import BaseModel

from cli import console
from cli.commands.lifecycle.enable_disable import run_for_each, warn_if_no_worker
from cli.errors import CommandError
from cli.exit_codes import EXIT_FAILURE, EXIT_OK
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, Yes, require_terminal
from cli.session import Session, open_session
from cli.views.format import format_count, format_time_ago
from fabrics.record.installation import describe_other_owners
from fabrics.record.status_fields import find_other_owner

FormerInstallation = Annotated[
    str,
    typer.Option(
        "--from", metavar="INSTALLATION", help='Its name, as records show it ("Synced by").'
    ),
]


class TakeOverOutput(BaseModel, frozen=True):
    """The JSON of `take-over`: the names of the fabrics that moved here."""

    former: str
    taken_over: Sequence[str]


def take_over(former: FormerInstallation = "", yes: Yes = False, json: AsJson = False) -> None:
    """Take over all fabrics of a former installation, and start their loops."""
    taken, any_failed = asyncio.run(_take_over_fabrics(former, skip_confirmation=yes))
    names = [fabric.config.name for fabric in taken]
    sentence = f"Took over {_count(taken)} from {former}: {', '.join(names) or 'none'}."
    console.show_result(TakeOverOutput(former=former, taken_over=names), sentence, json)
    raise typer.Exit(EXIT_FAILURE if any_failed else EXIT_OK)


async def _take_over_fabrics(former: str, *, skip_confirmation: bool) -> tuple[list[Fabric], bool]:
    """Return the fabrics that were taken over, and whether any failed."""
    async with open_session() as session:
        with console.progress("Reading NetBox"):
            fabrics = await _select_fabrics_of(session, former)
        await warn_if_no_worker(session, "Records are moved now; loops sync once a worker runs.")
        if not skip_confirmation:
            _confirm_take_over(former, fabrics)
        return await run_for_each("Taking over", fabrics, partial(records.take_over, session))


async def _select_fabrics_of(session: Session, former: str) -> list[Fabric]:
    """Return the fabrics that `former` owns. Raises `CommandError` if there is none."""
    fabrics = await session.select_fabrics([])
    owners = [find_other_owner(fabric.record, session.instance) for fabric in fabrics]
    owned = [
        fabric for fabric, owner in zip(fabrics, owners, strict=True) if owner and owner == former
    ]
    if owned:
        return owned
    request = f"There is nothing to take over from {former}." if former else "Say from whom."
    others = describe_other_owners(owners) or ["No fabric belongs to another installation."]
    raise CommandError(" ".join((request, *others)))


def _confirm_take_over(former: str, fabrics: Sequence[Fabric]) -> None:
    require_terminal()
    syncs = (fabric.last_known.last_sync for fabric in fabrics)
    latest = max(filter(None, syncs), default=None)
    console.note(
        f"Last sync in these records: {format_time_ago(latest, datetime.now(UTC))}."
        " Where the former installation still runs, its loops of these fabrics end."
    )
    console.confirm(f"Take over {_count(fabrics)} from {former}?")


def _count(fabrics: Sequence[Fabric]) -> str:
    return "1 fabric" if len(fabrics) == 1 else f"{format_count(len(fabrics))} fabrics"
