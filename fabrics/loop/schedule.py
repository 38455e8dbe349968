"""The schedule of a fabric's syncs: one pure value, no clock.

A fabric's due times (slots) lie on a grid that follows from its id and its interval alone:
`slot[k] = k * interval + phase`, in whole milliseconds since the epoch. So a lost loop, a restored database
or another cluster finds the same slots, and a fleet is spread evenly however it started. The caller supplies
`now` (the Temporal server's time) and waits until `next_sync`; each method returns the schedule that holds
afterwards.

Three rules protect a fabric from too many syncs: a late sync runs once however many slots it missed, a sync
that overruns its slot waits for the next one, and a sync outside the grid satisfies a slot that follows
closely.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Self

from pydantic import BaseModel

EPOCH: Final = datetime.fromtimestamp(0, UTC)
MAX_CLOSE: Final = timedelta(minutes=5)
"""The longest time between a sync and a slot that it satisfies; otherwise half an interval."""

MAX_JITTER: Final = timedelta(seconds=2)
"""Far more than the lateness of a sync: one that begins a little sooner after its slot than the one before it is
not too early for what is due at its slot."""

RESOLUTION: Final = timedelta.resolution


class Schedule(BaseModel, frozen=True):
    """The due times of one fabric.

    `interval` is in seconds, above 0. `phase_share` says where in the interval the slots are, from 0 to below 1.
    Slots up to `served` are done, skipped or satisfied. `initial_sync` is the time of a sync outside the grid:
    the first of a new fabric, or one that catches up.
    """

    interval: int
    phase_share: float
    served: datetime
    initial_sync: datetime | None = None

    @classmethod
    def initial(
        cls, fabric_id: str, interval: int, spread: int, last_sync: datetime | None, now: datetime
    ) -> Self:
        """Start at `now`; sync soon if the fabric is new or has missed a slot.

        That sync is within `spread` seconds, by a hash of the fabric id: a fleet that starts together does not
        sync together. A slot that is as near serves as well. Slots before `now` do not count as missed.
        """
        share = compute_phase_share(fabric_id)
        known_sync = _drop_future(last_sync, now)
        schedule = cls(interval=interval, phase_share=share, served=known_sync or now)
        if known_sync:
            schedule = schedule._serve_close_slots(known_sync)
            if schedule.next_slot > now:
                return schedule._serve(now)
            schedule = schedule._serve(now)
        longest = timedelta(seconds=spread)
        soon = now + min(schedule.period, longest) * share
        nearest = now + longest if known_sync else soon
        if schedule.next_slot <= nearest:
            return schedule
        return schedule.model_copy(update={"initial_sync": soon})

    @property
    def period(self) -> timedelta:
        """The time between two slots."""
        return timedelta(seconds=self.interval)

    @property
    def next_slot(self) -> datetime:
        """The first slot that is not served."""
        return EPOCH + self._phase + (self._slot_number(self.served) + 1) * self.period

    @property
    def next_sync(self) -> datetime:
        """The time of the next sync, on the grid or outside of it."""
        return min(self.next_slot, self.initial_sync or self.next_slot)

    def begin(self, now: datetime) -> tuple[Self, int]:
        """Begin a sync, due or requested; return the number of missed slots, too.

        A sync that is late by less than an interval leaves the following slot. One that is later, or outside
        the grid, satisfies the slots that follow closely.
        """
        started = self.model_copy(update={"initial_sync": None})
        due = self._count_slots(self.served, now)
        if due == 1:
            return started._serve(now), 0
        return started._serve_close_slots(now), max(due - 1, 0)

    def end(self, now: datetime) -> tuple[Self, int]:
        """End a sync; slots that it overran are missed, and the next one is waited for."""
        return self._serve(now), max(self._count_slots(self.served, now), 0)

    def skip_to(self, now: datetime) -> Self:
        """Skip all syncs up to `now`, and one that would catch up, as a pause does."""
        return self._serve(now).model_copy(update={"initial_sync": None})

    def replan(self, interval: int, last_sync: datetime | None, now: datetime) -> Self:
        """Take the slots of a new interval, except those close after the last sync."""
        schedule = self.model_copy(update={"interval": interval, "served": now})
        known_sync = _drop_future(last_sync, now)
        return schedule._serve_close_slots(known_sync) if known_sync else schedule

    @property
    def _phase(self) -> timedelta:
        return timedelta(milliseconds=int(self.phase_share * self.interval * 1000))

    def _slot_number(self, moment: datetime) -> int:
        """Return the number of the last slot up to `moment`."""
        return (moment - EPOCH - self._phase) // self.period

    def _count_slots(self, after: datetime, until: datetime) -> int:
        return self._slot_number(until) - self._slot_number(after)

    def _serve_close_slots(self, sync: datetime) -> Self:
        return self._serve(sync + min(self.period / 2, MAX_CLOSE) - RESOLUTION)

    def _serve(self, until: datetime) -> Self:
        return self.model_copy(update={"served": max(self.served, until)})


def _drop_future(last_sync: datetime | None, now: datetime) -> datetime | None:
    """Return the last sync; None if it is after `now`, as only an edited record says."""
    return last_sync if last_sync and last_sync <= now else None


def compute_phase_share(fabric_id: str) -> float:
    """Return where in each interval the fabric's slots are, from 0 to below 1."""
    return int.from_bytes(sha256(fabric_id.encode()).digest()[:6]) / 2**48
