"""Actions on the fleet and queries of its state."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from temporalio.client import Client, WorkflowHandle

from activities.netbox.client import CLUSTERS_PATH, JOURNAL_PATH, NetBox, Row
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.fleet.summary import FleetSummary
from tests.support.system.installation import (
    Fabric,
    Installation,
    query_until_answered,
    wait_until,
)
from workflows.fleet import Fleet

EDIT_TIMEOUT_SECONDS = 40
"""Seconds within which an edit in NetBox takes effect."""


def fleet_handle(client: Client) -> WorkflowHandle[Fleet, None]:
    """Return the handle of the fleet workflow."""
    return client.get_workflow_handle_for(Fleet.run, FLEET_WORKFLOW_ID)


async def fleet_summary(installation: Installation) -> FleetSummary:
    """Query the summary of the fleet."""
    return await query_until_answered(fleet_handle(installation.client), Fleet.summary)


async def request_round(installation: Installation) -> None:
    """Make the fleet start a round now, as a webhook does."""
    await fleet_handle(installation.client).signal(Fleet.record_changed)


async def wait_for_round(
    installation: Installation, seconds: float = EDIT_TIMEOUT_SECONDS
) -> FleetSummary:
    """Return the fleet's summary after a round that starts now."""
    before = datetime.now(UTC)
    await request_round(installation)
    return await wait_until(
        partial(fleet_summary, installation),
        lambda summary: summary.checked is not None and summary.checked > before,
        seconds,
    )


async def wait_for_end(fabric: Fabric) -> str:
    """Wait until the loop completes, and return its result."""
    return await asyncio.wait_for(fabric.handle.result(), EDIT_TIMEOUT_SECONDS)


async def first_run_id(fabric: Fabric) -> str:
    """Return the id of the first run, which continue-as-new does not change."""
    description = await fabric.handle.describe()
    return description.raw_description.workflow_execution_info.first_run_id


async def edit(fabric: Fabric, **fields: object) -> None:
    """Change the record through NetBox's API."""
    await asyncio.to_thread(fabric.netbox.update, CLUSTERS_PATH, fabric.record_id, fields)


async def journal(fabric: Fabric) -> list[str]:
    """Return the texts of the record's journal entries."""

    def list_entries() -> list[Row]:
        return list(fabric.netbox.list_rows(JOURNAL_PATH, assigned_object_id=fabric.record_id))

    return [
        entry["comments"]
        for entry in await asyncio.to_thread(list_entries)
        if entry["assigned_object_id"] == fabric.record_id
    ]


async def running_loops(client: Client) -> list[str]:
    """Return the workflow ids of all running loops; duplicates are listed twice."""
    query = "WorkflowType = 'FabricSync' AND ExecutionStatus = 'Running'"
    return sorted([loop.id async for loop in client.list_workflows(query)])


async def wait_until_listed(client: Client, loop_id: str) -> None:
    """Wait until Temporal lists a loop that runs, which takes it a moment.

    Commands take a loop that is not listed for a lost one.
    """
    await wait_until(partial(running_loops, client), lambda ids: loop_id in ids)


async def only_these_run(client: Client, fabrics: Iterable[Fabric]) -> bool:
    """True if each of these fabrics has exactly one loop and no other runs."""
    return await running_loops(client) == sorted(fabric.handle.id for fabric in fabrics)


@asynccontextmanager
async def temporarily_changed(
    netbox: NetBox, path: str, key: int, **fields: object
) -> AsyncIterator[None]:
    """Change an object of NetBox, and restore it at the end."""
    [before] = [row for row in await asyncio.to_thread(list_all, netbox, path) if row["id"] == key]
    await asyncio.to_thread(netbox.update, path, key, fields)
    try:
        yield
    finally:
        await asyncio.to_thread(netbox.update, path, key, {name: before[name] for name in fields})


def list_all(netbox: NetBox, path: str) -> list[Row]:
    """Return all objects at an API path."""
    return list(netbox.list_rows(path))
