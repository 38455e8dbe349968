"""A Temporal server that tests kill, and start again on its database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import psutil

from stack.processes.ports import LOOPBACK
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.system.tcp_proxy import CuttableProxy, cut_proxy


class RestartableTemporal:
    """A server that has the same state and the same address after each start."""

    def __init__(self, folder: Path, proxy: CuttableProxy) -> None:
        self._folder = folder
        self._proxy = proxy
        self._supervisor = Supervisor(folder)
        self._starts = count(1)

    @property
    def address(self) -> str:
        """The address (host:port) for workers and tests."""
        return f"{LOOPBACK}:{self._proxy.port}"

    async def start(self) -> None:
        """Start the server, and wait until it answers."""
        logs = self._folder / f"temporal-{next(self._starts)}"
        logs.mkdir()
        self._supervisor = Supervisor(logs)
        database = self._folder / "temporal.db"
        server = await asyncio.to_thread(start_temporal, self._supervisor, database)
        self._proxy.target_port = int(server.address.rpartition(":")[2])
        await self._proxy.connect()

    async def kill(self) -> None:
        """End the server with SIGKILL."""
        for process in self._supervisor.list_processes("Temporal"):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await self.stop()

    async def stop(self) -> None:
        """End the server, and close its address."""
        await self._proxy.cut()
        await asyncio.to_thread(self._supervisor.close)


@asynccontextmanager
async def restartable_temporal(folder: Path) -> AsyncIterator[RestartableTemporal]:
    """Run a server with a new database in `folder`."""
    async with cut_proxy() as proxy:
        temporal = RestartableTemporal(folder, proxy)
        try:
            await temporal.start()
            yield temporal
        finally:
            await temporal.stop()
