"""What a worker tells a loop about the surroundings that both are in."""

from pydantic import BaseModel


class Installation(BaseModel, frozen=True):
    """The worker's settings that a loop decides by: in its history they stay what they were when it did.

    `netbox_heartbeat` and `full_sync_interval` are in seconds, `inventory` is whether live states are mirrored
    into NetBox at all, `has_search_attributes` is whether the Temporal
    server knows ours, and `release` tells the worker's code from another's.
    """

    netbox_heartbeat: int = 900
    inventory_enabled: bool = False
    full_sync_interval: int = 3600
    has_search_attributes: bool = False
    release: str = ""
