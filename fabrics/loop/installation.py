"""What a worker tells a loop about the surroundings that both are in."""

from pydantic import BaseModel


class Installation(BaseModel, frozen=True):
    """The worker's settings that a loop decides by: in its history they stay what they were when it did.

    `heartbeat` and `full_sync_interval` are in seconds, `inventory` is whether live states are mirrored
    into NetBox at all, `search_attributes` is whether the Temporal
    server knows ours, and `release` tells the worker's code from another's.
    """

    heartbeat: int = 900
    inventory: bool = False
    full_sync_interval: int = 3600
    search_attributes: bool = False
    release: str = ""
