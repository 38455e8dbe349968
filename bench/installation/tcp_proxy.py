"""A TCP proxy in front of a local port that can hang or drop packets."""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from stack.processes.ports import LOOPBACK

LISTEN_BACKLOG: Final = 64
CONNECTIONS_TO_FILL_BACKLOG: Final = 2
"""Linux keeps one connection more than the length of a backlog, here 0."""


class TcpProxy:
    """Forwards connections from `port` to the local `target_port` until told to fail."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.setblocking(False)
        self._tasks: set[asyncio.Task[None]] = set()
        self._open_sockets: list[asyncio.StreamWriter | socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.forward()

    def forward(self) -> None:
        """Forward all new connections, and close those that were left hanging."""
        self._cancel_tasks()
        for connection in self._open_sockets:
            connection.close()
        self._open_sockets = []
        self._listener.listen(LISTEN_BACKLOG)
        self._start_task(self._accept(forward=True))

    def hang(self) -> None:
        """Accept connections but forward nothing, as a hung server does."""
        self._cancel_tasks()
        self._start_task(self._accept(forward=False))

    def drop_packets(self) -> None:
        """Drop all packets, as a firewall does: with a full backlog, Linux ignores SYNs."""
        self._cancel_tasks()
        self._listener.listen(0)
        for _ in range(CONNECTIONS_TO_FILL_BACKLOG):
            filler = socket.socket()
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect((LOOPBACK, self.port))
            self._open_sockets.append(filler)

    def close(self) -> None:
        """Close the port and all connections."""
        self._cancel_tasks()
        for connection in (*self._open_sockets, self._listener):
            connection.close()

    def _cancel_tasks(self) -> None:
        # Connections stay open, so that neither end notices.
        for task in self._tasks:
            task.cancel()

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, *, forward: bool) -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            self._open_sockets.append(connection)
            if forward:
                self._start_task(self._forward_connection(connection))

    async def _forward_connection(self, connection: socket.socket) -> None:
        client, to_client = await asyncio.open_connection(sock=connection)
        server, to_server = await asyncio.open_connection(LOOPBACK, self._target_port)
        self._open_sockets += [to_client, to_server]
        with suppress(ConnectionError):
            await asyncio.gather(_copy(client, to_server), _copy(server, to_client))
        for closed in (connection, to_client, to_server):
            closed.close()
            self._open_sockets.remove(closed)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.write_eof()
