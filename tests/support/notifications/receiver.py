"""A receiver of webhooks that keeps what it gets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Received:
    """One request; the names of its headers are in lower case."""

    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """Answers with `status`, unless it is silent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook?key=s3cret"
        self.received = list[Received]()
        self.status = 204
        self.answer_headers = dict[str, str]()
        self.may_answer = Event()
        self.may_answer.set()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Answer no request before the end of the `with` block."""
        self.may_answer.clear()
        try:
            yield
        finally:
            self.may_answer.set()

    def parse_events(self) -> list[dict[str, Any]]:
        """Return the contents of all requests so far, answered or not."""
        return [json.loads(received.body) for received in self.received]

    async def count_received(self) -> int:
        """Return the number of requests so far, answered or not."""
        return len(self.received)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append(Received(headers, body))
        self.server.may_answer.wait()
        self.send_response(self.server.status)
        for name, value in self.server.answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver."""
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def write_targets(folder: Path, **receivers: Receiver) -> Path:
    """Write the file in which these receivers are the targets, and return its path."""
    (folder / "target-secret").write_text(SECRET)
    tables = [
        f'[{name}]\nurl = "{server.url}"\nsecret_file = "target-secret"\n'
        for name, server in receivers.items()
    ]
    file = folder / "targets.toml"
    file.write_text("\n".join(tables))
    return file
