"""Fixtures: one set-up NetBox for the run, and for each test an installation with its own queue."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from activities.netbox.client import CLUSTERS, NetBox
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
    """The real stack without a record, with a queue of its own; nothing of it stays for others."""
    client = await Client.connect(stack.temporal.address, data_converter=pydantic_data_converter)
    await _clear(client, admin)
    yield Installation(
        stack=stack,
        client=client,
        admin=admin,
        token=constrained_token,
        folder=tmp_path,
        apis=lambda: running.enter_context(kubernetes_api()),
    )
    await _clear(client, admin)


async def _clear(client: Client, admin: NetBox) -> None:
    await _terminate_all(client)
    await asyncio.to_thread(_delete_records, admin)


def _delete_records(admin: NetBox) -> None:
    for record in admin.records():
        admin.delete(CLUSTERS, record["id"])


async def _terminate_all(client: Client) -> None:
    """A fleet looks after all loops of its namespace, so tests share it one after the other."""
    async for execution in client.list_workflows("ExecutionStatus = 'Running'"):
        with suppress(RPCError):  # it has just ended
            await client.get_workflow_handle(execution.id).terminate()
