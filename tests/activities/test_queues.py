"""Whether a queue has a worker, as a real Temporal server knows it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from sys import prefix
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities import queues
from tests.support.system.installation import until

SHORT = 3.0
"""Seconds, instead of the minute and more after which a worker that was killed is missed."""


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A server whose workers report every second."""
    runtime = Runtime(telemetry=TelemetryConfig(), worker_heartbeat_interval=timedelta(seconds=1))
    server = str(Path(prefix, "bin", "temporal"))
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=server,
        dev_server_startup_timeout=timedelta(minutes=1),
        runtime=runtime,
    ) as env:
        yield env.client


@pytest.fixture
def queue() -> str:
    """A queue of its own."""
    return f"site-{uuid4().hex[:8]}"


class Work:
    """An activity that takes the slot until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    @activity.defn
    def hold(self) -> None:
        """Hold the slot."""
        self.begun.set()
        self.go.wait()


@workflow.defn(sandboxed=False)
class Hold:
    """Has the activity done on a queue."""

    @workflow.run
    async def run(self, queue: str) -> None:
        """Until it ends."""
        await workflow.execute_activity_method(
            Work.hold, task_queue=queue, start_to_close_timeout=timedelta(minutes=5)
        )


@asynccontextmanager
async def worker(client: Client, queue: str, work: Work) -> AsyncIterator[None]:
    """A worker with one slot."""
    with ThreadPoolExecutor(1) as threads:
        async with Worker(
            client,
            task_queue=queue,
            workflows=[Hold],
            activities=[work.hold],
            activity_executor=threads,
            max_concurrent_activities=1,
            identity=f"worker-{uuid4().hex[:8]}",
        ):
            try:
                yield
            finally:
                work.go.set()


async def test_a_worker_is_seen_while_it_is_there(client: Client, queue: str) -> None:
    assert not await queues.queue_has_worker(client, queue)
    async with worker(client, queue, Work()):
        await until(partial(queues.queue_has_worker, client, queue), bool, seconds=10)
    await until(
        partial(queues.queue_has_worker, client, queue), lambda there: not there, seconds=10
    )
    async with worker(client, queue, Work()):
        await until(partial(queues.queue_has_worker, client, queue), bool, seconds=10)


async def test_a_worker_without_a_free_slot_is_no_missing_worker(
    client: Client, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "WORKER_LOST_AFTER_SECONDS", SHORT)
    work, elsewhere = Work(), f"{queue}-loops"
    async with worker(client, elsewhere, Work()), worker(client, queue, work):
        await client.start_workflow(Hold.run, queue, id=queue, task_queue=elsewhere)
        assert await asyncio.to_thread(work.begun.wait, 20)
        await until(partial(asks, client, queue), lambda asking: not asking)
        await until(partial(queues.queue_has_worker, client, queue), bool, seconds=10)


async def asks(client: Client, queue: str) -> set[str]:
    """Who asked for activities lately."""
    return await queues._list_pollers(client, (queue, queues.ACTIVITY_QUEUE_TYPE))
