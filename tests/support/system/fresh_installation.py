"""An installation on the real stack without records and workflows of others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import CLUSTERS_PATH, NetBox
from stack.kubernetes.api import kubernetes_api
from stack.services.netbox import NetBoxServer
from stack.stack import Stack
from temporal import connect
from tests.support.system.installation import Installation


@asynccontextmanager
async def fresh_installation(
    stack: Stack, admin: NetBox, token: str, folder: Path, apis: ExitStack
) -> AsyncIterator[Installation]:
    """Yield the real stack, empty and with a new task queue; clear it afterwards.

    The Kubernetes APIs of its fabrics run until `apis` closes, which must not be in an event loop.
    """
    client = await connect({"TEMPORAL_ADDRESS": stack.temporal.address})
    await _clear(client, stack)
    yield Installation(
        stack=stack,
        client=client,
        admin=admin,
        token=token,
        folder=folder,
        start_api=lambda: apis.enter_context(kubernetes_api()),
    )
    await _clear(client, stack)


async def _clear(client: Client, stack: Stack) -> None:
    await _terminate_all(client)
    await asyncio.to_thread(_delete_records, stack.netbox)


def _delete_records(server: NetBoxServer) -> None:
    # In one request: this runs before and after each test, and each request takes a moment of NetBox's CPU.
    with closing(
        InventoryNetBox(server.url, server.token, connect_timeout=5, timeout=60)
    ) as netbox:
        if records := [{"id": record["id"]} for record in netbox.list_records()]:
            netbox.write("DELETE", CLUSTERS_PATH, records)


async def _terminate_all(client: Client) -> None:
    # A fleet manages all loops of its namespace, so each test needs the namespace for itself.
    async for execution in client.list_workflows("ExecutionStatus = 'Running'"):
        with suppress(RPCError):  # it completed meanwhile
            await client.get_workflow_handle(execution.id).terminate()
