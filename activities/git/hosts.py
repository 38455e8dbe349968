"""Connections to hosts of repositories, with one time limit for all of it."""

import socket
import time
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Final

from activities.credentials import parse_git_url
from activities.errors import PermanentError, classify

MIN_TIMEOUT_SECONDS: Final = 0.01
"""For one address: zero would mean not to wait at all, and be another error."""

type SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
type Addresses = list[tuple[socket.AddressFamily, SocketAddress]]


class NameLookups:
    """Looks up host names in threads, since the resolver has no time limit.

    Who asks for a name that is being looked up shares the answer, so a name whose servers are silent takes one thread
    and delays no other name. Threads may share it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: dict[str, Future[Addresses]] = {}

    def resolve(self, host: str, timeout: float) -> Addresses:
        """Return the addresses of `host`, with port 0.

        Raises `TimeoutError` after `timeout` s, and the errors of `socket.getaddrinfo`.
        """
        with self._lock:
            lookup = self._running.get(host)
            if lookup is None:
                lookup = Future()
                Thread(target=self._run, args=(host,), name="name lookup", daemon=True).start()
                self._running[host] = lookup
        return lookup.result(timeout)

    def _run(self, host: str) -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except Exception as error:
            self._end(host).set_exception(error)
        else:
            self._end(host).set_result([(family, address) for family, _, _, _, address in found])

    def _end(self, host: str) -> Future[Addresses]:
        with self._lock:
            return self._running.pop(host)


LOOKUPS: Final = NameLookups()


def connect(repository: str, timeout: float) -> socket.socket:
    """Return a connection to the host of `repository`, made within `timeout` seconds.

    It has no timeout itself. Raises `NoResponseError` and `PermanentError`.
    """
    place = parse_git_url(repository)
    try:
        return _connect(place.host, place.port, time.monotonic() + timeout)
    except OSError as error:
        raise classify(error, f"The Git repository {repository}") from error
    except UnicodeError as error:  # a label of the host name is empty or too long
        raise PermanentError(f"The Git repository {repository} is not a usable URL.") from error


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    """Try the addresses in order. Each may take an equal share of the time left."""
    addresses = LOOKUPS.resolve(host, deadline - time.monotonic())
    last_error: OSError = TimeoutError()
    for number, (family, (ip, _, *scope)) in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - number)
        connection = socket.socket(family)
        try:
            connection.settimeout(max(share, MIN_TIMEOUT_SECONDS))
            connection.connect((ip, port, *scope))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(None)
        except OSError as error:
            connection.close()
            last_error = error
        else:
            return connection
    raise last_error
