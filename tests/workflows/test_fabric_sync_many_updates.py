"""Many clients of one loop: short histories and answers, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from sys import prefix

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from cli.temporal.loop_client import LoopClient
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.loop import FabricLoop, workflow_id
from fabrics.loop.report import SyncReport
from tests.support.system.installation import query_until_answered, wait_until
from tests.support.workflows.loop_environment import (
    LoopEnvironment,
    RunningLoop,
    config,
    loop,
    start,
    terminate,
    worker,
)
from workflows.fabric_sync import FabricSync
from workflows.fabric_sync_handlers import LOOP_BUSY, MAX_WAITING_UPDATES

NEW = FabricLoop(fabric_id="oslo")

UPDATE_ACCEPTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED

MAX_EVENTS = 30
"""The events after which the loops of these tests start a new run; workers allow more."""

EVENTS_OF_LAST_SYNCS = 60
"""More than the two syncs add for which the last updates of a run may wait."""


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """Start a real server; the other one does not limit updates."""
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
        dev_server_startup_timeout=timedelta(minutes=1),
    ) as environment:
        yield environment


def make_environment(max_history_events: int, max_signals: int = 10_000) -> LoopEnvironment:
    """Make a fabric that syncs on request only, with short histories."""
    environment = LoopEnvironment(config(interval=3600))
    changes = {"max_history_events": max_history_events, "max_signals": max_signals}
    environment.installation = environment.installation.model_copy(update=changes)
    return environment


def loops_of(running: RunningLoop) -> LoopClient:
    """Return the client that the command line uses."""
    return LoopClient(running.env.client, running.environment.queue)


async def list_history_lengths(client: Client, first_run_id: str) -> list[int]:
    """Return the number of events of each run of the loop, the first one first."""
    lengths, run_id = list[int](), first_run_id
    while run_id:
        run = client.get_workflow_handle(workflow_id("oslo"), run_id=run_id)
        events = (await run.fetch_history()).events
        lengths.append(len(events))
        run_id = events[
            -1
        ].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return lengths


async def wait_for_waiting_updates(running: RunningLoop, number: int) -> None:
    """Wait until the current run has accepted as many updates."""

    async def count_accepted() -> int:
        events = (await running.handle.fetch_history()).events
        return sum(event.event_type == UPDATE_ACCEPTED for event in events)

    await wait_until(count_accepted, lambda count: count >= number)


async def wait_for_held_sync(running: RunningLoop) -> None:
    """Wait until a sync has begun that the closed gate holds."""

    async def read_status() -> str:
        return (await running.status()).sync_status

    await wait_until(read_status, lambda status: status == "syncing")


async def test_histories_are_bounded_while_clients_sync_back_to_back(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, make_environment(MAX_EVENTS), NEW) as running:

        async def sync_repeatedly() -> list[int]:
            reports = [await loops_of(running).sync("oslo", SyncRequest()) for _ in range(8)]
            return [report.number for report in reports]

        answers = await asyncio.gather(*(sync_repeatedly() for _ in range(3)))
        assert running.handle.first_execution_run_id is not None
        lengths = await list_history_lengths(env.client, running.handle.first_execution_run_id)
    for numbers in answers:
        assert numbers == sorted(set(numbers))
    assert len(lengths) > 2
    assert max(lengths) <= 2 * MAX_EVENTS + EVENTS_OF_LAST_SYNCS


async def test_signals_keep_no_run_of_a_waiting_loop_growing_and_none_is_lost(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, make_environment(300, max_signals=5), NEW) as running:
        await running.handle.execute_update(FabricSync.sync_now, False)
        for seconds in range(3600, 3620):
            await running.handle.signal("no_such_signal")
            await running.handle.signal(FabricSync.set_interval_by_signal, seconds)
        await running.handle.signal(FabricSync.pause_by_signal, "maintenance")
        status = await wait_until(running.status, lambda status: status.paused)
        assert (status.syncs, status.sync_interval) == (1, 3619)
        assert status.ignored == "ignored: no_such_signal: there is no such signal"
        assert running.handle.first_execution_run_id is not None
        lengths = await list_history_lengths(env.client, running.handle.first_execution_run_id)
    assert len(lengths) >= 2
    assert max(lengths) < 300


async def test_malformed_signals_that_arrive_together_are_logged_once(
    env: WorkflowEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    environment = make_environment(300)
    handle = await start(env.client, NEW, environment.queue)
    for number in range(50):
        await handle.signal("set_interval", f"{number} seconds")
    async with worker(env.client, environment):
        status = await query_until_answered(handle, FabricSync.status)
        await terminate(handle)
    assert "49 seconds" in status.ignored
    [logged] = [line for line in caplog.messages if "Ignored" in line]
    assert logged.startswith("Ignored signals: 50, the last one: set_interval: ")


async def test_pause_and_every_sync_have_their_answers_however_many_wait(
    env: WorkflowEnvironment,
) -> None:
    environment = make_environment(300)
    environment.observe_gate.clear()
    async with loop(env, environment, NEW) as running:
        loops = loops_of(running)
        syncs = [asyncio.create_task(loops.sync("oslo", SyncRequest())) for _ in range(12)]
        await wait_for_waiting_updates(running, MAX_WAITING_UPDATES)
        assert (await loops.update("oslo", "pause", "maintenance")).pause_reason == "maintenance"
        assert (await loops.update("oslo", "set_interval", 7200)).sync_interval == 7200
        assert not any(sync.done() for sync in syncs)
        environment.observe_gate.set()
        reports: list[SyncReport] = await asyncio.gather(*syncs)
        assert {report.error for report in reports} == {""}
        status = await running.status()
        assert status.paused
        assert status.syncs == max(report.number for report in reports)


async def test_update_that_would_wait_beside_too_many_is_refused_with_their_number(
    env: WorkflowEnvironment,
) -> None:
    environment = make_environment(300)
    environment.observe_gate.clear()
    async with loop(env, environment, NEW) as running:
        update = running.handle.execute_update
        syncs = [
            asyncio.create_task(update(FabricSync.sync_now, False))
            for _ in range(MAX_WAITING_UPDATES)
        ]
        await wait_for_waiting_updates(running, MAX_WAITING_UPDATES)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await update(FabricSync.sync_now, False)
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == LOOP_BUSY
        assert refused.value.cause.message.startswith("8 others wait for a sync of oslo already;")
        environment.observe_gate.set()
        await asyncio.gather(*syncs)


async def test_message_is_sent_as_a_signal_while_a_run_takes_no_updates(
    env: WorkflowEnvironment,
) -> None:
    environment = make_environment(1)
    environment.observe_gate.clear()
    async with loop(env, environment, NEW) as running:
        await running.handle.signal(FabricSync.sync_now_by_signal)
        await wait_for_held_sync(running)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await running.handle.execute_update(FabricSync.pause, "maintenance")
        assert isinstance(refused.value.cause, ApplicationError)
        assert "starts a new run" in refused.value.cause.message
        status = await loops_of(running).update("oslo", "pause", "maintenance")
        assert (status.paused, status.pause_reason) == (True, "maintenance")
        environment.observe_gate.set()
