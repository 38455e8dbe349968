"""A TCP proxy that tests can cut; direct clients still reach the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from stack.processes.ports import LOOPBACK


class CuttableProxy:
    """Forwards connections to a local port while it is connected."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """The address of this proxy."""
        return f"http://{LOOPBACK}:{self.port}"

    async def connect(self) -> None:
        """Listen, on the same port as before, if any."""
        self._server = await asyncio.start_server(self._forward, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Close the port and all open connections."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(LOOPBACK, self._target_port)
        self._open |= {writer, to_server}
        await asyncio.gather(self._copy(reader, to_server), self._copy(server, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        self._open.discard(writer)
        writer.close()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[CuttableProxy]:
    """Run a connected proxy to a local port."""
    proxy = CuttableProxy(port)
    await proxy.connect()
    try:
        yield proxy
    finally:
        await proxy.cut()
