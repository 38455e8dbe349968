"""What Temporal says of a workflow execution."""

from unittest.mock import AsyncMock, Mock

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure, NotFoundFailure
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import TransientError
from activities.executions import ExecutionActivities


def client_that_misses(failure: Message) -> Client:
    """Return a client whose server does not find what is described."""
    status = GrpcStatus(code=RPCStatusCode.NOT_FOUND)
    status.details.add().Pack(failure)
    error = RPCError("not found", RPCStatusCode.NOT_FOUND, status.SerializeToString())
    client = Mock(spec=Client)
    client.get_workflow_handle.return_value.describe = AsyncMock(side_effect=error)
    return client


async def test_missing_workflow_is_not_running() -> None:
    activities = ExecutionActivities(client_that_misses(NotFoundFailure()))
    assert not await activities.is_running("fabric-inventory/one", "run")


async def test_missing_namespace_says_nothing_of_the_workflow() -> None:
    activities = ExecutionActivities(client_that_misses(NamespaceNotFoundFailure()))
    with pytest.raises(TransientError):
        await activities.is_running("fabric-inventory/one", "run")
