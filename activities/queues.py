"""Detect whether a task queue has a worker, from what Temporal reports.

Temporal lists who polled lately, for each partition of a queue, and which status workers reported; both lists
keep workers for minutes after they are gone. A worker whose slots are all taken does not poll, but reports.
One that was stopped has reported that. One that was killed counts as lost after `WORKER_LOST_AFTER_SECONDS`.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType, WorkerStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    ListTaskQueuePartitionsRequest,
    ListWorkersRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from activities.errors import TransientError

RPC_TIMEOUT: Final = timedelta(seconds=10)

WORKER_LOST_AFTER_SECONDS: Final = 90.0
"""Workers with a free worker slot poll at least every 60 seconds, and all report every 60 seconds."""

WORKFLOW_QUEUE_TYPE: Final = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITY_QUEUE_TYPE: Final = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
STOPPED_STATUSES: Final = (
    WorkerStatus.WORKER_STATUS_SHUTTING_DOWN,
    WorkerStatus.WORKER_STATUS_SHUTDOWN,
)

type Partition = tuple[str, TaskQueueType.ValueType]


@dataclass(frozen=True)
class QueueActivities:
    """Activities on task queues."""

    client: Client

    @activity.defn
    async def has_worker(self, queue: str) -> bool:
        """Return whether `queue` has a worker. Raises `TransientError`."""
        try:
            return await queue_has_worker(self.client, queue)
        except RPCError as error:
            raise TransientError(f"Temporal does not list the workers of {queue}.") from error


async def queue_has_worker(client: Client, queue: str) -> bool:
    """Return whether a worker takes tasks of any type from `queue`."""
    partitions = await _list_partitions(client, queue)
    running, stopped = await _list_reported_workers(client, queue)
    pollers = await asyncio.gather(*(_list_pollers(client, part) for part in partitions))
    return bool(running.union(*pollers) - stopped)


async def _list_partitions(client: Client, queue: str) -> Iterable[Partition]:
    """List all partitions of a queue; describing the queue covers only the first."""
    name = TaskQueue(name=queue)
    request = ListTaskQueuePartitionsRequest(namespace=client.namespace, task_queue=name)
    reply = await client.workflow_service.list_task_queue_partitions(request, timeout=RPC_TIMEOUT)
    return [
        *((part.key, WORKFLOW_QUEUE_TYPE) for part in reply.workflow_task_queue_partitions),
        *((part.key, ACTIVITY_QUEUE_TYPE) for part in reply.activity_task_queue_partitions),
    ]


async def _list_pollers(client: Client, partition: Partition) -> set[str]:
    """Return the identities of workers that polled recently."""
    name, queue_type = partition
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=queue_type
    )
    reply = await client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT)
    return {poller.identity for poller in reply.pollers if _is_recent(poller.last_access_time)}


async def _list_reported_workers(client: Client, queue: str) -> tuple[set[str], set[str]]:
    """Return the identities of workers that reported recently, and of stopped ones.

    Both are empty if the server keeps no list of workers.
    """
    query = f"TaskQueue = '{_escape(queue)}'"
    request = ListWorkersRequest(namespace=client.namespace, query=query, page_size=1000)
    try:
        reply = await client.workflow_service.list_workers(request, timeout=RPC_TIMEOUT)
    except RPCError:
        return set(), set()
    reports = [info.worker_heartbeat for info in reply.workers_info]
    return (
        {report.worker_identity for report in reports if _is_recent(report.heartbeat_time)},
        {report.worker_identity for report in reports if report.status in STOPPED_STATUSES},
    )


def _escape(text: str) -> str:
    """Return a text for a query, so that it cannot end before its closing quote."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _is_recent(moment: Timestamp) -> bool:
    return moment.ToMicroseconds() / 1e6 > time.time() - WORKER_LOST_AFTER_SECONDS
