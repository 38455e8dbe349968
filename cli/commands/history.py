"""`history`: the last syncs of a fabric."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from cli import console
from cli.options import AsJson, FabricName
from cli.session import open_session
from cli.temporal.loop_client import NoLoop
from cli.views.results import HistoryOutput
from cli.views.tables import compute_median_lateness, render_history_table
from fabrics.loop.report import SyncReport


def history(fabric: FabricName, json: AsJson = False) -> None:
    """Show a fabric's last syncs: when, why, how late, how long, and what they found."""
    output = asyncio.run(_get_history(fabric))
    text = f"{output.name} has not been synced since its loop started."
    table = render_history_table(output.syncs, datetime.now(UTC))
    console.show_result(output, table if output.syncs else text, json)


async def _get_history(fabric_ref: str) -> HistoryOutput:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        reports: Sequence[SyncReport] = []
        with console.progress(f"Querying the loop of {fabric.config.name}"), suppress(NoLoop):
            reports = await session.loops.get_history(fabric.fabric_id)
        return HistoryOutput(
            name=fabric.config.name,
            fabric_id=fabric.fabric_id,
            median_lateness=compute_median_lateness(reports),
            syncs=reports,
        )
