"""When the peers first look: on the slots of the fabrics, once their workers run."""

import math
from typing import Final

from bench.fleet.scheduler import FleetSize
from bench.measure.grid import Grid

START_SECONDS: Final = 10.0
"""By then the workers run and thousands of first looks are planned."""


def plan_first_looks(size: FleetSize, now: float) -> dict[str, float]:
    """Return by fabric id a slot for the first look, in seconds since the epoch."""
    grids = {fabric_id: Grid.of_fabric(fabric_id, size.interval) for fabric_id in size.fabric_ids}
    return {fabric_id: grid.next_slot(now + START_SECONDS) for fabric_id, grid in grids.items()}


def plan_first_looks_in_whole_seconds(size: FleetSize, now: float) -> dict[str, int]:
    """Return by fabric id the first whole second that is not before the slot."""
    return {fabric_id: math.ceil(slot) for fabric_id, slot in plan_first_looks(size, now).items()}
