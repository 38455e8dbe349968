"""The grid of slots, and what arrivals on it say about a scheduler.

The grid is that of the design, stated here a second time: slot k is at `k * interval + phase`, in whole
milliseconds since the epoch, with the phase from the SHA-256 of the fabric id. So a fault in the product's
own schedule shows. Times are in seconds since the epoch.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Final, Self

TOLERANCE_SECONDS: Final = 0.002
"""Slots are in whole milliseconds."""

MAX_EARLY_SECONDS: Final = 1.0
"""A look so shortly before a slot is an early one for it, not one that is late by nearly a whole interval.

Schedulers that keep whole seconds are early by less. A longer time would turn looks that are late into early ones.
"""


@dataclass(frozen=True)
class Grid:
    """The slots of one fabric; `interval` is in seconds."""

    interval: int
    phase: float

    @classmethod
    def of_fabric(cls, fabric_id: str, interval: int) -> Self:
        """Return the grid that follows from id and interval."""
        share = int.from_bytes(sha256(fabric_id.encode()).digest()[:8]) / 2**64
        return cls(interval, int(share * interval * 1000) / 1000)

    def slot_number(self, time: float) -> int:
        """Return the number of the last slot up to `time`."""
        return int((time - self.phase) // self.interval)

    def next_slot(self, time: float) -> float:
        """Return the first slot after `time`."""
        return (self.slot_number(time) + 1) * self.interval + self.phase

    def find_served_slot(self, look: float) -> int:
        """Return the number of a look's slot: the last, or one about to come."""
        return self.slot_number(look + MAX_EARLY_SECONDS)

    def measure_delay(self, look: float) -> float:
        """Return how many seconds a look follows its slot; early ones are below 0."""
        return look - self.find_served_slot(look) * self.interval - self.phase


@dataclass(frozen=True)
class Verdict:
    """The slots that nobody served, and the looks that nobody asked for."""

    early: int = 0
    missed: int = 0
    doubled: int = 0

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(
            self.early + other.early, self.missed + other.missed, self.doubled + other.doubled
        )


def judge_slots(grid: Grid, arrivals: Sequence[float], since: float, until: float) -> Verdict:
    """Judge the slots well after `since` whose interval ends before `until`.

    A look is early if it comes just before its slot. One too many is early, too, if the next slot has none,
    otherwise it doubles its slot.
    """
    looks = Counter(map(grid.find_served_slot, arrivals))
    slots = range(grid.find_served_slot(since) + 1, grid.slot_number(until))
    early = sum(
        grid.find_served_slot(look) in slots and grid.measure_delay(look) < -TOLERANCE_SECONDS
        for look in arrivals
    )
    missed = doubled = 0
    was_early = False
    for slot in slots:
        surplus = looks[slot] - 1
        is_early = surplus > 0 and slot + 1 in slots and looks[slot + 1] == 0
        missed += looks[slot] == 0 and not was_early
        early += is_early
        doubled += max(surplus - is_early, 0)
        was_early = is_early
    return Verdict(early, missed, doubled)


def judge_fleet(
    interval: int, arrivals: Mapping[str, Sequence[float]], since: float, until: float
) -> Verdict:
    """Judge all fabrics, whose arrivals are given by fabric id."""
    verdicts = (
        judge_slots(Grid.of_fabric(fabric_id, interval), times, since, until)
        for fabric_id, times in arrivals.items()
    )
    return sum(verdicts, Verdict())


def list_delays(interval: int, arrivals: Mapping[str, Sequence[float]]) -> list[float]:
    """Return how many seconds each look follows its slot; early ones are below 0."""
    return [
        Grid.of_fabric(fabric_id, interval).measure_delay(time)
        for fabric_id, times in arrivals.items()
        for time in times
    ]


def measure_drift(interval: int, arrivals: Sequence[float]) -> float | None:
    """Return by how many seconds a fabric has left its grid; None after few arrivals.

    No grid is assumed: looks a whole number of intervals apart lie on one grid. As lateness only delays,
    the least delay in the first half is compared with that in the second.
    """
    if len(arrivals) < 4:
        return None
    delays, delay = [0.0], 0.0
    for before, after in pairwise(arrivals):
        step = after - before
        delay += step - round(step / interval) * interval
        delays.append(delay)
    middle = len(delays) // 2
    return min(delays[middle:]) - min(delays[:middle])


def measure_fleet_drift(interval: int, arrivals: Iterable[Sequence[float]]) -> float | None:
    """Return the median drift of all fabrics in seconds, as far as it is known."""
    drifts = [drift for times in arrivals if (drift := measure_drift(interval, times)) is not None]
    return round(statistics.median(drifts), 2) if drifts else None
