"""A proxy that counts connections, requests and bytes on their way to a server."""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from stack.kubernetes.base import ServerAuth
from stack.processes.ports import LOOPBACK

REQUEST_LINE: Final = re.compile(rb"([A-Z]+) \S+ HTTP/1\.1\r\n")
MAX_REQUEST_LINE_BYTES: Final = 8192
CHUNK_BYTES: Final = 65536


@dataclass
class Traffic:
    """The traffic of one client so far: HTTP without TLS, requests by method."""

    connections: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    sent_bytes: int = 0
    received_bytes: int = 0

    def since(self, earlier: "Traffic") -> "Traffic":
        """Return the traffic after `earlier`."""
        return Traffic(
            self.connections - earlier.connections,
            self.requests - earlier.requests,
            self.sent_bytes - earlier.sent_bytes,
            self.received_bytes - earlier.received_bytes,
        )


class RequestCounter:
    """Counts the requests in what a client sends, in whatever pieces it arrives."""

    def __init__(self, requests: Counter[str]) -> None:
        self._requests = requests
        self._unmatched = b""

    def feed(self, data: bytes) -> None:
        """Count the request lines that `data` completes. Bodies contain none."""
        text, end = self._unmatched + data, 0
        for line in REQUEST_LINE.finditer(text):
            self._requests[line[1].decode()] += 1
            end = line.end()
        self._unmatched = text[end:][-MAX_REQUEST_LINE_BYTES:]


class CountingProxy:
    """Forwards connections to a server, with TLS on both sides if it has `auth`."""

    def __init__(self, server: str, auth: ServerAuth | None) -> None:
        self._server = urlsplit(server)
        self._client_context = ssl.create_default_context(cadata=auth.ca_cert) if auth else None
        self._traffic = Traffic()
        self._open: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    def read_traffic(self) -> Traffic:
        """Return a copy of the traffic so far."""
        return deepcopy(self._traffic)

    async def forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Forward one connection until either side closes it."""
        task = asyncio.current_task()
        self._open[task] = to_client
        self._traffic.connections += 1
        server, to_server = await asyncio.open_connection(
            self._server.hostname, self._server.port, ssl=self._client_context
        )
        counter = RequestCounter(self._traffic.requests)

        def count_sent(data: bytes) -> None:
            self._traffic.sent_bytes += len(data)
            counter.feed(data)

        def count_received(data: bytes) -> None:
            self._traffic.received_bytes += len(data)

        await asyncio.gather(
            _copy(client, to_server, count_sent), _copy(server, to_client, count_received)
        )
        del self._open[task]

    async def close_connections(self) -> None:
        """Close all clients' connections, and wait for the end of their forwarding."""
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*filter(None, self._open), return_exceptions=True)


@asynccontextmanager
async def counting_proxy(
    server: str, auth: ServerAuth | None = None
) -> AsyncIterator[tuple[str, CountingProxy]]:
    """Run a proxy for a server's URL, and yield the proxy's URL, too.

    With `auth`, both are TLS servers of the same CA.
    """
    proxy = CountingProxy(server, auth)
    context = None
    if auth:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        auth.issue_certificate().configure_cert(context)
    listener = await asyncio.start_server(proxy.forward, LOOPBACK, 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield f"{urlsplit(server).scheme}://{LOOPBACK}:{port}", proxy
    finally:
        listener.close()
        await proxy.close_connections()


async def _copy(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, count: Callable[[bytes], None]
) -> None:
    """Copy until `source` ends; closing `sink` makes the other direction end, too."""
    with closing(sink), suppress(OSError):
        while data := await source.read(CHUNK_BYTES):
            count(data)
            sink.write(data)
            await sink.drain()
