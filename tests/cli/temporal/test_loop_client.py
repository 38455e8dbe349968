"""The client of loops, with a real Temporal server."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from sys import prefix

import pytest
from temporalio.client import Client, WorkflowUpdateStage
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from cli.temporal.loop_client import LoopClient, NoLoop
from cli.temporal.probes import wait_for_pass
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.loop import FabricLoop, workflow_id
from tests.support.system.installation import wait_until
from tests.support.workflows.loop_environment import LoopEnvironment, config, loop
from workflows.fabric_sync import FabricSync

NOBODY = "nobody"


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """Start a server that allows a workflow a single unfinished update."""
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
        dev_server_startup_timeout=timedelta(minutes=1),
        dev_server_extra_args=["--dynamic-config-value", "history.maxInFlightUpdates=1"],
    ) as environment:
        yield environment


async def test_copies_under_other_ids_are_no_loops(env: WorkflowEnvironment) -> None:
    for id_ in (workflow_id("oslo"), "a-copy"):
        await env.client.start_workflow("FabricSync", id=id_, task_queue=NOBODY)

    async def list_all() -> list[str]:
        return [workflow.id async for workflow in env.client.list_workflows()]

    await wait_until(list_all, lambda ids: len(ids) == 2)
    assert list(await LoopClient(env.client, NOBODY).list_running()) == ["oslo"]


async def test_missing_namespace_says_nothing_of_its_loops(env: WorkflowEnvironment) -> None:
    address = env.client.service_client.config.target_host
    elsewhere = LoopClient(await Client.connect(address, namespace="elsewhere"), NOBODY)
    for ask in (
        lambda loops: loops.signal("oslo", "pause"),
        lambda loops: loops.wait_until_ended("oslo", timedelta(seconds=10)),
        lambda loops: wait_for_pass(loops, config()),
    ):
        with pytest.raises(RPCError, match=r"[Nn]amespace"):
            await ask(elsewhere)
    assert await elsewhere.get_fleet_summary() is None  # it does not answer
    with pytest.raises(NoLoop):
        await LoopClient(env.client, NOBODY).get_fleet_summary()


async def test_message_is_sent_as_a_signal_while_temporal_takes_no_more_updates(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(interval=3600))
    environment.observe_gate.clear()
    async with loop(env, environment, FabricLoop(fabric_id="oslo")) as running:
        waiting = await running.handle.start_update(
            FabricSync.sync_now, False, wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        loops = LoopClient(env.client, environment.queue)
        status = await loops.update("oslo", "pause", "maintenance")
        assert (status.paused, status.pause_reason) == (True, "maintenance")
        environment.observe_gate.set()
        assert (await waiting.result()).number == 1
        assert (await loops.sync("oslo", SyncRequest())).number == 2
