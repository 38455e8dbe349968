"""Whether a worker is there for a task queue, as far as Temporal knows.

Temporal knows who asked for work lately, partition by partition, and what workers reported of
themselves; it goes on listing them for minutes after they are gone. A worker whose slots are all taken
does not ask, but reports; one that was stopped is told by its own last word; one that was killed is
missed after `WORKER_LOST_AFTER_SECONDS`.
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
"""Seconds: workers with a free slot ask for work at least every 60, and all report every 60."""

WORKFLOW_QUEUE_TYPE: Final = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITY_QUEUE_TYPE: Final = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
STOPPED_STATUSES: Final = (
    WorkerStatus.WORKER_STATUS_SHUTTING_DOWN,
    WorkerStatus.WORKER_STATUS_SHUTDOWN,
)

type Partition = tuple[str, TaskQueueType.ValueType]


@dataclass(frozen=True)
class QueueActivities:
    """What a workflow may ask about queues."""

    client: Client

    @activity.defn
    async def has_worker(self, queue: str) -> bool:
        """Whether a worker takes work from `queue`. Raises `TransientError` where Temporal does not say."""
        try:
            return await queue_has_worker(self.client, queue)
        except RPCError as error:
            raise TransientError(f"Temporal does not say who works on {queue}.") from error


async def queue_has_worker(client: Client, queue: str) -> bool:
    """Whether a worker takes work of any kind from `queue`."""
    partitions = await _list_partitions(client, queue)
    running, stopped = await _list_reported_workers(client, queue)
    polling = await asyncio.gather(*(_list_pollers(client, each) for each in partitions))
    return bool(running.union(*polling) - stopped)


async def _list_partitions(client: Client, queue: str) -> Iterable[Partition]:
    """The parts of a queue; asked about the queue, Temporal tells of the first part alone."""
    request = ListTaskQueuePartitionsRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue)
    )
    answer = await client.workflow_service.list_task_queue_partitions(request, timeout=RPC_TIMEOUT)
    return [
        *((part.key, WORKFLOW_QUEUE_TYPE) for part in answer.workflow_task_queue_partitions),
        *((part.key, ACTIVITY_QUEUE_TYPE) for part in answer.activity_task_queue_partitions),
    ]


async def _list_pollers(client: Client, partition: Partition) -> set[str]:
    """Workers that asked for work there and may still be alive."""
    name, kind = partition
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT)
    return {poller.identity for poller in answer.pollers if _is_recent(poller.last_access_time)}


async def _list_reported_workers(client: Client, queue: str) -> tuple[set[str], set[str]]:
    """Workers that lately reported to be running, and those that said goodbye.

    None where the server keeps no list of workers.
    """
    request = ListWorkersRequest(
        namespace=client.namespace, query=f"TaskQueue = '{queue}'", page_size=1000
    )
    try:
        answer = await client.workflow_service.list_workers(request, timeout=RPC_TIMEOUT)
    except RPCError:
        return set(), set()
    workers = [info.worker_heartbeat for info in answer.workers_info]
    return (
        {each.worker_identity for each in workers if _is_recent(each.heartbeat_time)},
        {each.worker_identity for each in workers if each.status in STOPPED_STATUSES},
    )


def _is_recent(moment: Timestamp) -> bool:
    return moment.ToMicroseconds() / 1e6 > time.time() - WORKER_LOST_AFTER_SECONDS
