"""The slots of the workers for activities."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from sys import prefix
from typing import cast
from unittest.mock import AsyncMock

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.record import RecordActivities
from fabrics.record.task_queues import (
    catch_up_queue,
    inventory_queue,
    notification_queue,
    unresponsive_queue,
)
from settings import Settings
from workers import activity_workers
from workers.activity_workers import (
    MAX_DELIVERIES,
    list_main_queues,
    running_activity_workers,
)
from workflows import activity_calls


@workflow.defn
class ReadRecord:
    """Read a record, which takes a slot of NetBox's."""

    @workflow.run
    async def run(self) -> None:
        """Read it once."""
        await workflow.execute_activity_method(
            RecordActivities.load_record,
            "oslo",
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=activity_calls.HEARTBEAT_TIMEOUT,
        )


@workflow.defn
class AskTemporal:
    """Ask Temporal something."""

    @workflow.run
    async def run(self) -> bool:
        """Return whether a workflow runs that does not exist."""
        return await activity_calls.is_running("no-such-workflow", "")


@asynccontextmanager
async def silent_server(asked: asyncio.Event, closing: asyncio.Event) -> AsyncIterator[str]:
    """Run a server that accepts connections, and closes them unanswered; its URL."""

    async def stay_silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await closing.wait()
        writer.close()

    server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        closing.set()
        server.close()


@pytest.fixture
def slots(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Note the slots of workers by task queue instead of starting them."""
    slots = dict[str, int]()

    @asynccontextmanager
    async def note_slots(
        _: Client, *, task_queue: str, max_concurrent_activities: int, **_options: object
    ) -> AsyncIterator[None]:
        slots[task_queue] = max_concurrent_activities
        yield

    monkeypatch.setattr(activity_workers, "Worker", note_slots)
    monkeypatch.setattr(activity_workers, "get_instance", AsyncMock(return_value="default@here"))
    monkeypatch.setattr(activity_workers, "_has_search_attributes", AsyncMock(return_value=True))
    return slots


async def test_each_sort_of_work_for_fabrics_has_slots_of_its_own(slots: dict[str, int]) -> None:
    settings = Settings(
        concurrent_observes=7, concurrent_unresponsive_observes=5, concurrent_netbox_calls=3
    )
    async with activity_workers.running_site_worker(cast(Client, None), settings, "oslo"):
        assert slots == {
            "oslo": 7,
            catch_up_queue("oslo"): 7,
            unresponsive_queue("oslo"): 5,
            inventory_queue("oslo"): 3,
        }


@pytest.mark.parametrize("has_targets", [True, False])
async def test_notifications_have_slots_of_their_own_where_they_have_targets(
    slots: dict[str, int], tmp_path: Path, has_targets: bool
) -> None:
    settings = Settings(
        task_queue="oslo", notifications_file=tmp_path / "targets.toml" if has_targets else None
    )
    async with running_activity_workers(cast(Client, None), settings):
        assert slots.get(notification_queue("oslo"), 0) == (MAX_DELIVERIES if has_targets else 0)
        assert set(slots) <= list_main_queues(settings)


@pytest.mark.server
async def test_netbox_that_never_answers_holds_up_no_question_to_temporal(tmp_path: Path) -> None:
    asked, closing = asyncio.Event(), asyncio.Event()
    async with (
        await WorkflowEnvironment.start_local(
            data_converter=pydantic_data_converter,
            dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
            dev_server_startup_timeout=timedelta(minutes=1),
        ) as env,
        silent_server(asked, closing) as netbox_url,
    ):
        settings = Settings(
            netbox_url=netbox_url, netbox_timeout=300, concurrent_netbox_calls=1, cache_dir=tmp_path
        )
        loops = Worker(
            env.client,
            task_queue=settings.task_queue,
            workflows=[ReadRecord, AskTemporal],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with loops, running_activity_workers(env.client, settings):
            await env.client.start_workflow(
                ReadRecord.run, id="read", task_queue=settings.task_queue
            )
            await asked.wait()
            assert not await env.client.execute_workflow(
                AskTemporal.run, id="ask", task_queue=settings.task_queue
            )
            closing.set()
