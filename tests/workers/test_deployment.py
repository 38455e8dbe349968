"""The version of workers, with a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from sys import prefix

import pytest
from temporalio import workflow
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentVersionRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.observe import FabricActivities
from activities.queues import queue_has_worker
from fabrics.record.config import FabricConfig
from fabrics.record.task_queues import unresponsive_queue
from settings import Settings
from tests.support.releases.promotion import set_current_version
from tests.support.system.installation import wait_until
from tests.support.workflows.loop_environment import config
from worker import running_worker
from workers.activity_workers import list_main_queues, running_site_worker
from workers.deployment import build_deployment_config, log_deployment

MAIN, SITE, QUEUE = "fabric-sync", "fabric-sync-oslo", "oslo"


@workflow.defn
class AskSite:
    """Ask the workers of a site."""

    @workflow.run
    async def run(self, fabric: FabricConfig) -> int:
        """Return the number of their checks."""
        checks = await workflow.execute_activity_method(
            FabricActivities.diagnose,
            fabric,
            task_queue=unresponsive_queue(QUEUE),
            start_to_close_timeout=timedelta(minutes=1),
        )
        return len(checks)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a server that nobody else uses."""
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
        dev_server_startup_timeout=timedelta(minutes=1),
    ) as env:
        yield env.client


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a worker without credentials, whose NetBox is down."""
    return partial(
        Settings, netbox_url="http://127.0.0.1:1", cache_dir=tmp_path, credentials_dir=tmp_path
    )


async def promote(client: Client, deployment: str, build: str) -> None:
    """Make a build the current one, once Temporal knows its workers."""
    address = client.service_client.config.target_host
    call = partial(asyncio.to_thread, set_current_version, address, deployment, build)
    await wait_until(call, bool)


@asynccontextmanager
async def main_worker(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Run a worker for `AskSite`, of the current build."""
    async with Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[AskSite],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=build_deployment_config(settings),
    ):
        await promote(client, settings.deployment_name, settings.build_id)
        yield


async def list_versioned_queues(client: Client, build: str) -> set[str]:
    """Return the queues of a build of the main deployment; none if it is unknown."""
    request = DescribeWorkerDeploymentVersionRequest(
        namespace=client.namespace,
        deployment_version=WorkerDeploymentVersion(deployment_name=MAIN, build_id=build),
    )
    try:
        reply = await client.workflow_service.describe_worker_deployment_version(request)
    except RPCError:
        return set()
    return {queue.name for queue in reply.version_task_queues}


def test_workers_have_no_version_by_default() -> None:
    assert build_deployment_config(Settings()) is None


def test_all_workflows_are_upgraded_automatically() -> None:
    versioned = build_deployment_config(Settings(deployment_name=MAIN, build_id="1"))
    assert versioned is not None
    assert versioned.use_worker_versioning
    assert versioned.default_versioning_behavior is VersioningBehavior.AUTO_UPGRADE


def test_versioned_worker_says_how_it_gets_work(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    log_deployment(Settings())
    assert caplog.messages == []
    log_deployment(Settings(deployment_name=MAIN, build_id="1"))
    [message] = caplog.messages
    assert "set-current-version --deployment-name fabric-sync --build-id 1`" in message


@pytest.mark.server
async def test_every_worker_of_a_process_has_the_version(
    client: Client, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    targets = tmp_path / "targets.toml"
    settings = make_settings(deployment_name=MAIN, build_id="1", notifications_file=targets)
    async with running_worker(client, settings):
        queues = list_main_queues(settings)
        await wait_until(partial(list_versioned_queues, client, "1"), lambda found: found == queues)
        for queue in queues:
            assert await queue_has_worker(client, queue)


@pytest.mark.server
@pytest.mark.parametrize("is_versioned", [False, True])
async def test_site_works_for_a_versioned_fleet(
    client: Client, make_settings: Callable[..., Settings], is_versioned: bool
) -> None:
    main = make_settings(deployment_name=MAIN, build_id="2")
    site = make_settings(deployment_name=SITE, build_id="1") if is_versioned else make_settings()
    async with main_worker(client, main), running_site_worker(client, site, QUEUE):
        if is_versioned:
            await promote(client, SITE, "1")
        checks = await client.execute_workflow(
            AskSite.run, config(), id="ask", task_queue=main.task_queue
        )
        assert checks > 0
        assert await queue_has_worker(client, unresponsive_queue(QUEUE))
