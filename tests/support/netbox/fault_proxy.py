"""A stand-in between a worker and NetBox that answers some lists itself, or holds back its answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import ClientSession, web

from tests.support.system.installation import ENOUGH

KEPT_HEADERS: Final = ("Authorization", "If-Match", "Content-Type", "Accept")
WRITES: Final = frozenset({"POST", "PATCH", "DELETE"})
NOTHING: Final = dict[str, object](count=0, next=None, previous=None, results=[])


@dataclass
class FaultProxy:
    """Passes requests on to `target_port`, but answers lists whose path has one of `empty` with nothing in them.

    While `go_on` is not set, answers are held back; `held` counts those. If it `forgets`, it hangs up
    instead of answering the first request to create something at each path, which are the `invalidate`.
    `most` is how many requests were under way at once.
    `rows` counts what came in lists to be created, changed or deleted, whatever became of it.
    """

    target: str
    client: ClientSession
    empty: tuple[str, ...] = ()
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    held: int = 0
    most: int = 0
    forgets: bool = False
    forgotten: set[str] = field(default_factory=set)
    rows: int = 0
    url: str = ""
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)
    _under_way: int = 0

    async def in_hand(self) -> int:
        """How many answers are held back."""
        return self.held

    async def received(self, rows: int, seconds: float = ENOUGH) -> None:
        """Return as soon as so many rows have come; NetBox is still at the last of them."""
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: self.rows >= rows)

    async def answer(self, request: web.Request) -> web.Response:
        """The answer to one request."""
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            return await self._answer(request)
        finally:
            self._under_way -= 1

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method == "GET" and any(part in request.path for part in self.empty):
            return web.json_response(NOTHING)
        await self._count(request)
        answer = await self._pass_on(request)
        self.held += 1
        await self.go_on.wait()
        self.held -= 1
        creates = request.method == "POST" and request.path.startswith("/api/")
        if self.forgets and creates and request.path not in self.forgotten and request.transport:
            self.forgotten.add(request.path)
            request.transport.abort()
        return answer

    async def _count(self, request: web.Request) -> None:
        if request.method in WRITES and request.path.startswith("/api/"):
            written = await request.json()
            async with self._came:
                self.rows += len(written) if isinstance(written, list) else 0
                self._came.notify_all()

    async def _pass_on(self, request: web.Request) -> web.Response:
        kept = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
        asked = self.client.request(
            request.method,
            f"{self.target}{request.path_qs}",
            data=await request.read(),
            headers=kept,
        )
        async with asked as answer:
            tag = {"ETag": answer.headers["ETag"]} if "ETag" in answer.headers else {}
            return web.Response(
                body=await answer.read(),
                status=answer.status,
                headers={**tag, "Content-Type": answer.headers.get("Content-Type", "")},
            )


@asynccontextmanager
async def fault_proxy(target: str) -> AsyncIterator[FaultProxy]:
    """A stand-in for the NetBox at `target_port`, honest at first."""
    async with ClientSession() as client:
        netbox = FaultProxy(target, client)
        netbox.go_on.set()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", netbox.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        netbox.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield netbox
        finally:
            netbox.go_on.set()
            await runner.cleanup()
