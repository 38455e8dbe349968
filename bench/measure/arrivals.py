"""What the looks at fabrics note: who was looked at, and when.

Processes append to one file, so nothing is lost when they are killed.
"""

import math
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple


class Arrival(NamedTuple):
    """The start of one look; `due` is what its scheduler planned, NaN if unknown.

    Both times are in seconds since the epoch.
    """

    fabric_id: str
    time: float
    due: float


class ArrivalLog:
    """The arrivals of one fleet, in a file of its folder."""

    def __init__(self, folder: Path) -> None:
        """Use the file in `folder`, which need not exist yet."""
        self.path = folder / "arrivals.log"

    def append(self, fabric_id: str, due: float = math.nan) -> None:
        """Note that a look at the fabric begins now."""
        with self.path.open("a") as log:  # one write, so lines of several processes do not mix
            log.write(f"{fabric_id} {time.time():.6f} {due:.6f}\n")

    def read(self, since: float = 0, until: float = math.inf) -> list[Arrival]:
        """List the arrivals of this period, oldest first."""
        if not self.path.exists():
            return []
        lines = map(str.split, self.path.read_text().splitlines())
        arrivals = (Arrival(name, float(moment), float(due)) for name, moment, due in lines)
        return sorted((a for a in arrivals if since <= a.time < until), key=lambda a: a.time)


def group_by_fabric(arrivals: list[Arrival]) -> dict[str, list[float]]:
    """Return the times of arrivals by fabric id."""
    times = defaultdict(list)
    for arrival in arrivals:
        times[arrival.fabric_id].append(arrival.time)
    return dict(times)
