"""Git servers that never end: they drip, flood, or send data without any end."""

import os
import socketserver
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from typing import Final

COMMIT: Final = "1" * 40
BLOB: Final = 3
TREE: Final = 2
PACK_DATA: Final = b"\x01"
MESSAGE: Final = b"\x02"
CHUNK_BYTES: Final = 60_000

type Answer = Callable[[], Iterator[bytes]]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""


class _WebServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""


@contextmanager
def dripping_server(start: bytes, drop: bytes, pause_seconds: float = 0.02) -> Iterator[str]:
    """A server that answers each connection with `start`, and `drop` again and again.

    Yields its host and port.
    """
    stopped = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(65536)
                self.request.sendall(start)
                while not stopped.wait(pause_seconds):
                    self.request.sendall(drop)

    with _Server(("127.0.0.1", 0), Handler) as server, _serving(server):
        yield f"127.0.0.1:{server.server_address[1]}"
        stopped.set()


def build_line(data: bytes) -> bytes:
    """Return a line of Git's protocol (pkt-line)."""
    return b"%04x%b" % (len(data) + 4, data)


def one_head() -> Iterator[bytes]:
    """The branch main, and nothing else."""
    yield build_line(f"{COMMIT} refs/heads/main\n".encode()) + b"0000"


def endless_heads() -> Iterator[bytes]:
    """Branches without end."""
    for number in iter(partial(os.urandom, 20), b""):
        yield b"".join(
            build_line(f"{COMMIT} refs/heads/{number.hex()}-{index}\n".encode())
            for index in range(500)
        )


def endless_messages() -> Iterator[bytes]:
    """Words for the user without end."""
    yield build_line(b"packfile\n")
    yield from repeat(build_line(MESSAGE + b"x" * CHUNK_BYTES + b"\n"))


def pack(object_type: int, size: int, content: Callable[[int], bytes]) -> Iterator[bytes]:
    """A pack with one object of `size` bytes, made of what `content` returns."""
    yield build_line(b"shallow-info\n") + build_line(f"shallow {COMMIT}".encode()) + b"0001"
    yield build_line(b"packfile\n")
    header = b"PACK" + (2).to_bytes(4) + (1).to_bytes(4) + _encode_object_header(object_type, size)
    yield build_line(PACK_DATA + header)
    compressor = zlib.compressobj(1)
    sent = 0
    while sent < size:
        data = compressor.compress(content(CHUNK_BYTES // 2))
        sent += CHUNK_BYTES // 2
        if data:
            yield build_line(PACK_DATA + data)


def make_bytes_slowly(count: int) -> bytes:
    """Return random bytes after a moment, so that a test does not fill the disk."""
    threading.Event().wait(0.02)
    return os.urandom(count)


def _encode_object_header(object_type: int, size: int) -> bytes:
    """Encode type and size as gitformat-pack(5) says."""
    header = [object_type << 4 | size & 15]
    size >>= 4
    while size:
        header[-1] |= 128
        header.append(size & 127)
        size >>= 7
    return bytes(header)


@contextmanager
def upload_pack_server(heads: Answer = one_head, pack: Answer = one_head) -> Iterator[str]:
    """A server that sends `heads` and `pack` in Git's protocol; a repository's URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(
                "advertisement",
                iter(
                    [
                        build_line(b"# service=git-upload-pack\n") + b"0000",
                        build_line(b"version 2\n") + build_line(b"ls-refs\n"),
                        build_line(b"fetch=shallow\n") + b"0000",
                    ]
                ),
            )

        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            self._send("result", heads() if b"command=ls-refs" in question else pack())

        def _send(self, kind: str, answer: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
            self.end_headers()
            with suppress(OSError):
                for chunk in answer:
                    self.wfile.write(chunk)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _WebServer(("127.0.0.1", 0), Handler) as server, _serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}/fleet.git"


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
