"""What the peers share: a Valkey server, and looks that know when they are due."""

from typing import override

from redis import Redis

from bench.fleet.scheduler import Scheduler
from stack.services.valkey import start_valkey


class Peer(Scheduler):
    """A scheduler with its state in Valkey, at the Unix socket `socket`."""

    @override
    def _start(self) -> None:
        self.socket = start_valkey(self.folder, self._supervisor)

    def connect(self) -> Redis:
        """Return a client of the Valkey server."""
        return Redis(unix_socket_path=str(self.socket))

    @override
    def read_lateness(self, since: float, until: float) -> list[float]:
        arrivals = self.arrivals.read(since)
        return [a.time - a.due for a in arrivals if since <= a.due < until]
