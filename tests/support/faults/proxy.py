"""A proxy that records the exchanges with a dependency, and breaks some of them."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from aiohttp import ClientSession, TCPConnector, web

from stack.processes.ports import LOOPBACK
from tests.support.faults.faults import Answer, Dependency, Fault
from tests.support.faults.steps import NAMES
from workflows.activity_errors import MAX_ATTEMPTS

DROPPED_HEADERS: Final = frozenset(
    {"host", "connection", "transfer-encoding", "content-length", "keep-alive"}
)
"""Headers of one connection, not of a message."""


@dataclass(frozen=True)
class Exchange:
    """A request of the product; `fabric` is empty if it does not tell whose it is."""

    step: str
    fabric: str
    request: web.BaseRequest
    body: bytes


@dataclass(eq=False)
class Injection:
    """A fault at the next `times` exchanges of a step.

    Exchanges that do not tell the fabric count for every fabric. `reached` is set during the first one, `over` when the
    last one has ended, at `ended`. `transmitted` counts those that were struck before their client left.
    """

    fault: Fault
    step: str
    fabric: str
    times: int = 1
    hits: int = 0
    transmitted: int = 0
    ended: datetime | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, exchange: Exchange) -> bool:
        """Return whether this fault strikes the exchange."""
        is_own = exchange.fabric in ("", self.fabric)
        return is_own and exchange.step == self.step and self.hits < self.times

    @property
    def has_struck(self) -> bool:
        """Whether it struck as often as asked, or all attempts of an activity.

        The product may wait for long before it tries more often.
        """
        return self.transmitted >= min(self.times, MAX_ATTEMPTS)

    @contextmanager
    def hit(self) -> Iterator[None]:
        """Count an exchange, which lasts as long as the block."""
        self.hits += 1
        is_last = self.hits == self.times
        try:
            yield
        finally:
            self.ended = datetime.now(UTC)
            if is_last:
                self.over.set()


@dataclass
class FaultyProxy:
    """Forwards requests to `target`; `find_fabric` tells by its text whose one is.

    `exchanges` counts the exchanges by fabric and step. With `page_limit`, lists of Kubernetes have pages of that size.
    """

    dependency: Dependency
    target: str
    find_fabric: Callable[[str], str]
    elsewhere: str
    client: ClientSession
    page_limit: int = 0
    url: str = ""
    exchanges: Counter[tuple[str, str]] = field(default_factory=Counter)
    injections: list[Injection] = field(default_factory=list)

    def inject(self, fault: Fault, step: str, fabric: str, times: int = 1) -> Injection:
        """Let a fault strike the next exchanges of this step and fabric."""
        injection = Injection(fault, step, fabric, times)
        self.injections.append(injection)
        return injection

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        text = request.path_qs + body.decode(errors="replace")
        step = NAMES[self.dependency](request, body)
        exchange = Exchange(step, self.find_fabric(text), request, body)
        self.exchanges[exchange.fabric, exchange.step] += 1
        for injection in self.injections:
            if injection.matches(exchange):
                with injection.hit():
                    await self._strike(injection, exchange)
                return web.Response()  # the connection is closed
        answer = await self._forward(exchange)
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _strike(self, injection: Injection, exchange: Exchange) -> None:
        fault, transport = injection.fault, exchange.request.transport
        answer = await self._forward(exchange) if fault.reaches_server else Answer(200)
        if fault.make_answer:
            answer = fault.make_answer(self.dependency, f"{self.elsewhere}{exchange.request.path}")
        injection.reached.set()
        if transport is not None:  # the client has not left
            injection.transmitted += 1
            await fault.transmit(transport, answer)

    async def _forward(self, exchange: Exchange) -> Answer:
        request = exchange.request
        headers = {
            name: value
            for name, value in request.headers.items()
            # aiohttp has decompressed the body
            if name.lower() not in DROPPED_HEADERS | {"content-encoding"}
        }
        url = request.rel_url
        if self.page_limit and "limit" in url.query:
            url = url.update_query(limit=self.page_limit)
        async with self.client.request(
            request.method,
            f"{self.target}{url}",
            headers=headers,
            data=exchange.body,
            allow_redirects=False,
        ) as response:
            kept = {
                name: value
                for name, value in response.headers.items()
                if name.lower() not in DROPPED_HEADERS
            }
            return Answer(response.status, kept, await response.read())


@asynccontextmanager
async def run_proxy(
    dependency: Dependency,
    target: str,
    find_fabric: Callable[[str], str],
    elsewhere: str,
    tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
) -> AsyncIterator[FaultyProxy]:
    """Run a proxy without faults; `tls` are the contexts of its server and client."""
    server_tls, client_tls = tls or (None, None)
    connector = TCPConnector(ssl=client_tls or True, limit=0)
    async with ClientSession(
        connector=connector,
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    ) as client:
        proxy = FaultyProxy(dependency, target, find_fabric, elsewhere, client)
        async with serve(proxy.handle, server_tls) as port:
            proxy.url = f"{'https' if tls else 'http'}://{LOOPBACK}:{port}"
            yield proxy


@dataclass
class Elsewhere:
    """Another server, to which nobody should be led; `requests` are those that were."""

    url: str = ""
    requests: list[str] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Note a request."""
        self.requests.append(f"{request.method} {request.path_qs}")
        return web.json_response({})


@asynccontextmanager
async def run_elsewhere() -> AsyncIterator[Elsewhere]:
    """Run such a server."""
    elsewhere = Elsewhere()
    async with serve(elsewhere.handle, None) as port:
        elsewhere.url = f"http://{LOOPBACK}:{port}"
        yield elsewhere


@asynccontextmanager
async def serve(
    handle: Callable[[web.BaseRequest], object], tls: ssl.SSLContext | None
) -> AsyncIterator[int]:
    """Serve on a free port, which it yields. A handler ends when its client leaves."""
    server = web.Server(handle, handler_cancellation=True, access_log=None)  # type: ignore[arg-type]
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls).start()
        yield runner.addresses[0][1]
        for connection in server.connections:
            if connection.transport:  # do not wait for the clients' TLS shutdown
                connection.transport.abort()
    finally:
        await runner.cleanup()
