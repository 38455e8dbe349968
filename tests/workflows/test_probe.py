"""On which task queue people's questions about a fabric are answered."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.observe import ComparisonRequest, LiveManifests
from fabrics.drift.diff_report import DiffReport
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import ConnectionStatus, LastKnownState
from fabrics.record.task_queues import observe_queue, unresponsive_queue
from tests.support.workflows.loop_environment import config
from workflows.probe import Comparison, Export, Probe, ProbeRequest


@activity.defn(name="diff")
async def tell_queue(fabric: FabricConfig) -> DiffReport:
    """Return a report that names the queue on which it was made."""
    return DiffReport(commit=activity.info().task_queue)


@activity.defn(name="compare")
async def tell_queue_of_comparison(request: ComparisonRequest) -> DiffReport:
    """Return a report that names what is compared, and on which queue."""
    return DiffReport(commit=activity.info().task_queue, error=request.commit)


@activity.defn(name="export")
async def tell_queue_of_export(fabric: FabricConfig) -> LiveManifests:
    """Return a text that names the queue on which it was made."""
    return LiveManifests(packed_files=activity.info().task_queue)


@pytest.mark.parametrize("connection", ConnectionStatus)
async def test_other_states_and_exports_use_the_queues_of_other_questions(
    env: WorkflowEnvironment, connection: ConnectionStatus
) -> None:
    queue = uuid4().hex
    responsive, unresponsive = observe_queue(queue), unresponsive_queue(observe_queue(queue))
    export = ProbeRequest.build(config(), LastKnownState(connection_status=connection))
    comparison = ComparisonRequest(config=config(), answered=export.answered, commit="c0ffee")
    answers: list[Callable[..., object]] = [tell_queue_of_comparison, tell_queue_of_export]
    async with (
        Worker(env.client, task_queue=queue, workflows=[Comparison, Export]),
        Worker(env.client, task_queue=responsive, activities=answers),
        Worker(env.client, task_queue=unresponsive, activities=answers),
    ):
        report = await env.client.execute_workflow(
            Comparison.run, comparison, id=f"comparison-{queue}", task_queue=queue
        )
        manifests = await env.client.execute_workflow(
            Export.run, export, id=f"export-{queue}", task_queue=queue
        )
    expected = unresponsive if connection is ConnectionStatus.ERROR else responsive
    assert (report.commit, report.error) == (expected, "c0ffee")
    assert manifests.packed_files == expected


@pytest.mark.parametrize("connection", ConnectionStatus)
async def test_fabric_that_did_not_answer_is_compared_without_slots_of_those_that_do(
    env: WorkflowEnvironment, connection: ConnectionStatus
) -> None:
    queue = uuid4().hex
    responsive, unresponsive = observe_queue(queue), unresponsive_queue(observe_queue(queue))
    request = ProbeRequest.build(config(), LastKnownState(connection_status=connection))
    async with (
        Worker(env.client, task_queue=queue, workflows=[Probe]),
        Worker(env.client, task_queue=responsive, activities=[tell_queue]),
        Worker(env.client, task_queue=unresponsive, activities=[tell_queue]),
    ):
        report = await env.client.execute_workflow(
            Probe.run, request, id=f"probe-{queue}", task_queue=queue
        )
    failed = connection is ConnectionStatus.ERROR
    assert report.commit == (unresponsive if failed else responsive)
