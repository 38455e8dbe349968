"""Detection of the workers of a queue, with a real Temporal server."""

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
from tests.support.system.installation import (
    DEFAULT_TIMEOUT_SECONDS,
    wait_for_worker,
    wait_until,
)

pytestmark = pytest.mark.server

SHORT = 3.0
"""Seconds after which a killed worker counts as lost, instead of more than a minute."""


@pytest.fixture(scope="module")
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
    """The name of a new queue."""
    return f"site-{uuid4().hex[:8]}"


class Work:
    """An activity that holds its slot until it is released."""

    def __init__(self) -> None:
        self.started, self.release = threading.Event(), threading.Event()

    @activity.defn
    def hold(self) -> None:
        """Hold the slot."""
        self.started.set()
        self.release.wait()


@workflow.defn(sandboxed=False)
class Hold:
    """Runs the activity on a queue."""

    @workflow.run
    async def run(self, queue: str) -> None:
        """Wait for the activity."""
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
                work.release.set()


async def test_queue_has_worker_while_one_runs(client: Client, queue: str) -> None:
    assert not await queues.queue_has_worker(client, queue)
    async with worker(client, queue, Work()):
        await wait_for_worker(client, queue)
    await wait_until(
        partial(queues.queue_has_worker, client, queue), lambda has_worker: not has_worker
    )
    async with worker(client, queue, Work()):
        await wait_for_worker(client, queue)


async def test_busy_worker_counts_as_worker(
    client: Client, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "WORKER_LOST_AFTER_SECONDS", SHORT)
    work, loops_queue = Work(), f"{queue}-loops"
    async with worker(client, loops_queue, Work()), worker(client, queue, work):
        running = await client.start_workflow(Hold.run, queue, id=queue, task_queue=loops_queue)
        assert await asyncio.to_thread(work.started.wait, DEFAULT_TIMEOUT_SECONDS)
        await wait_until(partial(list_pollers, client, queue), lambda pollers: not pollers)
        await wait_for_worker(client, queue)
        work.release.set()  # a worker that stopped as its only slot became free once never ended
        await running.result()


async def test_name_of_a_queue_matches_no_other_queue(client: Client, queue: str) -> None:
    async def list_reported(name: str) -> set[str]:
        reported, _ = await queues._list_reported_workers(client, name)
        return reported

    async with worker(client, queue, Work()):
        await wait_until(partial(list_reported, queue), bool)
        assert await list_reported(f"x' OR TaskQueue = '{queue}") == set()
        assert await list_reported("x\\") == set()


async def list_pollers(client: Client, queue: str) -> set[str]:
    """List the workers that polled for activities lately."""
    return await queues._list_pollers(client, (queue, queues.ACTIVITY_QUEUE_TYPE))
