"""Fixtures: one set-up NetBox for the run, and for each test an installation with its own queue."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.netbox import NetBox
from stack.kubernetes_api import kubernetes_api
from stack.stack import Stack
from tests.e2e.installation import Installation


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
async def installation(
    stack: Stack, admin: NetBox, constrained_token: str, tmp_path: Path, running: ExitStack
) -> AsyncIterator[Installation]:
    """The real stack with a queue of its own; loops that still run are ended."""
    made = Installation(
        stack=stack,
        client=await Client.connect(stack.temporal.address, data_converter=pydantic_data_converter),
        admin=admin,
        token=constrained_token,
        folder=tmp_path,
        apis=lambda: running.enter_context(kubernetes_api()),
    )
    yield made
    query = f"TaskQueue = '{made.queue}' AND ExecutionStatus = 'Running'"
    async for loop in made.client.list_workflows(query):
        await made.client.get_workflow_handle(loop.id).terminate()
