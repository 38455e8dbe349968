"""A local port in front of another one, which falls silent in the ways in which networks do."""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

LOOPBACK: Final = "127.0.0.1"
USUAL_QUEUE: Final = 64
FILL: Final = 2
"""Connections that fill the kernel's queue when its length is 0: it keeps one more than it is told."""


class Gate:
    """Forwards connections from `port` to `target`, a local port, until it is told to be silent."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.setblocking(False)
        self._work: set[asyncio.Task[None]] = set()
        self._held: list[asyncio.StreamWriter | socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.open()

    def open(self) -> None:
        """Let everything through, and drop what was held."""
        self._hold_all()
        for held in self._held:
            held.close()
        self._held = []
        self._listener.listen(USUAL_QUEUE)
        self._start(self._accept(answer=True))

    def mute(self) -> None:
        """Accept connections and never answer, as a hung server does; nor answer in those there are."""
        self._hold_all()
        self._start(self._accept(answer=False))

    def drop(self) -> None:
        """Leave all packets unanswered, as a firewall does: with its queue full, Linux drops SYNs."""
        self._hold_all()
        self._listener.listen(0)
        for _ in range(FILL):
            filler = socket.socket()
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect((LOOPBACK, self.port))
            self._held.append(filler)

    def close(self) -> None:
        """Stop for good."""
        self._hold_all()
        for held in (*self._held, self._listener):
            held.close()

    def _hold_all(self) -> None:
        """Stop whatever goes on, without the other ends noticing."""
        for task in self._work:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _accept(self, *, answer: bool) -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            self._held.append(connection)
            if answer:
                self._start(self._forward(connection))

    async def _forward(self, connection: socket.socket) -> None:
        here = await asyncio.open_connection(sock=connection)
        there = await asyncio.open_connection(LOOPBACK, self._target)
        self._held += [here[1], there[1]]
        with suppress(ConnectionError):
            await asyncio.gather(_copy(here[0], there[1]), _copy(there[0], here[1]))
        for held in (connection, here[1], there[1]):
            held.close()
            self._held.remove(held)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.write_eof()
