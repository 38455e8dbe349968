"""Ports on the loopback interface: the usual one where it is free, otherwise any free one."""

import socket

LOOPBACK = "127.0.0.1"


def usual_or_free(usual: int) -> int:
    """Return `usual` when nothing listens there, otherwise a port that the system chooses."""
    for port in (usual, 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise OSError("No free port on the loopback interface.")
