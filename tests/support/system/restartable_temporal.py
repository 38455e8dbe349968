"""A Temporal server that tests stop, kill and start again at its address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import psutil

from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.system.tcp_proxy import CuttableProxy, cut_proxy

NUMBERS: Final = count(1)


@dataclass
class RestartableTemporal:
    """A server with its state in a file of `folder`."""

    folder: Path
    proxy: CuttableProxy
    supervisor: Supervisor | None = None

    @property
    def address(self) -> str:
        """The address (host:port) for workers and tests."""
        return f"127.0.0.1:{self.proxy.port}"

    async def start(self) -> None:
        """Start the server with the state of its last run."""
        logs = self.folder / f"temporal-{next(NUMBERS)}"
        logs.mkdir()
        self.supervisor = Supervisor(logs)
        database = self.folder / "temporal.db"
        server = await asyncio.to_thread(start_temporal, self.supervisor, database)
        self.proxy.target_port = int(server.address.rpartition(":")[2])
        await self.proxy.connect()

    async def stop(self) -> None:
        """Stop the server, and close all connections."""
        await self.proxy.cut()
        if self.supervisor is not None:
            await asyncio.to_thread(self.supervisor.close)
            self.supervisor = None

    async def kill(self) -> None:
        """Kill the server."""
        assert self.supervisor is not None
        for process in self.supervisor.list_processes("Temporal"):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await self.stop()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Run the server in the `with` block."""
        await self.start()
        try:
            yield
        finally:
            await self.stop()


@asynccontextmanager
async def restartable_temporal(folder: Path) -> AsyncIterator[RestartableTemporal]:
    """Make a server that does not run yet."""
    async with cut_proxy() as proxy:
        yield RestartableTemporal(folder, proxy)
