"""The fleet on the real stack: whatever people do in NetBox, each record has its loop and a true status."""

import asyncio

from temporalio.client import WorkflowHandle

from activities.netbox import CLUSTERS
from fabrics.fleet import FLEET_ID
from fabrics.fleet_summary import FleetSummary
from tests.e2e.installation import SERVERS, Fabric, Installation, in_yaml, until
from workflows.fleet import Fleet

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
SOON = 40
"""Seconds within which an edit in NetBox counts."""


async def ended(fabric: Fabric) -> str:
    """How its loop ended."""
    return await asyncio.wait_for(fabric.handle.result(), SOON)


async def edit(fabric: Fabric, **fields: object) -> None:
    """Change the record as the API of NetBox does for people."""
    await asyncio.to_thread(fabric.netbox.change, CLUSTERS, fabric.record_id, fields)


def fleet_of(installation: Installation) -> WorkflowHandle[Fleet, None]:
    """The fleet of this test."""
    return installation.client.get_workflow_handle_for(Fleet.run, FLEET_ID)


async def look(installation: Installation) -> None:
    """Let the fleet look at once, as a webhook does."""
    await fleet_of(installation).signal(Fleet.record_changed)


async def summary(installation: Installation) -> FleetSummary:
    """What the fleet says."""
    return await fleet_of(installation).query(Fleet.summary)


async def test_an_edit_in_netbox_counts_soon(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    async with installation.worker():
        await fabric.recorded("disabled", SOON)
        await edit(fabric, custom_fields={"hh_sync_enabled": True})
        await fabric.recorded("in_sync", SOON)


async def test_records_alone_start_and_end_loops(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=None, hh_sync_interval=3600)
    async with installation.worker():
        record = await fabric.recorded("in_sync", SOON)
        assert record["fabric_id"] == fabric.fabric_id
        await edit(fabric, custom_fields={"hh_sync_enabled": False})
        await look(installation)
        assert await ended(fabric) == "disabled"
        await fabric.recorded("disabled")
        await edit(fabric, custom_fields={"hh_sync_enabled": True})
        await look(installation)
        await fabric.recorded("in_sync")
        await edit(fabric, status="planned")
        await look(installation)
        assert await ended(fabric) == "disabled"
        await edit(fabric, status="active")
        await look(installation)
        await fabric.recorded("in_sync")
        await asyncio.to_thread(fabric.netbox.delete, CLUSTERS, fabric.record_id)
        await look(installation)
        assert await ended(fabric) == "record deleted"


async def test_what_was_terminated_comes_back(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS)
    async with installation.worker():
        await fabric.recorded("in_sync", SOON)
        before = (await fabric.handle.describe()).run_id
        await fabric.handle.terminate()
        await fleet_of(installation).terminate()

        async def loop() -> str | None:
            return (await fabric.handle.describe()).run_id

        await until(loop, lambda run: run != before, seconds=SOON)
        await fabric.synced(1)
        told = await until(
            lambda: summary(installation), lambda told: told.loops == 1, seconds=SOON
        )
        assert (told.states, told.error, told.problems) == ({"in_sync": 1}, "", ())
