"""Check over HTTP whether a branch is still at a commit, without starting git.

One request, `ls-refs` of gitprotocol-v2(5), on a connection that is kept between questions: git itself takes ten
times the CPU, and connects anew each time. A refusal and a rate limit are errors, since git would meet them again.
Any other answer but a plain yes is a no, since git then fetches, and finds out what is wrong. As with git, no
redirect is followed.
"""

import ssl
import time
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from cachetools import TTLCache
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, LocationParseError, NewConnectionError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from activities.connections import (
    Deadline,
    TimedConnection,
    TimedTlsConnection,
    create_tls_context,
    load_system_cas,
)
from activities.credentials import GitAccess, parse_git_url
from activities.errors import classify
from activities.git.failures import classify_refusal
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

UNREACHABLE: Final = (TimeoutError, HTTPTimeoutError, NewConnectionError, LocationParseError)
"""Errors that git would only meet again."""


class BranchChecks:
    """Asks Git servers, and keeps connections to them. Threads may share it.

    A connection that is forgotten is closed. `timer` returns seconds.
    """

    def __init__(
        self, max_idle: int = MAX_IDLE_CONNECTIONS, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle: TTLCache[Hashable, TimedConnection] = TTLCache(
            max_idle, MAX_IDLE_SECONDS, timer
        )
        self._lock = Lock()

    def is_at(
        self,
        commit: str,
        source: GitSource,
        access: GitAccess,
        deadlines: tuple[Deadline, Deadline],
    ) -> bool:
        """Return whether the branch of `source` is at `commit` by now.

        `deadlines` are for the connection, TLS included, and for all of it, however slowly bytes come. Raises
        `NoResponseError`, `PermanentError` for an impossible host, and the errors of `classify_refusal`.
        """
        connect_deadline, deadline = deadlines
        try:
            with self._connection(source.repository, access, connect_deadline) as connection:
                response, answer = _ask(connection, source, access, deadline)
        except UNREACHABLE as error:
            raise classify(error, f"The Git repository {source.repository}") from error
        except (OSError, HTTPException, HTTPError, ValueError):
            return False
        retry_after = response.headers.get("Retry-After")
        if refusal := classify_refusal(response.status, retry_after, source, access):
            raise refusal
        is_at = _build_line(f"{commit} refs/heads/{source.branch}") in answer
        return response.status == 200 and is_at

    @contextmanager
    def _connection(
        self, repository: str, access: GitAccess, deadline: Deadline
    ) -> Iterator[TimedConnection]:
        """Yield a connection for the calling thread; keep it unless the block closes it."""
        place, context = parse_git_url(repository), _find_tls_context(access.ca_cert)
        key = (place.scheme, place.host, place.port, access.authorization, context)
        with self._lock:
            connection = self._idle.pop(key, None)
        if connection is None or not connection.is_connected:
            connection = _connect(repository, context, deadline)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            # Where fabrics take turns, to evict the oldest of too many would make each miss its own.
            if not connection.is_closed and len(self._idle) < self._idle.maxsize:
                self._idle.setdefault(key, connection)


def _connect(repository: str, context: ssl.SSLContext, deadline: Deadline) -> TimedConnection:
    """Return a new connection, which closes its socket once it is forgotten."""
    place, timeout = parse_git_url(repository), deadline.count_seconds_left()
    connection = TimedConnection(place.host, place.port, timeout=timeout)
    if place.scheme == "https":
        connection = TimedTlsConnection(
            place.host, place.port, timeout=timeout, ssl_context=context
        )
    connection.connect()
    weakref.finalize(connection, connection.sock.close)
    return connection


def _find_tls_context(ca_cert: Path | None) -> ssl.SSLContext:
    """Return a context that trusts as git does, another one after each change."""
    return _load_ca(ca_cert.read_text("ascii", "ignore")) if ca_cert else load_system_cas()


@lru_cache(MAX_IDLE_CONNECTIONS)
def _load_ca(certificates: str) -> ssl.SSLContext:
    context = create_tls_context()
    context.load_verify_locations(cadata=certificates)
    return context


def _ask(
    connection: TimedConnection, source: GitSource, access: GitAccess, deadline: Deadline
) -> tuple[HTTPResponse, bytes]:
    """Ask for the commits of the branch, and of branches whose names begin so."""
    path = f"{urlsplit(source.repository).path.rstrip('/')}/git-upload-pack"
    headers = HEADERS | ({"Authorization": access.authorization} if access.authorization else {})
    prefix = _build_line(f"ref-prefix refs/heads/{source.branch}")
    question = b"%b0001%b0000" % (_build_line("command=ls-refs"), prefix)
    connection.timeout = deadline.count_seconds_left()
    connection.request("POST", path, question, headers, preload_content=False)
    connection.timeout = deadline.count_seconds_left()
    response = connection.getresponse()
    answer = response.read(MAX_ANSWER_BYTES, decode_content=False)
    if not response.closed:  # there is more
        connection.close()
    return response, answer


def _build_line(text: str) -> bytes:
    """Return a line of Git's protocol (pkt-line), which begins with its length."""
    line = f"{text}\n".encode()
    return b"%04x%b" % (len(line) + 4, line)
