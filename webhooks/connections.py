"""HTTP connections with bounds: their number, their duration and their headers.

Anybody who reaches the port can open them, and each takes a file descriptor of the worker. uvicorn has a deadline
only between two requests, and a limit that turns away whoever comes after it is reached.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, Protocol, cast, override

from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS: Final = 64
MAX_CONNECTIONS_PER_CLIENT: Final = 32

CONNECTION_TIMEOUT_SECONDS: Final = 10.0
"""From the start of a connection to the end of its answer. GitHub and GitLab give up after 10 s, too
(https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks)."""

MAX_HEADER_BYTES: Final = 8192
"""All header lines of a request; those of Git hosts have some 1,000 bytes."""

HEADER_BLOCK_BYTES: Final = 1024
"""How far a header may exceed its limit: h11 checks it between the blocks that it gets."""


class Connection(Protocol):
    """What decides whether a connection may stay."""

    @property
    def network(self) -> bytes:
        """The client, as `get_network` returns it."""

    @property
    def accepted(self) -> float:
        """When the connection began, in seconds of a monotonic clock."""


def get_network(address: str) -> bytes:
    """Return the IPv4 address, or the first 64 bits of an IPv6 address, as bytes.

    An IPv6 client usually owns all addresses that share these bits (RFC 6177).
    """
    return ip_address(address).packed[:8]


def find_excess[C: Connection](connections: Iterable[C], newest: C) -> C | None:
    """Return the connection to close because of `newest`, which is one of them.

    It is the oldest of the newest one's client if that has too many, or the oldest of the client with the most if
    there are too many in all. So a client that opens many closes its own, and nobody is turned away.
    """
    by_age = sorted(connections, key=lambda connection: connection.accepted)
    counts = Counter(connection.network for connection in by_age)
    if counts[newest.network] > MAX_CONNECTIONS_PER_CLIENT:
        network = newest.network
    elif counts.total() > MAX_CONNECTIONS:
        [(network, _)] = counts.most_common(1)  # of several, the one that came first
    else:
        return None
    return next(connection for connection in by_age if connection.network == network)


class BoundedConnection(H11Protocol):
    """An HTTP/1.1 connection of uvicorn with these bounds."""

    refused = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.network = get_network(transport.get_extra_info("peername")[0])
        self.accepted = self.loop.time()
        self.deadline = self.loop.call_later(CONNECTION_TIMEOUT_SECONDS, self._time_out)
        if excess := find_excess(cast(set[BoundedConnection], self.connections), self):
            excess._drop()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.deadline.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        rest = data if self.cycle else self._receive_header(data)
        if rest and not self.refused and not self._has_whole_request():
            super().data_received(rest)
        # Else it is forgotten. If it stayed unread, a reset would overtake the answer.

    def _has_whole_request(self) -> bool:
        return self.cycle is not None and not self.cycle.more_body

    def _receive_header(self, data: bytes) -> bytes:
        """Pass on the header, of which `data` is a part; return what follows it.

        Chunked bodies are refused: chunks of one byte would take seconds of CPU, and no sender of webhooks needs
        them.
        """
        while data and not self.cycle and not self.refused:
            super().data_received(data[:HEADER_BLOCK_BYTES])
            data = data[HEADER_BLOCK_BYTES:]
        if self.cycle and any(name == b"transfer-encoding" for name, _ in self.headers):
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        return data

    @override
    def send_400_response(self, msg: str) -> None:
        # That of uvicorn fails for HEAD, and beside an answer that is due.
        self._refuse(HTTPStatus.BAD_REQUEST)

    @override
    def shutdown(self) -> None:
        if self.refused or not self._has_whole_request():
            self.transport.abort()
        else:
            super().shutdown()

    def _time_out(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        self.transport.abort()

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer if the application has not, and wait for the client to close."""
        if self.refused or (self.cycle and self.cycle.response_started):
            return
        self.refused = True
        if self.cycle:
            self.cycle.disconnected = True
            self.cycle.waiting_for_100_continue = False
            self.cycle.message_event.set()
        answer = (
            f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        self.transport.write(answer.encode())
        with suppress(OSError):  # the client may just have reset the connection
            self.transport.write_eof()

    def _drop(self) -> None:
        self.connections.discard(self)  # at once, as others may arrive before it is closed
        self.transport.abort()
