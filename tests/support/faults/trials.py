"""Faults that strike a whole fleet, one after the other."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.support.faults.batches import get_patience
from tests.support.faults.fleet import FaultyFleet
from tests.support.faults.outcomes import Outcome, Triple

START_TIME: Final = timedelta(seconds=10)
"""For a worker process to start on a slow machine."""

WORK_TIME: Final = timedelta(seconds=60)
"""For the inventories of all fabrics to be written after a change, side by side."""

type Event = Callable[[FaultyFleet], Awaitable[None]]
"""A fault from its begin to its end."""


async def run_trial(
    fleet: FaultyFleet, triples: Sequence[Triple], event: Event, work_time: timedelta = timedelta()
) -> list[Outcome]:
    """Let an event with these faults happen, and check all fabrics.

    What it causes takes `work_time`.
    """
    patience = max(get_patience(triple.dependency) for triple in triples) + work_time
    try:
        problems = await _find_problems(fleet, event, patience)
    except Exception as error:  # whatever it is, the fault counts as one that was not survived
        problems = (f"{type(error).__name__}: {error}",)
    return [Outcome(triple, problems) for triple in triples]


async def _find_problems(fleet: FaultyFleet, event: Event, patience: timedelta) -> tuple[str, ...]:
    before = await fleet.view()
    try:
        await event(fleet)
    finally:
        fleet.clear_faults()
    ended = datetime.now(UTC)
    ill = await fleet.settle(ended, fleet.ended_at(ended), patience)
    losses = await fleet.find_losses(before)
    by_fabric = (
        f"{id_}: {problem}" for id_ in losses for problem in (*ill.get(id_, ()), *losses[id_])
    )
    return (*by_fabric, *await fleet.find_fleet_problems())
