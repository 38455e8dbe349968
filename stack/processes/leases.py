"""Names that one process at a time holds, without a file that could stay behind."""

import socket


def try_lease(name: str) -> socket.socket | None:
    """Hold `name` until the socket closes; return None if somebody else holds it.

    The lease is a name in the abstract socket namespace (unix(7)), whose scope is one machine or
    container. It ends with this process at the latest.
    """
    lease = socket.socket(socket.AF_UNIX)
    try:
        lease.bind(f"\0fabric-sync-{name}")
    except OSError:
        lease.close()
        return None
    return lease
