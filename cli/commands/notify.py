"""`notify`: the targets of notifications, and a test message to each."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import BaseModel

from activities.checks import Check
from cli import console
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.options import AsJson
from cli.session import open_session
from cli.temporal.notification_targets import check_targets, send_test_messages
from cli.views.tables import render_check_table

Test = Annotated[bool, typer.Option("--test", help="Send a test message to each target.")]

NO_TARGETS = (
    "No target of notifications is known: name some in the file of FABRIC_SYNC_NOTIFICATIONS_FILE."
)


class NotifyOutput(BaseModel, frozen=True):
    """The JSON of `notify`."""

    targets: Sequence[Check]


def notify(test: Test = False, json: AsJson = False) -> None:
    """Show what the targets of notifications were told; with --test, test them."""
    checks = asyncio.run(_ask_targets(test=test))
    table = render_check_table(checks) if checks else NO_TARGETS
    console.show_result(NotifyOutput(targets=checks), table, json)
    raise typer.Exit(EXIT_OK if all(check.ok for check in checks) else EXIT_UNHEALTHY)


async def _ask_targets(*, test: bool) -> list[Check]:
    async with open_session() as session:
        with console.progress("Asking the targets"):
            return await (send_test_messages if test else check_targets)(session.loops)
