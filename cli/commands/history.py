"""The last syncs of a fabric: `history`."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from cli import console
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, FabricName
from cli.session import open_session
from cli.temporal.loop_client import NoLoop
from cli.views.results import History
from cli.views.tables import history_table, median_lateness
from fabrics.loop.report import SyncReport


def history(fabric: FabricName, json: AsJson = False) -> None:
    """Show a fabric's last syncs: when, why, how late, how long, and what they found."""
    found, reports = asyncio.run(_history(fabric))
    if json:
        console.show_json(
            History(
                name=found.config.name,
                fabric_id=found.fabric_id,
                median_lateness=median_lateness(reports),
                syncs=reports,
            )
        )
    elif reports:
        console.show(history_table(reports, datetime.now(UTC)))
    else:
        console.show(f"{found.config.name} has not been synced since its loop began.")


async def _history(wanted: str) -> tuple[Fabric, Sequence[SyncReport]]:
    async with open_session() as session:
        fabric = await session.fabric(wanted)
        with console.progress(f"Asking the loop of {fabric.config.name}"):
            try:
                return fabric, await session.loops.history(fabric.fabric_id)
            except NoLoop:
                return fabric, []
