"""What a command works with: the settings, NetBox and Temporal, open until the command has ended."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import temporal
from activities.netbox.client import NetBox
from cli import console
from cli.errors import Failure, load_settings
from cli.fabrics.fabric import Fabric, choose, choose_all
from cli.temporal.loop_client import DEADLINE, Loops
from settings import Settings


@dataclass(frozen=True)
class Session:
    """One command's connections."""

    settings: Settings
    netbox: NetBox
    loops: Loops
    instance: str
    """This installation, as records name it."""

    async def fabrics(self) -> list[Fabric]:
        """All fabrics, in one read of NetBox."""
        return [Fabric.of(record) for record in await asyncio.to_thread(self.netbox.records)]

    async def fabric(self, wanted: str) -> Fabric:
        """The fabric that the operator names. Raises `Failure`."""
        return choose(await self.fabrics(), wanted)

    async def chosen(self, wanted: Iterable[str]) -> list[Fabric]:
        """The fabrics that the operator names; all when none is named. Raises `Failure`."""
        return choose_all(await self.fabrics(), wanted)


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    """Connect to Temporal and prepare NetBox, whose first request is yet to come."""
    settings = load_settings()
    with console.progress("Connecting to Temporal"):
        client = await connect()
    netbox = NetBox.from_settings(settings)
    try:
        instance = await temporal.instance(client)
        yield Session(settings, netbox, Loops(client, settings.task_queue), instance)
    finally:
        netbox.close()


async def connect() -> Client:
    """A Temporal client whose namespace exists. Raises `TemporalUnreachable` or `Failure`."""
    try:
        async with asyncio.timeout(DEADLINE.total_seconds()):
            client = await temporal.connect()
    except TimeoutError:
        raise temporal.TemporalUnreachable(
            f"No Temporal server answers at {temporal.address()} within {DEADLINE.seconds} s;"
            " start it, or set TEMPORAL_ADDRESS."
        ) from None
    except (RuntimeError, ValueError) as error:
        raise Failure(f"Temporal's configuration cannot be used: {error}.") from None
    await _check_namespace(client)
    return client


async def _check_namespace(client: Client) -> None:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=DEADLINE)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise Failure(
            f'Temporal at {temporal.address()} has no namespace "{client.namespace}";'
            " create it, or set TEMPORAL_NAMESPACE."
        ) from None
