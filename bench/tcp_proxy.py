"""A local port in front of another one, which falls silent in the ways in which networks do."""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

LOOPBACK: Final = "127.0.0.1"
LISTEN_BACKLOG: Final = 64
CONNECTIONS_TO_FILL_BACKLOG: Final = 2
"""Connections that fill the kernel's queue when its length is 0: it keeps one more than it is told."""


class TcpProxy:
    """Forwards connections from `port` to `target_port`, a local port, until it is told to be silent."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.setblocking(False)
        self._tasks: set[asyncio.Task[None]] = set()
        self._open_sockets: list[asyncio.StreamWriter | socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.forward()

    def forward(self) -> None:
        """Let everything through, and drop what was held."""
        self._cancel_tasks()
        for held in self._open_sockets:
            held.close()
        self._open_sockets = []
        self._listener.listen(LISTEN_BACKLOG)
        self._start_task(self._accept(forward=True))

    def hang(self) -> None:
        """Accept connections and never answer, as a hung server does; nor answer in those there are."""
        self._cancel_tasks()
        self._start_task(self._accept(forward=False))

    def drop_packets(self) -> None:
        """Leave all packets unanswered, as a firewall does: with its queue full, Linux drops SYNs."""
        self._cancel_tasks()
        self._listener.listen(0)
        for _ in range(CONNECTIONS_TO_FILL_BACKLOG):
            filler = socket.socket()
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect((LOOPBACK, self.port))
            self._open_sockets.append(filler)

    def close(self) -> None:
        """Stop for good."""
        self._cancel_tasks()
        for held in (*self._open_sockets, self._listener):
            held.close()

    def _cancel_tasks(self) -> None:
        """Stop whatever goes on, without the other ends noticing."""
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
        here = await asyncio.open_connection(sock=connection)
        there = await asyncio.open_connection(LOOPBACK, self._target_port)
        self._open_sockets += [here[1], there[1]]
        with suppress(ConnectionError):
            await asyncio.gather(_copy(here[0], there[1]), _copy(there[0], here[1]))
        for held in (connection, here[1], there[1]):
            held.close()
            self._open_sockets.remove(held)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.write_eof()
