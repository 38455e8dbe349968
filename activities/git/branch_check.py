"""Check over HTTP whether a branch is still at a commit, without starting git.

One request, `ls-refs` of gitprotocol-v2(5), on a connection that is kept between questions: git itself takes ten
times the CPU, and connects anew each time. Any answer but a plain yes is a no, since git then fetches, and finds out
what is wrong. As with git, no redirect is followed, and no credential uses the connection of another.
"""

import socket
import ssl
import time
import weakref
from contextlib import suppress
from functools import lru_cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Lock, Timer
from typing import Final
from urllib.parse import urlsplit

from urllib3.util.wait import wait_for_read

from activities.credentials import DEFAULT_PORTS, GitAccess, NormalizedUrl, parse_git_url
from activities.errors import NoResponseError
from activities.git.validation import connect_to_host
from fabrics.record.config import GitSource

MAX_IDLE_SECONDS: Final = 90.0
"""Above the usual interval of a minute, below the time after which firewalls forget a connection without a word."""

MAX_IDLE_CONNECTIONS: Final = 128
MAX_ANSWER_BYTES: Final = 1024 * 1024
"""Enough for some 10,000 branches that begin with the name of the one asked for."""

HEADERS: Final = {
    "Accept": "application/x-git-upload-pack-result",
    "Content-Type": "application/x-git-upload-pack-request",
    "Git-Protocol": "version=2",
    "User-Agent": "git/2 (fabric-sync)",  # some hosts have Git's protocol and web pages at one URL
}

type ServerKey = tuple[str, int, GitAccess, ssl.SSLContext | None]


class _Connection(HTTPConnection):
    """A connection to a Git server, for one credential."""

    def __init__(
        self, place: NormalizedUrl, tcp: socket.socket, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(place.host, place.port)
        self.default_port = DEFAULT_PORTS[place.scheme]
        self._tls = tls
        self._tcp = tcp
        self._tcp.settimeout(None)  # a limit for each read would be none for all: see `interrupt`
        self._handle = tcp.dup()
        self._used_at = time.monotonic()

    def connect(self) -> None:
        """Begin TLS if the server's URL says so."""
        self.sock = self._tcp
        if self._tls:
            self.sock = self._tls.wrap_socket(self._tcp, server_hostname=self.host)

    def discard(self) -> None:
        """Close the connection and all that belongs to it."""
        self.close()
        self._tcp.close()
        self._handle.close()

    def interrupt(self) -> None:
        """End whatever another thread does with this connection, with an error there."""
        with suppress(OSError):  # it has ended
            self._handle.shutdown(socket.SHUT_RDWR)

    @property
    def is_usable(self) -> bool:
        """True if the server has not closed the connection, and no firewall forgot it."""
        return time.monotonic() - self._used_at < MAX_IDLE_SECONDS and not wait_for_read(
            self._handle, timeout=0
        )

    def post(self, path: str, body: bytes, authorization: str) -> tuple[bytes, bool]:
        """Return the answer, and whether the connection can be used again."""
        headers = HEADERS | ({"Authorization": authorization} if authorization else {})
        self.request("POST", path, body, headers)
        with self.getresponse() as response:
            answer = response.read(MAX_ANSWER_BYTES) if response.status == 200 else b""
            self._used_at = time.monotonic()
            return answer, response.isclosed() and not response.will_close


class BranchChecks:
    """Asks Git servers, and keeps connections to them. Threads may share it."""

    def __init__(self) -> None:
        self._idle: dict[ServerKey, _Connection] = {}
        self._lock = Lock()
        weakref.finalize(self, _discard, self._idle)

    def is_at(
        self,
        commit: str,
        source: GitSource,
        access: GitAccess,
        *,
        connect_timeout: float,
        timeout: float,
    ) -> bool:
        """Return whether the branch of `source` is at `commit` by now.

        Raises `NoResponseError` if the host accepts no connection within `connect_timeout` s, or does not answer
        within `timeout` s.
        """
        place = parse_git_url(source.repository)
        try:
            tls = _load_tls_context(access.ca_cert) if place.scheme == "https" else None
        except OSError:
            return False
        key = (place.host, place.port, access, tls)
        connection = self._take_idle(key) or _Connection(
            place, connect_to_host(source.repository, connect_timeout), tls
        )
        path = f"{urlsplit(source.repository).path.rstrip('/')}/git-upload-pack"
        question = _build_question(source.branch)
        deadline = time.monotonic() + timeout
        watchdog = Timer(timeout, connection.interrupt)
        watchdog.daemon = True
        watchdog.start()
        try:
            answer, is_reusable = connection.post(path, question, access.authorization)
        except (OSError, HTTPException, ValueError):
            answer, is_reusable = b"", False
        finally:
            watchdog.cancel()
        if is_reusable:
            self._keep(key, connection)
        else:
            connection.discard()
        if time.monotonic() >= deadline:
            raise NoResponseError(f"The Git repository {source.repository} did not answer in time.")
        return _build_line(f"{commit} refs/heads/{source.branch}") in answer

    def _take_idle(self, key: ServerKey) -> _Connection | None:
        with self._lock:
            connection = self._idle.pop(key, None)
        if connection and not connection.is_usable:
            connection.discard()
            return None
        return connection

    def _keep(self, key: ServerKey, connection: _Connection) -> None:
        """Keep a connection; it replaces the last of its key, or else the oldest."""
        with self._lock:
            surplus = [self._idle.pop(key, None)]
            self._idle[key] = connection
            if len(self._idle) > MAX_IDLE_CONNECTIONS:
                surplus.append(self._idle.pop(next(iter(self._idle))))
        for old in filter(None, surplus):
            old.discard()


def _discard(idle: dict[ServerKey, _Connection]) -> None:
    for connection in idle.values():
        connection.discard()


def _load_tls_context(ca_cert: Path | None) -> ssl.SSLContext:
    """Return a context that trusts `ca_cert`, or what the system trusts, as git does."""
    return _cache_tls_context(ca_cert, ca_cert.stat().st_mtime_ns if ca_cert else 0)


@lru_cache(MAX_IDLE_CONNECTIONS)
def _cache_tls_context(ca_cert: Path | None, _modified_ns: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_cert)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _build_question(branch: str) -> bytes:
    """Return the request of the commits of `branch` and of branches that begin so."""
    return b"%b0001%b0000" % (
        _build_line("command=ls-refs"),
        _build_line(f"ref-prefix refs/heads/{branch}"),
    )


def _build_line(text: str) -> bytes:
    """Return a line of Git's protocol (pkt-line), which begins with its length."""
    line = f"{text}\n".encode()
    return b"%04x%b" % (len(line) + 4, line)
