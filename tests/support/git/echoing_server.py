"""A Git server that repeats the credentials of its clients."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

from tests.support.git.hostile_servers import COMMIT, MESSAGE, build_line

FATAL: Final = b"\x03"
"""The channel of a server's last words."""

ADVERTISEMENT: Final = (
    build_line(b"# service=git-upload-pack\n")
    + b"0000"
    + build_line(b"version 2\n")
    + build_line(b"ls-refs\n")
    + build_line(b"fetch=shallow\n")
    + b"0000"
)
HEADS: Final = build_line(f"{COMMIT} refs/heads/main\n".encode()) + b"0000"


class EchoingGitServer(ThreadingHTTPServer):
    """Repeats in its `way` the headers that it has `received`."""

    def __init__(self, way: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.received = WAYS[way], list[str]()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: EchoingGitServer

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, question: bytes) -> None:
        header = self.headers.get("Authorization", "")
        if header:
            self.server.received.append(header)
        secret = base64.b64decode(header.removeprefix("Basic "))
        words = b"You sent %b, which is %b\n" % (header.encode(), secret)
        status, kind, body = self.server.answer(question, words)
        self.send_response(status, words.decode().strip())
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


type _Answer = tuple[int, str, bytes]
"""Status, content type and body."""


def _answer_with_error_body(_question: bytes, words: bytes) -> _Answer:
    return 500, "text/plain", words


def _answer_with_error_packet(question: bytes, words: bytes) -> _Answer:
    kind = "result" if question else "advertisement"
    start = b"" if question else build_line(b"# service=git-upload-pack\n") + b"0000"
    return 200, f"application/x-git-upload-pack-{kind}", start + build_line(b"ERR " + words)


def _answer_with_sideband(question: bytes, words: bytes) -> _Answer:
    if not question:
        return 200, "application/x-git-upload-pack-advertisement", ADVERTISEMENT
    if b"command=ls-refs" in question:
        return 200, "application/x-git-upload-pack-result", HEADS
    body = build_line(b"packfile\n") + build_line(MESSAGE + words) + build_line(FATAL + words)
    return 200, "application/x-git-upload-pack-result", body


WAYS: Final[dict[str, Callable[[bytes, bytes], _Answer]]] = {
    "error body": _answer_with_error_body,
    "error packet": _answer_with_error_packet,
    "sideband": _answer_with_sideband,
}


@contextmanager
def echoing_git_server(way: str) -> Iterator[EchoingGitServer]:
    """Run such a server; `way` is a key of `WAYS`."""
    with EchoingGitServer(way) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
