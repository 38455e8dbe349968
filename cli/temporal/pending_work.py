"""Loops that wait for a worker: how long they have, as Temporal knows without asking any worker."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client
from temporalio.service import RPCError

from fabrics.loop.loop import workflow_id

RPC_TIMEOUT: Final = timedelta(seconds=10)
MAX_CONCURRENT_CALLS: Final = 20
"""Calls at the same time: Temporal answers hundreds a second."""


async def find_pending_since(client: Client, fabric_ids: Iterable[str]) -> Mapping[str, datetime]:
    """By fabric id, since when a loop has had something to do that no worker has taken."""
    limit = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

    async def look(fabric_id: str) -> tuple[str, datetime | None]:
        async with limit:
            return fabric_id, await _get_pending_since(client, fabric_id)

    looks = await asyncio.gather(*map(look, fabric_ids))
    return {fabric_id: since for fabric_id, since in looks if since}


async def _get_pending_since(client: Client, fabric_id: str) -> datetime | None:
    try:
        loop = await client.get_workflow_handle(workflow_id(fabric_id)).describe(
            rpc_timeout=RPC_TIMEOUT
        )
    except RPCError:
        return None  # it has just ended
    return min(_iter_pending_times(loop.raw_description), default=None)


def _iter_pending_times(description: DescribeWorkflowExecutionResponse) -> Iterable[datetime]:
    if description.HasField("pending_workflow_task"):
        yield _to_datetime(description.pending_workflow_task.original_scheduled_time)
    for call in description.pending_activities:
        if call.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
            yield _to_datetime(call.scheduled_time)


def _to_datetime(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(UTC)
