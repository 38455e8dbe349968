"""`notify`: what the targets of notifications were told, and a test of each."""

import asyncio
from typing import Annotated

import typer

from activities.checks import Check
from cli import console
from cli.options import AsJson
from cli.session import open_session
from cli.temporal.notification_targets import check_targets, send_test_messages
from cli.views.results import show_checks

Test = Annotated[bool, typer.Option("--test", help="Send a test message to each target.")]


def notify(test: Test = False, json: AsJson = False) -> None:
    """Show what the targets of notifications were told; with --test, test them."""
    show_checks(asyncio.run(_ask_targets(test=test)), json)


async def _ask_targets(*, test: bool) -> list[Check]:
    ask = send_test_messages if test else check_targets
    async with open_session() as session:
        with console.progress("Asking the targets of notifications"):
            return await ask(session.loops)
