"""Checks of a branch over HTTP: right answers, kept connections, hostile servers."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
import trustme
from pydantic import SecretStr

from activities.credentials import GitAccess
from activities.errors import NoResponseError
from activities.git import branch_check
from activities.git.branch_check import BranchChecks
from fabrics.record.config import GitSource
from stack.services.git_server import GitServer

COMMIT: Final = "1" * 40
ANONYMOUS: Final = GitAccess("lab")
WITH_TOKEN: Final = GitAccess("lab", token=SecretStr("s3cret-token"))
YES: Final = b"003d" + COMMIT.encode() + b" refs/heads/main\n0000"


@dataclass
class PretendServer:
    """A server that answers every question alike, and notes who asked."""

    status: int = 200
    answer: bytes = YES
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    clients: list[tuple[str, int]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    is_endless: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self, context: ssl.SSLContext | None = None) -> Iterator["PretendServer"]:
        """Serve on loopback, with TLS if there is a context."""
        pretend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                pretend.clients.append(self.client_address)
                pretend.authorizations.append(self.headers["Authorization"])
                self.send_response(pretend.status)
                for header in pretend.headers.items():
                    self.send_header(*header)
                if pretend.is_endless:
                    self.end_headers()
                    while not pretend.stopped.wait(0.02):
                        self.wfile.write(b"0")
                else:
                    self.send_header("Content-Length", str(len(pretend.answer)))
                    self.end_headers()
                    self.wfile.write(pretend.answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Say nothing of clients that hang up."""

        with Server(("127.0.0.1", 0), Handler) as server:
            if context:
                server.socket = context.wrap_socket(server.socket, server_side=True)
            scheme = "https" if context else "http"
            self.url = f"{scheme}://127.0.0.1:{server.server_port}/fleet.git"
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                self.stopped.set()
                server.shutdown()
                thread.join()


@pytest.fixture
def checks() -> BranchChecks:
    return BranchChecks()


def is_at(
    checks: BranchChecks,
    url: str,
    commit: str = COMMIT,
    *,
    branch: str = "main",
    access: GitAccess = ANONYMOUS,
    timeout: float = 20.0,
) -> bool:
    source = GitSource(repository=url, branch=branch, directory="/", credential="lab")
    return checks.is_at(commit, source, access, connect_timeout=5.0, timeout=timeout)


def test_branch_is_at_its_newest_commit_only(checks: BranchChecks, git_server: GitServer) -> None:
    repository = git_server.create_repository(f"fleet-{uuid4().hex[:8]}")
    first = repository.commit({"a.yaml": "a: 1\n"})
    other = repository.commit({"a.yaml": "a: 2\n"}, branch="main-2")

    assert is_at(checks, repository.url, first)
    assert is_at(checks, f"{repository.url}/", other, branch="main-2")
    assert not is_at(checks, repository.url, other)
    assert not is_at(checks, repository.url, first, branch="mai")

    second = repository.commit({"a.yaml": "a: 3\n"})
    assert not is_at(checks, repository.url, first)
    assert is_at(checks, repository.url, second)


def test_protected_repository_needs_its_token(checks: BranchChecks, git_server: GitServer) -> None:
    name, token = f"private-{uuid4().hex[:8]}", SecretStr("s3cret-token")
    repository = git_server.create_repository(name, token=token.get_secret_value())
    commit = repository.commit({"a.yaml": "a: 1\n"})

    assert is_at(checks, repository.url, commit, access=WITH_TOKEN)
    assert not is_at(checks, repository.url, commit)
    assert not is_at(checks, f"{repository.url}x", commit, access=WITH_TOKEN)


def test_connection_is_kept_for_its_credential(checks: BranchChecks) -> None:
    with PretendServer().running() as server:
        for access in (ANONYMOUS, WITH_TOKEN, ANONYMOUS, WITH_TOKEN):
            assert is_at(checks, server.url, access=access)

    first, second, *again = server.clients
    assert first != second
    assert again == [first, second]
    assert server.authorizations == [None, WITH_TOKEN.authorization] * 2


def test_closed_and_forgotten_connections_are_replaced(
    checks: BranchChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PretendServer(headers={"Connection": "close"}).running() as server:
        assert all(is_at(checks, server.url) for _ in range(2))
    assert len(set(server.clients)) == 2

    monkeypatch.setattr(branch_check, "MAX_IDLE_SECONDS", 0.0)
    with PretendServer().running() as server:
        assert all(is_at(checks, server.url) for _ in range(2))
    assert len(set(server.clients)) == 2


def test_number_of_kept_connections_is_bounded(
    checks: BranchChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branch_check, "MAX_IDLE_CONNECTIONS", 2)
    with PretendServer().running() as server:
        for name in ("one", "two", "three", "two", "one"):
            assert is_at(checks, server.url, access=GitAccess(name))

    one, two, three, two_again, one_again = server.clients
    assert two_again == two
    assert one_again not in {one, two, three}


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, YES),
        (404, YES),
        (500, YES),
        (200, b"<html>"),
        (200, b""),
        (200, b"0000"),
        (200, YES[:-6]),
        (200, YES.replace(b"main", b"mainly").replace(b"003d", b"003f")),
    ],
)
def test_any_other_answer_means_no(status: int, answer: bytes, checks: BranchChecks) -> None:
    with PretendServer(status, answer).running() as server:
        assert not is_at(checks, server.url)


def test_redirect_is_not_followed(checks: BranchChecks) -> None:
    with (
        PretendServer().running() as other,
        PretendServer(302, headers={"Location": other.url}).running() as server,
    ):
        assert not is_at(checks, server.url, access=WITH_TOKEN)

    assert other.authorizations == []


def test_endless_answer_ends_with_the_timeout(checks: BranchChecks) -> None:
    with PretendServer(is_endless=True).running() as server:
        started = time.monotonic()
        with pytest.raises(NoResponseError, match="did not answer in time"):
            is_at(checks, server.url, timeout=0.5)
        assert time.monotonic() - started < 10


def test_server_needs_a_trusted_certificate(checks: BranchChecks, tmp_path: Path) -> None:
    ca = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    trusting = GitAccess("lab", token=WITH_TOKEN.token, ca_cert=tmp_path / "ca.crt")

    with PretendServer().running(context) as server:
        assert not is_at(checks, server.url, access=WITH_TOKEN)
        assert server.authorizations == []
        assert is_at(checks, server.url, access=trusting)
        assert is_at(checks, server.url, access=trusting)
    assert len(set(server.clients)) == 1

    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    with PretendServer().running(context) as server:
        assert not is_at(checks, server.url, access=trusting)


def test_silent_tls_server_ends_with_the_timeout(checks: BranchChecks) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        with pytest.raises(NoResponseError, match="did not answer in time"):
            is_at(checks, url, timeout=0.5)
