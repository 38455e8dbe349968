"""The last syncs of a fabric: `history`."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from cli import console
from cli.fabrics.fabric import Fabric
from cli.options import AsJson, FabricName
from cli.session import open_session
from cli.temporal.loop_client import NoLoop
from cli.views.results import HistoryOutput
from cli.views.tables import compute_median_lateness, render_history_table
from fabrics.loop.report import SyncReport


def history(fabric: FabricName, json: AsJson = False) -> None:
    """Show a fabric's last syncs: when, why, how late, how long, and what they found."""
    found, reports = asyncio.run(_get_history(fabric))
    if json:
        console.show_json(
            HistoryOutput(
                name=found.config.name,
                fabric_id=found.fabric_id,
                median_lateness=compute_median_lateness(reports),
                syncs=reports,
            )
        )
    elif reports:
        console.show(render_history_table(reports, datetime.now(UTC)))
    else:
        console.show(f"{found.config.name} has not been synced since its loop began.")


async def _get_history(fabric_ref: str) -> tuple[Fabric, Sequence[SyncReport]]:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Asking the loop of {fabric.config.name}"):
            try:
                return fabric, await session.loops.get_history(fabric.fabric_id)
            except NoLoop:
                return fabric, []
