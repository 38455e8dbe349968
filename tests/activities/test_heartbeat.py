"""Heartbeats and errors of activities, with a real worker and Temporal server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from threading import Event
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.errors import PermanentError, TransientError
from activities.heartbeat import TASK_NAME, HeartbeatInterceptor
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.system.installation import wait_until

pytestmark = pytest.mark.server

TIMEOUT = timedelta(seconds=20)
"""Four heartbeats fit into it; a busy machine may be late with some of them."""
RELEASE_TIMEOUT_SECONDS = 200
"""Longer than tests wait for heartbeats."""

SECRET = "s3cret-token"


@workflow.defn
class CallOnce:
    """Calls one activity with a number of attempts."""

    @workflow.run
    async def run(self, name: str, attempts: int) -> str:
        result: str = await workflow.execute_activity(
            name,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=TIMEOUT,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=1), maximum_attempts=attempts
            ),
        )
        return result


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Temporal server."""
    with closing(Supervisor(tmp_path_factory.mktemp("temporal"))) as supervisor:
        yield start_temporal(supervisor).address


@asynccontextmanager
async def calling(
    address: str, function: Callable[[], object], attempts: int = 1
) -> AsyncIterator[WorkflowHandle[CallOnce, str]]:
    """Run a workflow that calls the activity, on a worker with the interceptor."""
    client = await Client.connect(address)
    queue = uuid4().hex
    with ThreadPoolExecutor(1) as threads:
        async with Worker(
            client,
            task_queue=queue,
            workflows=[CallOnce],
            activities=[function],
            activity_executor=threads,
            max_concurrent_activities=1,
            interceptors=[HeartbeatInterceptor()],
            max_heartbeat_throttle_interval=timedelta(seconds=1),
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield await client.start_workflow(
                CallOnce.run, args=[function.__name__, attempts], id=queue, task_queue=queue
            )


async def pending(handle: WorkflowHandle[CallOnce, str]) -> PendingActivityInfo | None:
    description = await handle.describe()
    return next(iter(description.raw_description.pending_activities), None)


async def heartbeats(handle: WorkflowHandle[CallOnce, str], number: int) -> PendingActivityInfo:
    """Return the running activity after a number of heartbeats."""
    times: set[datetime] = set()

    async def poll() -> PendingActivityInfo | None:
        info = await pending(handle)
        if info and info.HasField("last_heartbeat_time"):
            times.add(info.last_heartbeat_time.ToDatetime())
        return info if len(times) >= number else None

    info = await wait_until(poll, lambda info: info is not None)
    assert info is not None
    return info


async def error_of(handle: WorkflowHandle[CallOnce, str]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ActivityError)
    assert isinstance(caught.value.cause.cause, ApplicationError)
    return caught.value.cause.cause


async def test_waiting_activity_sends_heartbeats(address: str) -> None:
    release = Event()

    @activity.defn
    def wait() -> str:
        assert release.wait(RELEASE_TIMEOUT_SECONDS)
        return "done"

    async with calling(address, wait) as handle:
        await heartbeats(handle, number=2)
        release.set()
        assert await handle.result() == "done"


async def test_heartbeats_repeat_last_details(address: str) -> None:
    release = Event()

    @activity.defn
    def work() -> str:
        activity.heartbeat("half", 2)
        assert release.wait(RELEASE_TIMEOUT_SECONDS)
        return "done"

    async with calling(address, work) as handle:
        info = await heartbeats(handle, number=2)
        release.set()
        await handle.result()

    assert [payload.data for payload in info.heartbeat_details.payloads] == [b'"half"', b"2"]


async def test_progress_survives_silent_attempt(address: str) -> None:
    release = Event()

    @activity.defn
    def resume() -> str:
        if activity.info().attempt == 1:
            activity.heartbeat("half")
            raise TransientError("Once more.")
        assert release.wait(RELEASE_TIMEOUT_SECONDS)
        return str(activity.info().heartbeat_details)

    async with calling(address, resume, attempts=2) as handle:
        info = await heartbeats(handle, number=2)
        release.set()
        assert await handle.result() == "['half']"

    assert info.attempt == 2
    assert [payload.data for payload in info.heartbeat_details.payloads] == [b'"half"']


async def test_heartbeats_end_with_the_activity(address: str) -> None:
    release = Event()

    @activity.defn
    def work() -> str:
        assert release.wait(RELEASE_TIMEOUT_SECONDS)
        return "done"

    def count_heartbeat_tasks() -> int:
        return sum(task.get_name() == TASK_NAME for task in asyncio.all_tasks())

    async with calling(address, work) as handle:
        await heartbeats(handle, number=1)
        assert count_heartbeat_tasks() == 1
        release.set()
        assert await handle.result() == "done"
        assert count_heartbeat_tasks() == 0


async def test_permanent_error_is_not_retried(address: str) -> None:
    @activity.defn
    def refuse() -> str:
        raise PermanentError("The token is refused: renew it.") from ValueError(SECRET)

    async with calling(address, refuse, attempts=3) as handle:
        error = await error_of(handle)
        history = await handle.fetch_history()

    assert (error.message, error.type) == ("The token is refused: renew it.", "PermanentError")
    assert error.non_retryable
    assert SECRET not in history.to_json()
    started = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    assert [
        event.activity_task_started_event_attributes.attempt
        for event in history.events
        if event.event_type == started
    ] == [1]


async def test_transient_error_is_retried_after_its_delay(address: str) -> None:
    attempts: list[datetime] = []

    @activity.defn
    def hesitate() -> str:
        attempts.append(activity.info().started_time)
        if len(attempts) == 1:
            raise TransientError("Busy.", retry_after=1.0)
        return "done"

    async with calling(address, hesitate, attempts=2) as handle:
        assert await handle.result() == "done"

    assert attempts[1] - attempts[0] >= timedelta(seconds=1)


async def test_unexpected_error_reveals_only_its_type(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    @activity.defn
    def fail() -> str:
        raise KeyError(SECRET * 10_000)

    async with calling(address, fail) as handle:
        error = await error_of(handle)
        history = await handle.fetch_history()

    assert error.type == "KeyError"
    assert "worker's log" in error.message
    assert SECRET not in history.to_json()
    assert "Activity fail failed unexpectedly" in caplog.text


async def test_call_that_temporal_has_given_up_leaves_no_traceback(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended = Event()

    @activity.defn
    def wait() -> str:
        try:
            while not ended.wait(0.05):
                pass  # the cancellation is raised here
        finally:
            ended.set()
        return "done"

    async def has_ended() -> bool:
        return ended.is_set()

    async with calling(address, wait) as handle:
        await heartbeats(handle, number=1)
        await handle.terminate()
        await wait_until(has_ended, bool)
    assert [record for record in caplog.records if record.exc_info] == []
