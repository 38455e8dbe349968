"""Loopback ports: the preferred one if it is free, otherwise the next free one.

Only without a preferred port it is one of those that the system gives to anybody, maybe before a server listens.
"""

import socket
from collections.abc import Iterator

from stack.processes.leases import try_lease

LOOPBACK = "127.0.0.1"
MAX_PORT = 65535


def choose_port(preferred: int) -> int:
    """Return `preferred` if it is free, otherwise the next free port; any for 0."""
    return next(port for port in _iter_candidates(preferred) if _is_bindable(port))


class PortPool:
    """The ports of one stack, which no other gets even before a server listens.

    They end with `close` or with this process.
    """

    def __init__(self) -> None:
        self._leases: list[socket.socket] = []

    def reserve(self, preferred: int) -> int:
        candidates = _iter_candidates(preferred)
        return next(port for port in candidates if _is_bindable(port) and self._lease(port))

    def close(self) -> None:
        while self._leases:
            self._leases.pop().close()

    def _lease(self, port: int) -> bool:
        if lease := try_lease(f"port-{port}"):
            self._leases.append(lease)
        return lease is not None


def _iter_candidates(preferred: int) -> Iterator[int]:
    if preferred:
        yield from range(preferred, MAX_PORT + 1)
    while True:
        with _bind(0) as free:
            port = int(free.getsockname()[1])
        yield port


def _is_bindable(port: int) -> bool:
    try:
        _bind(port).close()
    except OSError:
        return False
    return True


def _bind(port: int) -> socket.socket:
    # As servers bind: a port whose last connections are still closing (TIME_WAIT) is free.
    return socket.create_server((LOOPBACK, port))
