"""What is measured of activities, with a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from sys import prefix

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.errors import NoResponseError, PermanentError, TransientError
from activities.heartbeat import HeartbeatInterceptor
from tests.support.metrics import count_from_now
from workers.activity_metrics import ActivityMetricsInterceptor

pytestmark = pytest.mark.server

QUEUE = "metrics"
ERRORS = {
    "no_response": NoResponseError("It does not answer."),
    "transient": TransientError("Not now."),
    "permanent": PermanentError("Never."),
    "unexpected": ZeroDivisionError("a bug"),
}


@workflow.defn
class CallOnce:
    """Calls one activity once."""

    @workflow.run
    async def run(self, name: str, result: str) -> None:
        """Call the activity that has this result."""
        await workflow.execute_activity(
            name,
            result,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


@activity.defn(name="observe")
async def observe(result: str) -> None:
    """Succeed, or fail with the error of this result."""
    if result in ERRORS:
        raise ERRORS[result]
    await asyncio.sleep(0)


@activity.defn(name="diagnose")
async def diagnose(result: str) -> None:
    """Do what no phase of a sync is."""


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """A client of a server with a worker for these activities."""
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
            dev_server_startup_timeout=timedelta(minutes=1),
        ) as env,
        Worker(
            env.client,
            task_queue=QUEUE,
            workflows=[CallOnce],
            activities=[observe, diagnose],
            interceptors=[HeartbeatInterceptor(), ActivityMetricsInterceptor()],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
    ):
        yield env.client


async def call(client: Client, name: str, result: str) -> None:
    """Call an activity and wait for its end."""
    await client.execute_workflow(
        CallOnce.run, args=[name, result], id=f"{name}-{result}", task_queue=QUEUE
    )


async def test_activity_of_a_phase_is_measured(client: Client) -> None:
    runs = count_from_now("fabric_sync_phase_runs_total", phase="observe", result="ok")
    duration = count_from_now("fabric_sync_phase_duration_seconds_count", phase="observe")
    lateness = count_from_now("fabric_sync_phase_lateness_seconds_count", phase="observe")
    await call(client, "observe", "ok")
    assert (runs(), duration(), lateness()) == (1, 1, 1)


@pytest.mark.parametrize("result", ERRORS)
async def test_failed_activity_counts_by_its_error(client: Client, result: str) -> None:
    runs = count_from_now("fabric_sync_phase_runs_total", phase="observe", result=result)
    duration = count_from_now("fabric_sync_phase_duration_seconds_count", phase="observe")
    with pytest.raises(WorkflowFailureError):
        await call(client, "observe", result)
    assert (runs(), duration()) == (1, 1)


async def test_what_people_start_is_no_phase(client: Client) -> None:
    duration = count_from_now("fabric_sync_phase_duration_seconds_count", phase="observe")
    await call(client, "diagnose", "ok")
    assert duration() == 0
