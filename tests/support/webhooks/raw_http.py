"""Webhooks as bytes on a connection, from clients with addresses of their own."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.support.webhooks.senders import Request

ANSWER_SECONDS = 60
"""More than a busy machine needs, and than the receiver leaves a connection open."""


@dataclass(frozen=True)
class RawConnection:
    """A connection to the receiver."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def is_open(self) -> bool:
        """False once the receiver has closed it."""
        return not self.reader.at_eof() and self.reader.exception() is None

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def read_answer(self) -> bytes:
        """Return all that comes until the receiver closes the connection."""
        return await asyncio.wait_for(self.reader.read(), ANSWER_SECONDS)


@asynccontextmanager
async def connected(url: str, source: str = "127.0.0.1") -> AsyncIterator[RawConnection]:
    """Connect from the address `source`: a Linux host has all of 127.0.0.0/8."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port, local_addr=(source, 0)
    )
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def silent_connections(
    url: str, sources: Iterable[str]
) -> AsyncIterator[list[RawConnection]]:
    """Open a connection from each of these addresses, and send nothing."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(url, source)) for source in sources]


async def exchange(url: str, data: bytes) -> bytes:
    """Send these bytes on a new connection, and return all that comes back."""
    async with connected(url) as connection:
        await connection.send(data)
        return await connection.read_answer()


def in_http(
    request: Request,
    *more_headers: str,
    method: str = "POST",
    path: str = "/git",
    version: str = "1.1",
    length: int | str | None = None,
) -> bytes:
    """Return a request as bytes; `length` replaces the length of its body."""
    headers, body = request
    lines = (
        f"{method} {path} HTTP/{version}",
        "Host: here",
        f"Content-Length: {len(body) if length is None else length}",
        *(f"{name}: {value}" for name, value in headers.items()),
        *more_headers,
        "",
    )
    return "".join(f"{line}\r\n" for line in lines).encode() + body


def read_status(answer: bytes) -> int:
    """Return the status of the first response."""
    return int(answer.split(b" ", 2)[1])
