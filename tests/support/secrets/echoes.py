"""Servers that repeat the credentials of their clients in whatever they answer."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

from aiohttp import web

from stack.kubernetes.faults import Fault
from stack.processes.ports import LOOPBACK
from tests.support.faults.proxy import serve


@dataclass
class EchoFault(Fault):
    """An API's answer with the token of the request in each part that may have one."""

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers["Authorization"]
        words = f"You sent {token}"
        return web.json_response(
            {"kind": "Status", "message": words, "reason": words, "items": words},
            status=self.status,
            reason=words,
            headers={"Location": f"https://{LOOPBACK}:1/{token}", "Retry-After": words},
        )


def _json(status: int) -> Callable[[str], web.Response]:
    def answer(words: str) -> web.Response:
        body = {"detail": words, "__all__": [words], "name": [words], "next": words}
        return web.json_response(body, status=status, reason=words, headers={"ETag": words})

    return answer


def _page(words: str) -> web.Response:
    return web.Response(text=f"<p>{words}</p>", status=502, reason=words, content_type="text/html")


def _redirect(words: str) -> web.Response:
    location = f"http://{LOOPBACK}:1/{words.rpartition(' ')[2]}"
    return web.Response(status=302, reason=words, headers={"Location": location})


def _garbage(words: str) -> web.Response:
    return web.Response(text=words)


ANSWERS: Final = (
    _json(401),
    _json(403),
    _json(400),
    _json(500),
    _json(200),
    _page,
    _redirect,
    _garbage,
)


@dataclass
class EchoingNetBox:
    """Answers requests in turn with each of `ANSWERS`; `received` are the tokens."""

    url: str = ""
    received: list[str] = field(default_factory=list)
    answers: Callable[[], Callable[[str], web.Response]] = field(
        default_factory=lambda: cycle(ANSWERS).__next__
    )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        token = request.headers["Authorization"]
        self.received.append(token)
        return self.answers()(f"You sent {token}")

    async def count_received(self) -> int:
        """Return the number of requests so far."""
        return len(self.received)


@asynccontextmanager
async def echoing_netbox() -> AsyncIterator[EchoingNetBox]:
    """Run such a NetBox."""
    netbox = EchoingNetBox()
    async with serve(netbox.handle, None) as port:
        netbox.url = f"http://{LOOPBACK}:{port}"
        yield netbox
