"""The settings and connections of one command: NetBox and Temporal."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

import temporal
from activities.fleet.installation import get_instance
from activities.netbox.client import NetBox
from cli import console
from cli.errors import load_settings
from cli.fabrics.fabric import Fabric, select_fabric, select_fabrics
from cli.temporal.loop_client import LoopClient
from cli.temporal.pending_work import RPC_TIMEOUT
from settings import Settings


@dataclass(frozen=True)
class Session:
    """One command's connections."""

    settings: Settings
    netbox: NetBox
    loops: LoopClient
    instance: str
    """The name of this installation in records."""

    async def list_fabrics(self) -> list[Fabric]:
        """Return all fabrics, in one read of NetBox."""
        records = await asyncio.to_thread(self.netbox.list_records)
        return [Fabric.from_record(record) for record in records]

    async def get_fabric(self, fabric_ref: str) -> Fabric:
        """Return the fabric that the operator names. Raises `CommandError`."""
        return select_fabric(await self.list_fabrics(), fabric_ref)

    async def select_fabrics(self, fabric_refs: Iterable[str]) -> list[Fabric]:
        """Return the fabrics that the operator names, or all. Raises `CommandError`."""
        return select_fabrics(await self.list_fabrics(), fabric_refs)


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    """Connect to Temporal, and prepare a NetBox client without sending a request yet."""
    settings = load_settings()
    with console.progress("Connecting to Temporal"):
        client = await connect_to_temporal(settings)
    netbox = NetBox.from_settings(settings)
    try:
        instance = await get_instance(client)
        yield Session(settings, netbox, LoopClient(client, settings.task_queue), instance)
    finally:
        netbox.close()


async def connect_to_temporal(settings: Settings) -> Client:
    """Return a client. Raises `TemporalUnreachable` and `PermanentError`."""
    try:
        async with asyncio.timeout(RPC_TIMEOUT.total_seconds()):
            return await temporal.connect(keys_file=settings.encryption_keys_file)
    except TimeoutError:
        raise temporal.TemporalUnreachable(
            f"No Temporal server answers at {temporal.get_address()} within {RPC_TIMEOUT.seconds} s;"
            " start it, or set TEMPORAL_ADDRESS."
        ) from None
