"""What Temporal says of a workflow execution."""

from unittest.mock import AsyncMock, Mock

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.errors import TransientError
from activities.executions import ExecutionActivities
from tests.support.workflows.rpc_errors import namespace_not_found, workflow_not_found


def client_that_fails(error: RPCError) -> Client:
    """Return a client whose server cannot describe a workflow."""
    client = Mock(spec=Client)
    client.get_workflow_handle.return_value.describe = AsyncMock(side_effect=error)
    return client


async def test_missing_workflow_is_not_running() -> None:
    activities = ExecutionActivities(client_that_fails(workflow_not_found()))
    assert not await activities.is_running("fabric-inventory/one", "run")


async def test_missing_namespace_says_nothing_of_the_workflow() -> None:
    activities = ExecutionActivities(client_that_fails(namespace_not_found()))
    with pytest.raises(TransientError):
        await activities.is_running("fabric-inventory/one", "run")
