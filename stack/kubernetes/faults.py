"""Faults that tests inject into an emulated API: what goes wrong between a worker and a fabric."""

import asyncio
import math
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

TRICKLE_PAUSE_SECONDS: Final = 0.1
"""Seconds."""


@dataclass
class Fault:
    """How requests for one kind fail (all kinds when `plural` is empty), for so many `times`.

    `status` 0 never answers. `body` replaces the usual Status object. With `later_pages_only`, only the
    second and later pages of a list fail.
    """

    status: int
    plural: str = ""
    retry_after: int | None = None
    body: str | None = None
    later_pages_only: bool = False
    times: float = math.inf

    def applies_to(self, request: web.BaseRequest) -> bool:
        """Whether it fails this request."""
        concerned = not self.plural or self.plural in request.path.split("/")
        return (
            concerned
            and (not self.later_pages_only or "continue" in request.query)
            and self.times > 0
        )

    async def respond(self, _request: web.BaseRequest) -> web.StreamResponse:
        """The failure."""
        self.times -= 1
        if self.status == 0:
            await asyncio.Event().wait()
        if self.body is not None:
            return web.Response(text=self.body, status=self.status, content_type="text/html")
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return make_status_response(self.status, "injected by a test", headers)


@dataclass
class EndlessResponse(Fault):
    """An answer that never ends: a byte now and then."""

    status: int = 200

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(TRICKLE_PAUSE_SECONDS)


@dataclass
class Faults:
    """The faults of one API. The first that applies answers."""

    current: list[Fault] = field(default_factory=list)

    def inject(self, fault: Fault) -> None:
        """Let requests fail from now on."""
        self.current = [*self.current, fault]

    def clear(self) -> None:
        """No more faults."""
        self.current = []

    def find(self, request: web.BaseRequest) -> Fault | None:
        """The fault for this request, if any."""
        return next((fault for fault in self.current if fault.applies_to(request)), None)


def make_status_response(
    status: int, message: str, headers: dict[str, str] | None = None
) -> web.Response:
    """An error as Kubernetes words it."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": status,
        "message": message,
    }
    return web.json_response(body, status=status, headers=headers)
