"""Checks of a branch over HTTP: right answers, kept connections, hostile servers."""

import os
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
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import pytest
import trustme
from pydantic import SecretStr

from activities.connections import Deadline
from activities.credentials import GitAccess
from activities.errors import NoResponseError, PermanentError, TransientError
from activities.git.branch_check import MAX_IDLE_SECONDS, BranchChecks
from activities.git.mirror import GitMirror
from fabrics.record.config import GitSource
from settings import Settings
from stack.services.git_server import GitServer

COMMIT: Final = "1" * 40
ANONYMOUS: Final = GitAccess(Path("lab"))
WITH_TOKEN: Final = GitAccess(Path("lab"), token=SecretStr("s3cret-token"))
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
                self.do_GET()

            def do_GET(self) -> None:
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


class Clock:
    """A timer that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def checks(clock: Clock) -> BranchChecks:
    return BranchChecks(max_idle=2, timer=clock)


def count_open_sockets(url: str) -> int:
    """Count this process's client sockets that are connected to the server."""
    port = urlsplit(url).port
    connections = psutil.Process(os.getpid()).net_connections("tcp")
    return sum(bool(c.raddr) and c.raddr.port == port for c in connections)


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
    deadlines = Deadline.after(min(5.0, timeout)), Deadline.after(timeout)
    return checks.is_at(commit, source, access, deadlines)


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
    with pytest.raises(PermanentError, match="requires a credential"):
        is_at(checks, repository.url, commit)
    assert not is_at(checks, f"{repository.url}x", commit, access=WITH_TOKEN)


def test_connection_is_kept_for_its_credential(checks: BranchChecks) -> None:
    with PretendServer().running() as server:
        for access in (ANONYMOUS, WITH_TOKEN, ANONYMOUS, WITH_TOKEN):
            assert is_at(checks, server.url, access=access)

    first, second, *again = server.clients
    assert first != second
    assert again == [first, second]
    assert server.authorizations == [None, WITH_TOKEN.authorization] * 2


def test_anonymous_fabrics_share_a_connection(checks: BranchChecks) -> None:
    with PretendServer().running() as server:
        assert is_at(checks, server.url, access=GitAccess(Path("one")))
        assert is_at(checks, server.url, access=GitAccess(Path("two")))

    assert len(set(server.clients)) == 1


def test_closed_connection_is_replaced(checks: BranchChecks) -> None:
    with PretendServer(headers={"Connection": "close"}).running() as server:
        assert all(is_at(checks, server.url) for _ in range(2))

    assert len(set(server.clients)) == 2


def test_connection_is_closed_after_being_idle(checks: BranchChecks, clock: Clock) -> None:
    with PretendServer().running() as idle, PretendServer().running() as other:
        assert is_at(checks, idle.url)
        clock.now += MAX_IDLE_SECONDS - 1
        assert is_at(checks, idle.url)
        clock.now += MAX_IDLE_SECONDS
        assert is_at(checks, other.url)

        assert (count_open_sockets(idle.url), count_open_sockets(other.url)) == (0, 1)
        assert is_at(checks, idle.url)
    first, second, third = idle.clients
    assert first == second != third


def test_too_many_connections_do_not_displace_each_other(checks: BranchChecks) -> None:
    accesses = [GitAccess(Path("lab"), token=SecretStr(f"s3cret-{name}")) for name in "abc"]
    with PretendServer().running() as server:
        for access in accesses * 2:
            assert is_at(checks, server.url, access=access)

        assert count_open_sockets(server.url) == 2
    first, second, third, *again = server.clients
    assert again[:2] == [first, second]
    assert again[2] != third


def test_connections_are_closed_with_their_owner() -> None:
    checks = BranchChecks()
    with PretendServer().running() as server:
        assert is_at(checks, server.url)
        assert count_open_sockets(server.url) == 1
        del checks
        assert count_open_sockets(server.url) == 0


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (404, YES),
        (500, YES),
        (200, b"<html>"),
        (200, b""),
        (200, b"0000"),
        (200, YES[:-6]),
        (200, YES.replace(b"main", b"mainly").replace(b"003d", b"003f")),
    ],
)
def test_any_unclear_answer_means_no(status: int, answer: bytes, checks: BranchChecks) -> None:
    with PretendServer(status, answer).running() as server:
        assert not is_at(checks, server.url)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("token", ["", "s3cret-token"])
def test_refused_credential_is_not_tried_twice(
    status: int, token: str, checks: BranchChecks, settings: Settings, credential: Path
) -> None:
    with PretendServer(status).running() as server:
        if token:
            (credential / "git-token").write_text(token)
            (credential / "git-url").write_text(server.url)
        source = GitSource(repository=server.url, branch="main", directory="/", credential="lab")
        mirror = GitMirror(source, settings)

        with pytest.raises(PermanentError) as refusal:
            mirror.is_at(COMMIT, checks, Deadline.after(20.0))
        assert len(server.clients) == 1

        with pytest.raises(PermanentError) as refusal_of_git:
            mirror.fetch(Deadline.after(20.0))
        assert str(refusal.value) == str(refusal_of_git.value)


@pytest.mark.parametrize("status", [429, 503])
def test_server_says_when_to_ask_again(status: int, checks: BranchChecks) -> None:
    with (
        PretendServer(status, headers={"Retry-After": "7"}).running() as server,
        pytest.raises(TransientError, match=f"HTTP {status}") as caught,
    ):
        is_at(checks, server.url, access=WITH_TOKEN)

    assert caught.value.retry_after == 7
    assert not isinstance(caught.value, NoResponseError)


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


def replace_certificate(path: Path, ca: trustme.CA) -> None:
    """Write another CA to the file, as old as the present one."""
    times = path.stat()
    ca.cert_pem.write_to_path(str(path))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_server_needs_a_trusted_certificate(checks: BranchChecks, tmp_path: Path) -> None:
    ca = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    trusting = GitAccess(Path("lab"), token=WITH_TOKEN.token, ca_cert=tmp_path / "ca.crt")

    with PretendServer().running(context) as server:
        assert not is_at(checks, server.url, access=WITH_TOKEN)
        assert server.authorizations == []
        assert is_at(checks, server.url, access=trusting)
        assert is_at(checks, server.url, access=trusting)
        assert len(set(server.clients)) == 1

        replace_certificate(tmp_path / "ca.crt", trustme.CA())
        assert not is_at(checks, server.url, access=trusting)
        replace_certificate(tmp_path / "ca.crt", ca)
        assert is_at(checks, server.url, access=trusting)


def test_new_certificates_of_the_system_are_noticed(
    checks: BranchChecks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, old, new = tmp_path / "system.crt", trustme.CA(), trustme.CA()
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    new.issue_cert("127.0.0.1").configure_cert(context)

    with PretendServer().running(context) as server:
        old.cert_pem.write_to_path(str(file))
        assert not is_at(checks, server.url)
        new.cert_pem.write_to_path(str(file))
        os.utime(file, (2_000_000_000, 2_000_000_000))
        assert is_at(checks, server.url)


def test_silent_tls_server_ends_with_the_timeout(checks: BranchChecks) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        with pytest.raises(NoResponseError, match="did not answer in time"):
            is_at(checks, url, timeout=0.5)
