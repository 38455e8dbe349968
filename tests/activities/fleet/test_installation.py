"""The name of an installation, which survives what its Temporal survives."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import TransientError
from activities.fleet.installation import get_instance
from fabrics.record.installation import is_same_instance
from tests.support.system.restartable_temporal import RestartableTemporal, restartable_temporal

NAMESPACE = "fabrics"


@pytest.fixture
async def temporal(tmp_path: Path) -> AsyncIterator[RestartableTemporal]:
    """A server with a database."""
    async with restartable_temporal(tmp_path) as temporal, temporal.up():
        yield temporal


async def register(client: Client) -> Client:
    """Create the namespace, and return a client of it."""
    retention = Duration(seconds=86_400)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=NAMESPACE, workflow_execution_retention_period=retention)
    )
    return await Client.connect(client.service_client.config.target_host, namespace=NAMESPACE)


@pytest.mark.server
async def test_namespace_that_is_created_anew_is_another_installation(
    temporal: RestartableTemporal,
) -> None:
    admin = await Client.connect(temporal.address)
    client = await register(admin)
    before = await get_instance(client)
    assert before == await get_instance(client)
    assert before.startswith(f"{NAMESPACE}@")
    assert not is_same_instance(before, await get_instance(admin))

    await admin.operator_service.delete_namespace(DeleteNamespaceRequest(namespace=NAMESPACE))
    with pytest.raises(TransientError, match=f'no namespace "{NAMESPACE}"; create it'):
        await get_instance(client)
    again = await get_instance(await register(admin))
    assert again.startswith(f"{NAMESPACE}@")
    assert not is_same_instance(before, again)
    assert await get_instance(client) == again, "also of a client that was connected all the time"


@pytest.mark.server
async def test_killed_or_restored_database_is_the_same_installation(
    temporal: RestartableTemporal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    client = await Client.connect(temporal.address)
    before = await get_instance(client)
    await temporal.kill()
    with pytest.raises(TransientError, match="check that it is running, and TEMPORAL_ADDRESS"):
        await get_instance(client)
    await temporal.start()
    assert await get_instance(await Client.connect(temporal.address)) == before

    await temporal.stop()
    backup = tmp_path_factory.mktemp("restored")
    for file in temporal.folder.glob("temporal.db*"):
        shutil.copy(file, backup)
    async with restartable_temporal(backup) as restored, restored.up():
        assert await get_instance(await Client.connect(restored.address)) == before


def client_that_answers(answer: object) -> Client:
    """Return a client whose server describes the namespace with this answer or error."""
    describe = AsyncMock(side_effect=[answer])
    client = Mock(spec=Client, namespace=NAMESPACE)
    client.workflow_service.describe_namespace = describe
    client.service_client.config.target_host = "temporal.example:7233"
    return client


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (RPCError("no", RPCStatusCode.PERMISSION_DENIED, b""), "check TEMPORAL_API_KEY"),
        (RPCError("no", RPCStatusCode.UNAUTHENTICATED, b""), "check TEMPORAL_API_KEY"),
        (RPCError("busy", RPCStatusCode.RESOURCE_EXHAUSTED, b""), r"fabrics \(busy\); check"),
        (DescribeNamespaceResponse(), "does not tell the id of the namespace fabrics"),
    ],
)
async def test_namespace_that_is_not_described_has_no_name(answer: object, sentence: str) -> None:
    with pytest.raises(TransientError, match=rf"^Temporal at temporal\.example:7233 .*{sentence}"):
        await get_instance(client_that_answers(answer))
