"""HTTP connections whose timeouts hold for whole phases, not for operations.

urllib3 applies a timeout to each operation on a socket: a name is looked up without any, a host with several addresses
has one for each, and a server that sends a byte now and then is never late. Here one timeout covers all of connecting
(name, addresses, TLS, the tunnel of a proxy), and one all of a response, headers and body.

Servers whose own CA is not known must have a certificate of one of the system's CAs, which are loaded here. All CAs
are checked alike, as git checks them.
"""

import http.client
import os
import socket
import ssl
import time
from collections.abc import Buffer, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from errno import EAGAIN
from functools import lru_cache, partial
from io import BufferedReader, RawIOBase
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final, Self, cast, override

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.ssl_ import create_urllib3_context

type SocketOption = tuple[int, int, int | bytes]
type Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As `socket.getaddrinfo` returns it."""


@dataclass(frozen=True, order=True)
class Deadline:
    """A point in time, in seconds of the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def has_passed(self) -> bool:
        """Return whether no time is left."""
        return time.monotonic() >= self.at

    def count_seconds_left(self) -> float:
        """Return the seconds that are left. Raises `TimeoutError` if there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("The deadline has passed.")
        return left


def create_tls_context() -> ssl.SSLContext:
    """Return a context that trusts no CA yet.

    As with git, a CA may be an intermediate one, and its certificate need not keep to all of RFC 5280. Since Python
    3.13, urllib3 would refuse those of many organisations and clusters.
    """
    return create_urllib3_context(verify_flags=ssl.VERIFY_X509_PARTIAL_CHAIN)


def load_system_cas() -> ssl.SSLContext:
    """Return a context that trusts the system's CAs, those in a file and in a folder.

    SSL_CERT_FILE and SSL_CERT_DIR name others. It is the same one until they change, since it takes 20 ms and 1 MB.
    """
    system = ssl.get_default_verify_paths()
    paths = tuple(filter(None, (system.cafile, system.capath)))
    return _load_cas(paths, tuple(Path(path).stat().st_mtime_ns for path in paths))


@lru_cache(1)
def _load_cas(_paths: tuple[str, ...], _changed: tuple[int, ...]) -> ssl.SSLContext:
    context = create_tls_context()
    context.load_default_certs()
    return context


def use_total_timeouts(pools: PoolManager) -> None:
    """Make the pools that a manager opens from now on apply timeouts to whole phases."""
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def open_connection(
    host: str, port: int, timeout_seconds: float, options: Iterable[SocketOption] = ()
) -> socket.socket:
    """Connect to a host within a limit for its name and all its addresses.

    Each address gets an equal share of the time that is left. The timeout of the socket is what is left in the end.
    Raises `OSError`, for a name that cannot be looked up in time `socket.gaierror`.
    """
    deadline = Deadline.after(timeout_seconds)
    addresses = _LOOKUPS.resolve(host, port, deadline)
    failure = OSError(f"{host} has no address.")
    for position, address in enumerate(addresses):
        try:
            return _connect(address, deadline, len(addresses) - position, options)
        except OSError as error:
            failure = error
    raise failure


def _connect(
    address: Address, deadline: Deadline, shares: int, options: Iterable[SocketOption]
) -> socket.socket:
    family, kind, protocol, _, place = address
    connection = socket.socket(family, kind, protocol)
    try:
        for option in options:
            connection.setsockopt(*option)
        connection.settimeout(deadline.count_seconds_left() / shares)
        connection.connect(place)
        connection.settimeout(deadline.count_seconds_left())
    except BaseException:
        connection.close()
        raise
    return connection


class _Lookups:
    """Lookups of host names, each in a thread of its own.

    They cannot be interrupted. All who wait for one name share its thread, so that a name server that does not answer
    costs one thread for each name, until the resolver itself gives up.
    """

    def __init__(self) -> None:
        self._running: dict[str, Future[list[Address]]] = {}
        self._lock = Lock()

    def resolve(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return a host's addresses. Raises `socket.gaierror` and `UnicodeError`."""
        try:
            return _look_up(host, port, socket.AI_NUMERICHOST)  # needs no name server
        except socket.gaierror:
            lookup = self._start(host)
        try:
            addresses = lookup.result(deadline.count_seconds_left())
        except TimeoutError as error:
            raise socket.gaierror(socket.EAI_AGAIN, "No name server answered in time.") from error
        return [
            (family, kind, protocol, name, (ip, port, *scope))
            for family, kind, protocol, name, (ip, _, *scope) in addresses
        ]

    def _start(self, host: str) -> Future[list[Address]]:
        with self._lock:
            lookup = self._running.get(host)
            if lookup is None:
                lookup = Future()
                thread = Thread(target=self._run, args=(host, lookup), daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # the system allows no more threads at the moment
                    raise OSError(EAGAIN, os.strerror(EAGAIN)) from error
                self._running[host] = lookup
            return lookup

    def _run(self, host: str, lookup: Future[list[Address]]) -> None:
        try:
            addresses = _look_up(host)
        except BaseException as error:
            self._end(host)
            lookup.set_exception(error)
        else:
            self._end(host)
            lookup.set_result(addresses)

    def _end(self, host: str) -> None:
        with self._lock:
            del self._running[host]


def _look_up(host: str, port: int | None = None, flags: int = 0) -> list[Address]:
    host = host.strip("[]")
    return [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)]


_LOOKUPS: Final = _Lookups()


class _TimedReader(RawIOBase):
    """Reads from a socket until a deadline, after which it raises `TimeoutError`."""

    def __init__(self, raw: RawIOBase, connection: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._raw = raw
        self._connection = connection
        self._deadline = deadline

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        self._connection.settimeout(self._deadline.count_seconds_left())
        return cast("int | None", self._raw.readinto(buffer))

    @override
    def close(self) -> None:
        self._raw.close()  # which gives the socket free
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """A response that has to be complete by a deadline."""

    def __init__(
        self,
        deadline: Deadline,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method)
        self.fp = BufferedReader(_TimedReader(self.fp.detach(), sock, deadline))


class TimedConnection(HTTPConnection):
    """A connection whose `timeout` is for a whole phase.

    Whoever uses it sets that before each, as pools do: to connect, to send (which Python bounds as a whole), and to
    receive the response.
    """

    @override
    def _new_conn(self) -> socket.socket:
        self._start_phase()
        timeout, options = cast(float, self.timeout), self.socket_options or ()
        try:
            return open_connection(self._dns_host, self.port, timeout, options)
        except UnicodeError as error:
            raise LocationParseError(f"{self.host}, label empty or too long") from error
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"No connection within {timeout} s.") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to connect: {error}") from error

    @override
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        self._start_phase()
        return super().getresponse()

    def _start_phase(self) -> None:
        deadline = Deadline.after(cast(float, self.timeout))
        # Also of a proxy's answer while connecting.
        self.response_class = partial(_TimedResponse, deadline)  # type: ignore[assignment]


class TimedTlsConnection(TimedConnection, HTTPSConnection):
    """The same over TLS, whose handshake keeps to the timeout that its socket has.

    Without a context of its own, it trusts the CAs that it was given, or else those that the system has by then.
    """

    @override
    def connect(self) -> None:
        given = self.ssl_context
        has_cas = self.ca_certs or self.ca_cert_dir or self.ca_cert_data
        self.ssl_context = given or (create_tls_context() if has_cas else load_system_cas())
        try:
            super().connect()
        finally:
            self.ssl_context = given


class _Pool(HTTPConnectionPool):
    ConnectionCls = TimedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TimedTlsConnection
