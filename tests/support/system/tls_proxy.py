"""A proxy that speaks TLS with its clients, and clear text with a local server."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, override

import trustme

from stack.processes.ports import LOOPBACK
from tests.support.system.tcp_proxy import CuttableProxy, reserved_port

CHUNK_BYTES = 65536

GRPC = ("h2",)
"""The protocol that clients of gRPC insist on (ALPN)."""


def make_server_context(
    certificate: trustme.LeafCert,
    *,
    clients: trustme.CA | None = None,
    protocols: Sequence[str] = (),
) -> ssl.SSLContext:
    """Return a server's context, which asks for certificates of the CA `clients`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    if protocols:
        context.set_alpn_protocols(protocols)
    if clients:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class TlsProxy(CuttableProxy):
    """Forwards what its clients say over TLS to the local port `target_port`.

    Another `context` counts for new connections. `clients` are the names in the certificates of those that have
    connected, empty for clients without one.
    """

    def __init__(self, target_port: int, reserved: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(target_port, reserved)
        self.context = context
        self.clients: list[str] = []

    @property
    def address(self) -> str:
        """The address of this proxy, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    @override
    def url(self) -> str:
        return f"https://{self.address}"

    @override
    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = _TlsStream(self.context, reader, writer)
        with suppress(ConnectionError, ssl.SSLError):
            try:
                await stream.shake_hands()
            except ssl.SSLError:
                await _wait_until_read(reader, writer)
            else:
                self.clients.append(stream.client)
                await self._exchange(stream)
        self._open.discard(writer)
        writer.close()

    async def _exchange(self, stream: "_TlsStream") -> None:
        """Forward in both directions until one side has ended."""
        server, to_server = await asyncio.open_connection(LOOPBACK, self.target_port)
        self._open.add(to_server)
        copies = [
            asyncio.create_task(_copy_to_server(stream, to_server)),
            asyncio.create_task(_copy_to_client(server, stream)),
        ]
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        self._open.discard(to_server)
        to_server.close()
        await stream.say_goodbye()


class _TlsStream:
    """The server's side of TLS on a connection.

    asyncio's own does not send the alert that tells a client why it is refused.
    """

    def __init__(
        self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader, self._writer = reader, writer
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_side=True)

    @property
    def client(self) -> str:
        """The name in the client's certificate; empty without one."""
        certificate: Any = self._tls.getpeercert() or {}
        return next((name for _, name in certificate.get("subjectAltName", ())), "")

    async def shake_hands(self) -> None:
        await self._run(self._tls.do_handshake)

    async def read(self) -> bytes:
        return await self._run(lambda: self._tls.read(CHUNK_BYTES))

    async def write(self, data: bytes) -> None:
        self._tls.write(data)
        await self._send()

    async def say_goodbye(self) -> None:
        """Tell the client that nothing more follows."""
        with suppress(ssl.SSLError):  # the client's own goodbye is not awaited
            self._tls.unwrap()
        await self._send()

    async def _run[T](self, operation: Callable[[], T]) -> T:
        """Repeat an operation until enough has been received for it."""
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                pass
            finally:
                await self._send()
            if data := await self._reader.read(CHUNK_BYTES):
                self._received.write(data)
            else:
                self._received.write_eof()

    async def _send(self) -> None:
        self._writer.write(self._to_send.read())
        await self._writer.drain()


async def _copy_to_server(stream: _TlsStream, writer: asyncio.StreamWriter) -> None:
    while data := await stream.read():
        writer.write(data)
        await writer.drain()


async def _copy_to_client(reader: asyncio.StreamReader, stream: _TlsStream) -> None:
    while data := await reader.read(CHUNK_BYTES):
        await stream.write(data)


async def _wait_until_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let a client read why it is refused, by not closing before it does."""
    writer.write_eof()
    while await reader.read(CHUNK_BYTES):
        pass


@asynccontextmanager
async def tls_proxy_to(port: int, context: ssl.SSLContext) -> AsyncIterator[TlsProxy]:
    """Run a connected proxy to a local port."""
    with reserved_port() as reserved:
        proxy = TlsProxy(port, reserved, context)
        await proxy.connect()
        try:
            yield proxy
        finally:
            await proxy.cut()
