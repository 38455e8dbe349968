"""The faults of an exchange: what the product gets in place of the usual answer.

Each is written to the connection as bytes, so it may break HTTP itself. Afterwards the connection is closed.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from itertools import batched
from typing import Final

from workflows.activity_errors import MAX_ATTEMPTS

RETRY_AFTER_SECONDS: Final = 2
DELAY_SECONDS: Final = 1.0
"""Below every timeout of the product in these tests."""

DRIP_SECONDS: Final = 15.0
HANG_SECONDS: Final = 15.0
"""Above every such timeout."""

DRIPS: Final = 60
"""The number of pieces of an answer that drips; the pauses between them are below every timeout."""

LINGER_NEVER: Final = struct.pack("ii", 1, 0)
"""The value of SO_LINGER with which a closed connection is reset."""

HTML_PAGE: Final = b"<!DOCTYPE html><html><body><h1>Welcome</h1><p>Please log in.</p></body></html>"


class Dependency(StrEnum):
    """What can fail: what the product talks to, and the machine it runs on."""

    NETBOX = "netbox"
    GIT = "git"
    KUBERNETES = "kubernetes"
    TEMPORAL = "temporal"
    WORKER = "worker"


@dataclass(frozen=True)
class Answer:
    """An answer of a server."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def head(self) -> bytes:
        """The status line and the headers. No other answer follows on this connection."""
        headers = {**self.headers, "Content-Length": str(len(self.body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


type Transmit = Callable[[asyncio.Transport, Answer], Awaitable[None]]


async def send(transport: asyncio.Transport, answer: Answer) -> None:
    """Send the whole answer."""
    transport.write(answer.head + answer.body)
    transport.close()


async def delay(transport: asyncio.Transport, answer: Answer) -> None:
    """Send the answer late, but in time."""
    await asyncio.sleep(DELAY_SECONDS)
    await send(transport, answer)


async def drip(transport: asyncio.Transport, answer: Answer) -> None:
    """Send the answer in small pieces, from its first byte on."""
    data = answer.head + answer.body
    for piece in batched(data, len(data) // DRIPS + 1):
        transport.write(bytes(piece))
        await asyncio.sleep(DRIP_SECONDS / DRIPS)
    transport.close()


async def drop(transport: asyncio.Transport, _: Answer) -> None:
    """Close the connection in place of an answer."""
    transport.close()


async def truncate(transport: asyncio.Transport, answer: Answer) -> None:
    """Close the connection within the body, or within the head if there is no body."""
    kept = answer.body[: len(answer.body) // 2]
    transport.write(answer.head + kept if answer.body else answer.head[:-2])
    transport.close()


async def reset(transport: asyncio.Transport, _: Answer) -> None:
    """Reset the connection."""
    sock: socket.socket = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NEVER)
    transport.abort()


async def hang(transport: asyncio.Transport, _: Answer) -> None:
    """Send nothing until the client has given up."""
    await asyncio.sleep(HANG_SECONDS)
    transport.close()


@dataclass(frozen=True)
class Fault:
    """What happens to an exchange.

    The server gets the request if the fault `reaches_server`. Its answer is replaced by that of `make_answer`, which
    takes the dependency and the address of another server.
    """

    name: str
    transmit: Transmit = send
    make_answer: Callable[[Dependency, str], Answer] | None = None
    reaches_server: bool = False


def _refusal(status: int, **headers: str) -> Callable[[Dependency, str], Answer]:
    def make_answer(dependency: Dependency, _: str) -> Answer:
        reason = HTTPStatus(status).phrase
        bodies = {
            Dependency.NETBOX: {"detail": reason},
            Dependency.KUBERNETES: {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": reason,
                "code": status,
            },
        }
        if body := bodies.get(dependency):
            all_headers = headers | {"Content-Type": "application/json"}
            return Answer(status, all_headers, json.dumps(body).encode())
        return Answer(status, headers | {"Content-Type": "text/plain"}, reason.encode())

    return make_answer


def _redirect(status: int) -> Callable[[Dependency, str], Answer]:
    def make_answer(_: Dependency, elsewhere: str) -> Answer:
        return Answer(status, {"Location": elsewhere})

    return make_answer


def _html_page(_: Dependency, __: str) -> Answer:
    return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, HTML_PAGE)


_RETRY_AFTER: Final = {"Retry-After": str(RETRY_AFTER_SECONDS)}

HANG: Final = Fault("hang", hang, reaches_server=True)

FAULTS: Final = (
    Fault("delay", delay, reaches_server=True),
    Fault("drip", drip, reaches_server=True),
    Fault("drop", drop, reaches_server=True),
    Fault("truncate", truncate, reaches_server=True),
    Fault("reset", reset),
    HANG,
    *(Fault(str(status), make_answer=_refusal(status)) for status in (400, 401, 403, 404)),
    *(Fault(str(status), make_answer=_refusal(status)) for status in (409, 410, 412)),
    Fault("429", make_answer=_refusal(429, **_RETRY_AFTER)),
    Fault("500", make_answer=_refusal(500)),
    Fault("502", make_answer=_refusal(502), reaches_server=True),
    Fault("503", make_answer=_refusal(503, **_RETRY_AFTER)),
    Fault("html", make_answer=_html_page),
    *(Fault(f"redirect {status}", make_answer=_redirect(status)) for status in (301, 302, 307)),
)
"""All faults of an exchange."""

BY_NAME: Final = {fault.name: fault for fault in FAULTS}

LASTING: Final = ("500", "reset")
"""Faults that the product meets again when it tries again at once, and then as an error."""

LASTING_TIMES: Final = MAX_ATTEMPTS + 1
"""One more than the attempts of an activity."""
