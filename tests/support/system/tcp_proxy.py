"""A TCP proxy that tests can cut; direct clients still reach the server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

from stack.processes.ports import LOOPBACK

ACCEPTING_STEPS: Final = 3
"""Passes of the event loop: the connection's task, its transport, and the callback."""


class CuttableProxy:
    """Forwards connections to the local port `target_port` while it is connected.

    `reserved` is bound to its port, so that no other process gets that while the proxy is cut.
    """

    def __init__(self, target_port: int, reserved: socket.socket) -> None:
        self.target_port = target_port
        self.port: int = reserved.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._stalled: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The address of this proxy."""
        return f"http://{LOOPBACK}:{self.port}"

    async def connect(self) -> None:
        """Listen on the port."""
        self._server = await asyncio.start_server(
            self._accept, LOOPBACK, self.port, reuse_port=True
        )

    async def cut(self) -> None:
        """Close the port and all open connections."""
        if self._server is not None:
            await self._stop_accepting(self._server)
            self._server.close()
            for writer in list(self._open):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _stop_accepting(self, server: asyncio.Server) -> None:
        """Finish what is being accepted.

        A connection that meets a server which has closed meanwhile is never closed by asyncio.
        """
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(ACCEPTING_STEPS):
            await asyncio.sleep(0)

    def stall(self) -> None:
        """Drop what open connections send, in silence; new ones are forwarded."""
        self._stalled |= self._open

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Coroutine[Any, Any, None]:
        self._open.add(writer)  # at once, so that a cut ends it, too
        return self._forward(reader, writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(LOOPBACK, self.target_port)
        self._open.add(to_server)
        await asyncio.gather(self._copy(reader, to_server), self._copy(server, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if writer in self._stalled:
                    continue
                writer.write(data)
                await writer.drain()
        if writer in self._stalled:
            return  # the other end is not told either
        self._open.discard(writer)
        writer.close()


@contextmanager
def reserved_port() -> Iterator[socket.socket]:
    """Bind a socket to a free port, on which proxies of this process may listen."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((LOOPBACK, 0))
        yield reserved


@asynccontextmanager
async def cut_proxy(target_port: int = 0) -> AsyncIterator[CuttableProxy]:
    """Make a proxy that is not connected yet."""
    with reserved_port() as reserved:
        proxy = CuttableProxy(target_port, reserved)
        try:
            yield proxy
        finally:
            await proxy.cut()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[CuttableProxy]:
    """Run a connected proxy to a local port."""
    async with cut_proxy(port) as proxy:
        await proxy.connect()
        yield proxy
