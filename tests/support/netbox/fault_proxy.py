"""A proxy before NetBox that fakes empty lists, and delays or drops answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import ClientSession, web

from tests.support.system.installation import DEFAULT_TIMEOUT_SECONDS

FORWARDED_HEADERS: Final = ("Authorization", "If-Match", "Content-Type", "Accept")
WRITE_METHODS: Final = frozenset({"POST", "PATCH", "DELETE"})
EMPTY_LIST: Final = dict[str, object](count=0, next=None, previous=None, results=[])


@dataclass
class FaultProxy:
    """Forwards requests to `target_url`, except lists that it answers as empty.

    These are the lists whose path contains one of `empty_lists`.

    While `released` is not set, answers are held back; `held_answers` counts them. With `drops_creates` it
    hangs up on the first create request of each path after NetBox has done it; these are `dropped_paths`.
    `max_concurrent` is the highest number of requests under way at the same time. `rows_received` counts
    the rows in lists to create, change or delete, whatever NetBox does with them.
    """

    target_url: str
    client: ClientSession
    empty_lists: tuple[str, ...] = ()
    released: asyncio.Event = field(default_factory=asyncio.Event)
    held_answers: int = 0
    max_concurrent: int = 0
    drops_creates: bool = False
    dropped_paths: set[str] = field(default_factory=set)
    rows_received: int = 0
    url: str = ""
    _rows_changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _concurrent: int = 0

    async def count_held_answers(self) -> int:
        """Return how many answers are held back."""
        return self.held_answers

    async def wait_for_rows(self, rows: int, seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        """Wait for so many rows; NetBox still works on the last of them."""
        async with asyncio.timeout(seconds), self._rows_changed:
            await self._rows_changed.wait_for(lambda: self.rows_received >= rows)

    async def handle(self, request: web.Request) -> web.Response:
        """Return the answer to one request."""
        self._concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self._concurrent)
        try:
            return await self._handle(request)
        finally:
            self._concurrent -= 1

    async def _handle(self, request: web.Request) -> web.Response:
        if request.method == "GET" and any(part in request.path for part in self.empty_lists):
            return web.json_response(EMPTY_LIST)
        await self._count_rows(request)
        response = await self._forward(request)
        self.held_answers += 1
        await self.released.wait()
        self.held_answers -= 1
        creates = request.method == "POST" and request.path.startswith("/api/")
        if (
            self.drops_creates
            and creates
            and request.path not in self.dropped_paths
            and request.transport
        ):
            self.dropped_paths.add(request.path)
            request.transport.abort()
        return response

    async def _count_rows(self, request: web.Request) -> None:
        if request.method in WRITE_METHODS and request.path.startswith("/api/"):
            body = await request.json()
            async with self._rows_changed:
                self.rows_received += len(body) if isinstance(body, list) else 0
                self._rows_changed.notify_all()

    async def _forward(self, request: web.Request) -> web.Response:
        headers = {
            name: request.headers[name] for name in FORWARDED_HEADERS if name in request.headers
        }
        request_context = self.client.request(
            request.method,
            f"{self.target_url}{request.path_qs}",
            data=await request.read(),
            headers=headers,
        )
        async with request_context as response:
            etag = {"ETag": response.headers["ETag"]} if "ETag" in response.headers else {}
            return web.Response(
                body=await response.read(),
                status=response.status,
                headers={**etag, "Content-Type": response.headers.get("Content-Type", "")},
            )


@asynccontextmanager
async def run_fault_proxy(target_url: str) -> AsyncIterator[FaultProxy]:
    """Run a proxy for the NetBox at `target_url`, without faults at first."""
    async with ClientSession() as client:
        proxy = FaultProxy(target_url, client)
        proxy.released.set()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield proxy
        finally:
            proxy.released.set()
            await runner.cleanup()
