"""What tests of the fleet do to it and ask it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from temporalio.client import Client, WorkflowHandle

from activities.netbox.client import CLUSTERS_PATH, JOURNAL_PATH, NetBox, Row
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.fleet.summary import FleetSummary
from tests.support.system.installation import Fabric, Installation, until
from workflows.fleet import Fleet

SOON = 40
"""Seconds within which an edit in NetBox counts."""


def fleet_of(client: Client) -> WorkflowHandle[Fleet, None]:
    """The fleet of a Temporal server."""
    return client.get_workflow_handle_for(Fleet.run, FLEET_WORKFLOW_ID)


async def summary(installation: Installation) -> FleetSummary:
    """What the fleet says."""
    return await fleet_of(installation.client).query(Fleet.summary)


async def look(installation: Installation) -> None:
    """Let the fleet look at once, as a webhook does."""
    await fleet_of(installation.client).signal(Fleet.record_changed)


async def looked(installation: Installation, seconds: float = SOON) -> FleetSummary:
    """What the fleet says after a round that began from now on and came to its end."""
    before = datetime.now(UTC)
    await look(installation)
    return await until(
        partial(summary, installation),
        lambda told: told.checked is not None and told.checked > before,
        seconds,
    )


async def ended(fabric: Fabric) -> str:
    """How its loop ended."""
    return await asyncio.wait_for(fabric.handle.result(), SOON)


async def run_id(fabric: Fabric) -> str | None:
    """Which run its loop is in; another one is another loop, or the same with a new history."""
    return (await fabric.handle.describe()).run_id


async def edit(fabric: Fabric, **fields: object) -> None:
    """Change the record as the API of NetBox does for people."""
    await asyncio.to_thread(fabric.netbox.update, CLUSTERS_PATH, fabric.record_id, fields)


async def journal(fabric: Fabric) -> list[str]:
    """What the record's journal says."""

    def entries() -> list[Row]:
        return list(fabric.netbox.list_rows(JOURNAL_PATH, assigned_object_id=fabric.record_id))

    return [
        entry["comments"]
        for entry in await asyncio.to_thread(entries)
        if entry["assigned_object_id"] == fabric.record_id
    ]


async def loops(client: Client) -> list[str]:
    """The ids of all loops that run, each as often as it does."""
    query = "WorkflowType = 'FabricSync' AND ExecutionStatus = 'Running'"
    return sorted([loop.id async for loop in client.list_workflows(query)])


async def loops_of(client: Client, fabrics: Iterable[Fabric]) -> bool:
    """Whether each of these fabrics has one loop, and nobody else has any."""
    return await loops(client) == sorted(fabric.handle.id for fabric in fabrics)


@asynccontextmanager
async def changed(netbox: NetBox, path: str, key: int, **fields: object) -> AsyncIterator[None]:
    """An object of NetBox with other values for a while."""
    [before] = [row for row in await asyncio.to_thread(rows, netbox, path) if row["id"] == key]
    await asyncio.to_thread(netbox.update, path, key, fields)
    try:
        yield
    finally:
        await asyncio.to_thread(netbox.update, path, key, {name: before[name] for name in fields})


def rows(netbox: NetBox, path: str) -> list[Row]:
    """All objects of one model."""
    return list(netbox.list_rows(path))
