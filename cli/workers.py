"""Whether a worker is there for a task queue, as far as Temporal knows.

It knows in two ways, each blind in its own: who asked for work lately (an answer that may be seconds
old, and lists workers long after they are gone), and what workers last said of themselves (once a
minute, where the server keeps that list). A worker that was stopped is noticed at once, one that was
killed after `GONE_AFTER`.
"""

import asyncio
import time
from datetime import timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import DescribeTaskQueueMode, TaskQueueType, WorkerStatus
from temporalio.api.taskqueue.v1 import TaskQueue, TaskQueueVersionSelection
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.client import Client
from temporalio.service import RPCError

DEADLINE: Final = timedelta(seconds=10)

GONE_AFTER: Final = 90.0
"""Seconds: workers ask for work, and speak of themselves, at least every 60."""

KINDS: Final = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
STOPPED: Final = (
    WorkerStatus.WORKER_STATUS_SHUTTING_DOWN,
    WorkerStatus.WORKER_STATUS_SHUTDOWN,
)


async def takes_work(client: Client, queue: str) -> bool:
    """Whether a worker takes work of any kind from `queue`."""
    polling, listed = await asyncio.gather(_polling(client, queue), _listed(client, queue))
    stopped = {worker.worker_identity for worker in listed if worker.status in STOPPED}
    alive = {worker.worker_identity for worker in listed if _is_fresh(worker.heartbeat_time)}
    return bool((polling | alive) - stopped)


async def _polling(client: Client, queue: str) -> set[str]:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        # The default mode tells of one of the queue's partitions only.
        api_mode=DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
        versions=TaskQueueVersionSelection(unversioned=True, all_active=True),
        task_queue_types=KINDS,
        report_pollers=True,
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=DEADLINE)
    return {
        poller.identity
        for version in answer.versions_info.values()
        for kind in version.types_info.values()
        for poller in kind.pollers
        if _is_fresh(poller.last_access_time)
    }


async def _listed(client: Client, queue: str) -> list[WorkerHeartbeat]:
    request = ListWorkersRequest(
        namespace=client.namespace, query=f"TaskQueue = '{queue}'", page_size=1000
    )
    try:
        answer = await client.workflow_service.list_workers(request, timeout=DEADLINE)
    except RPCError:
        return []
    return [info.worker_heartbeat for info in answer.workers_info]


def _is_fresh(moment: Timestamp) -> bool:
    return moment.ToMicroseconds() / 1e6 > time.time() - GONE_AFTER
