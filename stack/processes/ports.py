"""Loopback ports: the preferred one if it is free, otherwise any free one."""

import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


def choose_port(preferred: int) -> int:
    """Return `preferred` (0: none) if it is free, otherwise any free port."""
    return next(port for port in _iter_candidates(preferred) if _is_bindable(port))


class PortPool:
    """The ports of one stack, which no other gets even before a server listens.

    A lease is a name in the abstract socket namespace (unix(7)), which has the same scope as the
    port: one machine or container. It ends with `close` or with this process.
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
        lease = socket.socket(socket.AF_UNIX)
        try:
            lease.bind(f"\0fabric-sync-port-{port}")
        except OSError:
            lease.close()
            return False
        self._leases.append(lease)
        return True


def _iter_candidates(preferred: int) -> Iterator[int]:
    if preferred:
        yield preferred
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
