"""The peers whose packages are installed: those of the dependency group `bench`."""

from importlib import import_module
from typing import Final

from bench.fleet.scheduler import Scheduler

PEERS: Final = {"rq": "RqFleet", "celery": "CeleryFleet"}


def load_peers() -> tuple[list[type[Scheduler]], list[dict[str, str]]]:
    """Return the installed peers, and a row with the reason for each other one."""
    peers, skipped = [], []
    for name, scheduler in PEERS.items():
        try:
            peers.append(getattr(import_module(f"bench.peers.{name}_peer"), scheduler))
        except ModuleNotFoundError as error:
            reason = f"{error.name} is not installed: run `uv sync --group bench`"
            skipped.append({"system": name, "reason": reason})
    return peers, skipped
