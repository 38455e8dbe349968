"""Edits in NetBox take effect without any message or webhook."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from activities.netbox.client import CLUSTERS_PATH
from fabrics.loop.report import SyncReport
from tests.support.system.fleet import edit, wait_for_end
from tests.support.system.installation import SERVERS, Installation, in_yaml, wait_until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
NEXT_SYNC = timedelta(seconds=60)
"""Far less than to the slot before the edit, an hour later."""


async def test_edits_take_effect_without_a_message(installation: Installation) -> None:
    off, planned, deleted, shorter = [
        await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600) for _ in range(4)
    ]
    async with installation.worker():
        for fabric in (off, planned, deleted, shorter):
            await fabric.wait_for_status("in_sync")
        await edit(shorter, custom_fields={"hh_sync_interval": 5})
        edited = datetime.now(UTC)
        await edit(off, custom_fields={"hh_sync_enabled": False})
        await edit(planned, status="planned")
        await asyncio.to_thread(deleted.netbox.delete, CLUSTERS_PATH, deleted.record_id)
        results = await asyncio.gather(
            wait_for_end(off), wait_for_end(planned), wait_for_end(deleted)
        )
        assert [*results] == ["disabled", "disabled", "record deleted"]
        for fabric in (off, planned):
            await fabric.wait_for_status("disabled", 1)

        def synced_since(reports: Sequence[SyncReport]) -> bool:
            return reports[-1].started > edited

        reports = await wait_until(shorter.history, synced_since)
        first = next(report.started for report in reports if report.started > edited)
        assert first - edited < NEXT_SYNC
