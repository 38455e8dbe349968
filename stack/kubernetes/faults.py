"""Faults that tests inject into an emulated Kubernetes API."""

import asyncio
import math
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

TRICKLE_PAUSE_SECONDS: Final = 0.1

_REASONS: Final = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}


@dataclass
class Fault:
    """A failure of the next `times` requests for the kind `plural` (empty: all).

    With `status` 0 the API does not answer before `clear_faults`, and then with 503. `body` replaces the usual
    Status object. With `later_pages_only`, the first page of a list does not fail.
    """

    status: int
    plural: str = ""
    retry_after: int | None = None
    body: str | None = None
    later_pages_only: bool = False
    times: float = math.inf
    cleared: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def applies_to(self, request: web.BaseRequest) -> bool:
        """Return whether this request fails."""
        matches_kind = not self.plural or self.plural in request.path.split("/")
        matches_page = not self.later_pages_only or "continue" in request.query
        return matches_kind and matches_page and self.times > 0

    async def respond(self, _request: web.BaseRequest) -> web.StreamResponse:
        """Return the response of a request that fails."""
        self.times -= 1
        if self.status == 0:
            await self.cleared.wait()
            return make_status_response(503, "injected by a test")
        if self.body is not None:
            return web.Response(text=self.body, status=self.status, content_type="text/html")
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return make_status_response(self.status, "injected by a test", headers)


@dataclass
class EndlessResponse(Fault):
    """A response that never ends: one byte every `TRICKLE_PAUSE_SECONDS`."""

    status: int = 200

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(TRICKLE_PAUSE_SECONDS)


@dataclass
class BrokenConnection(Fault):
    """A connection that the API closes in place of a response."""

    status: int = 0

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport:
            request.transport.abort()
        return await super().respond(request)


def make_status_response(
    status: int, message: str, headers: dict[str, str] | None = None
) -> web.Response:
    """Return an error in the format of Kubernetes."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(status, ""),
        "code": status,
    }
    return web.json_response(body, status=status, headers=headers)
