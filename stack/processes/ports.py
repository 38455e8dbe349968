"""Ports on the loopback interface: the usual one where it is free, otherwise any free one."""

import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


def choose_port(preferred: int) -> int:
    """Return `usual` when nothing listens there, otherwise a port that the system chooses.

    A `usual` of 0 is none.
    """
    return next(port for port in _iter_candidates(preferred) if _is_bindable(port))


class PortPool:
    """The ports of one stack. No other stack gets them, even before a server listens there.

    A lease is a name in the abstract socket namespace (unix(7)): it spans the same machine or
    container as the port does, and ends with `close` or with this process.
    """

    def __init__(self) -> None:
        self._leases: list[socket.socket] = []

    def reserve(self, preferred: int) -> int:
        return next(
            port for port in _iter_candidates(preferred) if _is_bindable(port) and self._lease(port)
        )

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
    """As servers do it: a port is free when its last connections are still closing down."""
    return socket.create_server((LOOPBACK, port))
