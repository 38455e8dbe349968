"""Servers that mean harm, and what each sends in place of a page of a list.

Run as a script, it serves all of them until it ends, and writes a worker's credential for each, so that they take no
time from the process that measures.
"""

import gzip
import json
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from secrets import token_urlsafe
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import BinaryIO, Final, override

import trustme

sys.path.insert(0, str(Path(__file__).parents[2]))  # where this runs as a script

from stack.kubernetes.base import ServerAuth
from stack.processes.ports import LOOPBACK

type Answer = Callable[[], Iterator[bytes]]
"""Yields an answer piece by piece, with its pauses. One without a length ends with its connection."""

DRIP_SECONDS: Final = 0.05
DRIPS: Final = 1200
"""After so many bytes, a minute, a dripping server sends the rest, so that a client without deadlines sees all."""

PAGE_OBJECTS: Final = 500
HUGE_BYTES: Final = 30_000_000
"""Less than a page may have."""

OBJECT_BYTES: Final = 1_900_000
"""Less than an object may have."""

_START: Final = b'{"kind":"ServerList","metadata":{},"items":['
_OBJECT_START: Final = b'{"metadata":{"name":"a"},"spec":{"a":'
_EMPTY_PAGE: Final = _START + b"]}"


def _make_head(*headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    return "\r\n".join((*lines, "", "")).encode()


@cache
def _make_page() -> bytes:
    items = [{"metadata": {"name": f"server-{n}"}, "spec": {}} for n in range(PAGE_OBJECTS)]
    page = {"kind": "ServerList", "metadata": {"continue": "next"}, "items": items}
    return json.dumps(page).encode()


@cache
def _make_keys() -> bytes:
    return b",".join(b'"%x":0' % number for number in range(OBJECT_BYTES // 10))


@cache
def _make_bomb() -> bytes:
    return gzip.compress(b" " * 10_000_000)


def _send_page(*parts: bytes) -> Iterator[bytes]:
    yield _make_head(f"Content-Length: {sum(map(len, parts))}")
    yield from parts


def _drip(text: bytes) -> Iterator[bytes]:
    for byte in text:
        time.sleep(DRIP_SECONDS)
        yield bytes([byte])


def send_huge_page() -> Iterator[bytes]:
    """Send a page of millions of items, of two bytes each."""
    return _send_page(_START, *[b"0," * 50_000] * (HUGE_BYTES // 100_000), b"0]}")


def send_endless_page() -> Iterator[bytes]:
    """Send objects without end, as fast as they are taken."""
    yield _make_head() + _START
    block = b'{"metadata":{"name":"a"},"spec":{}},' * 1000
    for _ in count():
        yield block


def send_endless_list() -> Iterator[bytes]:
    """Send one small page of a list that has always another one."""
    return _send_page(_make_page())


def send_dense_objects() -> Iterator[bytes]:
    """Send objects of many small values, which take many times their size in memory."""
    dense = _OBJECT_START + b"[" + b'{"a":{}},' * (OBJECT_BYTES // 9) + b"0]}}"
    return _send_page(_START, *[dense + b","] * 3, dense, b"]}")


def send_many_keys() -> Iterator[bytes]:
    """Send objects of many keys, none of which occurs twice."""
    keyed = _OBJECT_START + b"{" + _make_keys() + b"}}}"
    return _send_page(_START, *[keyed + b","] * 7, keyed, b"]}")


def send_deep_json() -> Iterator[bytes]:
    """Send an object that is nested a hundred thousand times."""
    depth = 100_000
    return _send_page(_START, _OBJECT_START, b'{"a":' * depth, b"0", b"}" * depth, b"}}]}")


def send_long_token() -> Iterator[bytes]:
    """Send an empty page whose continue token is a megabyte."""
    page = {"kind": "ServerList", "metadata": {"continue": "x" * 1_000_000}, "items": []}
    return _send_page(json.dumps(page).encode())


def send_compressed() -> Iterator[bytes]:
    """Send some kilobytes that are gigabytes once they are decompressed."""
    yield _make_head("Content-Encoding: gzip")
    for _ in range(200):
        yield _make_bomb()


def drip_headers() -> Iterator[bytes]:
    """Send a header byte by byte."""
    yield b"HTTP/1.1 200 OK\r\nX-Header: "
    yield from _drip(b"x" * DRIPS)
    yield f"\r\nContent-Length: {len(_EMPTY_PAGE)}\r\n\r\n".encode() + _EMPTY_PAGE


def drip_body() -> Iterator[bytes]:
    """Send a page byte by byte."""
    yield _make_head(f"Content-Length: {DRIPS + len(_EMPTY_PAGE)}")
    yield from _drip(b" " * DRIPS)
    yield _EMPTY_PAGE


def redirect() -> Iterator[bytes]:
    """Send a redirect to another server."""
    location = f"Location: https://{LOOPBACK}:1/"
    yield _make_head(location, "Content-Length: 0", status="302 Found")


def send_less_than_said() -> Iterator[bytes]:
    """Announce a terabyte, and close the connection after a whole page."""
    yield _make_head("Content-Length: 1000000000000", "Connection: close") + _EMPTY_PAGE


def send_more_than_said() -> Iterator[bytes]:
    """Announce a part of a page, and send all of it."""
    yield _make_head(f"Content-Length: {len(_START)}") + _EMPTY_PAGE


HOSTILE_ANSWERS: Final[Mapping[str, Answer]] = {
    "huge-page": send_huge_page,
    "endless-page": send_endless_page,
    "endless-list": send_endless_list,
    "dense-objects": send_dense_objects,
    "many-keys": send_many_keys,
    "deep-json": send_deep_json,
    "long-token": send_long_token,
    "compressed": send_compressed,
    "dripping-headers": drip_headers,
    "dripping-body": drip_body,
    "redirect": redirect,
    "less-than-said": send_less_than_said,
    "more-than-said": send_more_than_said,
}
"""Every sort of hostile server, by its name."""


@contextmanager
def hostile_server(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer all requests in one way until the block ends, and yield the port."""

    class Handler(StreamRequestHandler):
        @override
        def handle(self) -> None:
            with suppress(OSError):  # the client has had enough
                self._answer_all()

        def _answer_all(self) -> None:
            plain = self.connection
            connection = context.wrap_socket(plain, server_side=True) if context else plain
            with connection, connection.makefile("rb") as lines:
                while _read_request(lines):
                    parts = answer()
                    head = next(parts)
                    connection.sendall(head)
                    for part in parts:
                        connection.sendall(part)
                    if b"Content-Length" not in head or b"Connection: close" in head:
                        return

    with _Server((LOOPBACK, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _read_request(lines: BinaryIO) -> bool:
    """Read a request without a body; return whether there was one."""
    has_begun = False
    while lines.readline() not in (b"\r\n", b""):
        has_begun = True
    return has_begun


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def make_auth() -> ServerAuth:
    """Return a new CA, and a token that is sent in vain."""
    return ServerAuth(token_urlsafe(24), trustme.CA())


def make_tls_context(auth: ServerAuth) -> ssl.SSLContext:
    """Return the server's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    auth.issue_certificate().configure_cert(context)
    return context


def main(credentials: Path) -> None:
    """Serve all sorts, with a credential for each in a folder of its name."""
    auth = make_auth()
    context = make_tls_context(auth)
    with ExitStack() as servers:
        for name, answer in HOSTILE_ANSWERS.items():
            port = servers.enter_context(hostile_server(answer, context))
            auth.write_credential(credentials / name, f"https://{LOOPBACK}:{port}")
        Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
