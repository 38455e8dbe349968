"""Pending work of a loop, as Temporal knows it without asking a worker."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client
from temporalio.service import RPCError

from fabrics.inventory.report.report import InventoryProgress
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.loop import workflow_id

RPC_TIMEOUT: Final = timedelta(seconds=10)
"""For what Temporal answers by itself, and for a worker to answer an update."""

MAX_CONCURRENT_CALLS: Final = 20
"""Calls at the same time: Temporal answers hundreds a second."""

UPDATE_INVENTORY_ACTIVITY: Final = "update_inventory"


async def find_pending_since(client: Client, fabric_ids: Iterable[str]) -> Mapping[str, datetime]:
    """Return by fabric id since when a loop has had work that no worker has taken."""
    limit = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

    async def find(fabric_id: str) -> tuple[str, datetime | None]:
        async with limit:
            return fabric_id, await _get_pending_since(client, fabric_id)

    found = await asyncio.gather(*map(find, fabric_ids))
    return {fabric_id: since for fabric_id, since in found if since}


async def get_inventory_progress(client: Client, fabric_id: str) -> InventoryProgress | None:
    """Return the progress from the latest heartbeat of the inventory's update."""
    description = await _describe(client, inventory_workflow_id(fabric_id))
    for activity in description.pending_activities:
        payloads = activity.heartbeat_details.payloads
        if activity.activity_type.name == UPDATE_INVENTORY_ACTIVITY and payloads:
            [progress] = await client.data_converter.decode(payloads, [InventoryProgress])
            return InventoryProgress.model_validate(progress)
    return None


async def _get_pending_since(client: Client, fabric_id: str) -> datetime | None:
    try:
        loop = await _describe(client, workflow_id(fabric_id))
    except RPCError:
        return None  # it has just ended
    return min(_iter_pending_times(loop), default=None)


async def _describe(client: Client, id_: str) -> DescribeWorkflowExecutionResponse:
    handle = client.get_workflow_handle(id_)
    return (await handle.describe(rpc_timeout=RPC_TIMEOUT)).raw_description


def _iter_pending_times(loop: DescribeWorkflowExecutionResponse) -> Iterable[datetime]:
    if loop.HasField("pending_workflow_task"):
        yield loop.pending_workflow_task.original_scheduled_time.ToDatetime(UTC)
    for activity in loop.pending_activities:
        if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
            yield activity.scheduled_time.ToDatetime(UTC)
