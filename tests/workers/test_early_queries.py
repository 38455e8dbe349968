"""Queries that wait while no worker runs, with a real Temporal server."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from sys import prefix
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from temporal import EarlyQueryInterceptor
from tests.support.system.installation import wait_until
from workers.early_queries import EarlyQueryRefusingRunner

pytestmark = pytest.mark.server

WORKFLOWS = 20
"""A worker takes some of their queries before the tasks that are waiting, too."""


ROUNDING = timedelta(microseconds=10)


@workflow.defn
class Clock:
    """Notes when signals were handled."""

    def __init__(self) -> None:
        self._signals = 0
        self._times: list[datetime] = []

    @workflow.run
    async def run(self) -> None:
        """Note the time of each signal."""
        while True:
            await workflow.wait_condition(lambda: self._signals > len(self._times))
            self._times.append(workflow.now())

    @workflow.signal
    def tick(self) -> None:
        """Ask for the time."""
        self._signals += 1

    @workflow.query
    def times(self) -> list[datetime]:
        """Return all times."""
        return self._times


def run_worker(client: Client, queue: str) -> Worker:
    """Return a worker that knows no workflow yet."""
    return Worker(
        client,
        task_queue=queue,
        workflows=[Clock],
        workflow_runner=EarlyQueryRefusingRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_all_modules()
        ),
    )


async def test_query_that_waited_for_a_worker_moves_no_workflow_on_with_an_old_clock() -> None:
    queue = uuid4().hex
    async with await WorkflowEnvironment.start_local(
        interceptors=[EarlyQueryInterceptor()],
        dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
    ) as env:
        async with run_worker(env.client, queue):
            clocks = [
                await env.client.start_workflow(Clock.run, id=f"{queue}-{number}", task_queue=queue)
                for number in range(WORKFLOWS)
            ]
            for clock in clocks:
                assert await clock.query(Clock.times) == []
        queries = [asyncio.create_task(clock.query(Clock.times)) for clock in clocks]
        await asyncio.gather(*(clock.describe() for clock in clocks))  # the queries have come first
        await asyncio.gather(*(clock.signal(Clock.tick) for clock in clocks))
        async with run_worker(env.client, queue):
            await asyncio.gather(*queries)
            for clock in clocks:
                await wait_until(partial(clock.query, Clock.times), bool)
                [time] = await clock.query(Clock.times)
                assert abs(time - await read_start_of_last_task(clock)) < ROUNDING


async def read_start_of_last_task(workflow: WorkflowHandle[Clock, None]) -> datetime:
    """Return when the last workflow task started."""
    history = await workflow.fetch_history()
    return [
        event.event_time.ToDatetime(UTC)
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
    ][-1]
