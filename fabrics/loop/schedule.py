"""The schedule of a fabric's syncs: one pure value, no clock.

A fabric's due times (slots) lie on a grid: `slot[k] = anchor + k * interval`. A `Schedule` is the next
slot and the interval; all other slots are whole intervals away, so the phase moves only when the
interval changes. The caller supplies `now` (the Temporal server's time) and waits until `next_slot`;
each method returns the schedule that holds afterwards.

Three rules protect a fabric from too many syncs: a late sync runs once however many slots it missed,
a sync that overruns its slot waits for the next one, and a manual sync replaces a slot that is less
than half an interval ahead.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Self

from pydantic import BaseModel


class Schedule(BaseModel, frozen=True):
    """The due times of one fabric; `interval` is in seconds, above 0."""

    interval: int
    next_slot: datetime

    @classmethod
    def initial(
        cls, fabric_id: str, interval: int, spread: int, last_sync: datetime | None, now: datetime
    ) -> Self:
        """Continue from `last_sync` if its next slot is ahead; otherwise start soon.

        "Soon" is within `spread` seconds, by a hash of the fabric id: a fleet that starts together does not
        sync together.
        """
        step = timedelta(seconds=interval)
        if last_sync is not None and now < last_sync + step <= now + step:
            return cls(interval=interval, next_slot=last_sync + step)
        share = int.from_bytes(sha256(fabric_id.encode()).digest()[:8]) / 2**64
        return cls(interval=interval, next_slot=now + min(step, timedelta(seconds=spread)) * share)

    def begin_scheduled(self, now: datetime) -> tuple[Self, int]:
        """Begin the scheduled sync, not before `next_slot`; return the missed slots, too."""
        missed = (now - self.next_slot) // self._period
        if missed == 0:
            return self._with_next_slot(self.next_slot + self._period), 0
        return self._with_next_slot(self._first_slot_at_or_after(now + self._period / 2)), missed

    def begin_manual(self, now: datetime) -> tuple[Self, int]:
        """Begin a requested sync, which replaces a slot due within half an interval."""
        if self.next_slot <= now:
            return self.begin_scheduled(now)
        if self.next_slot - now < self._period / 2:
            return self._with_next_slot(self.next_slot + self._period), 0
        return self, 0

    def end(self, now: datetime) -> tuple[Self, int]:
        """End a sync; slots that it overran are missed, and the next one is waited for."""
        return self.skip_to(now), self._count_passed_slots(now)

    def skip_to(self, now: datetime) -> Self:
        """Skip the slots up to `now`, as a paused fabric does."""
        return self._with_next_slot(self.next_slot + self._count_passed_slots(now) * self._period)

    def replan(self, interval: int, last_started: datetime | None, now: datetime) -> Self:
        """Plan from the last sync's start with a new interval; never before `now`."""
        step = timedelta(seconds=interval)
        next_slot = now if last_started is None else max(last_started + step, now)
        return self.model_copy(update={"interval": interval, "next_slot": next_slot})

    @property
    def _period(self) -> timedelta:
        return timedelta(seconds=self.interval)

    def _count_passed_slots(self, now: datetime) -> int:
        return 0 if now < self.next_slot else (now - self.next_slot) // self._period + 1

    def _first_slot_at_or_after(self, moment: datetime) -> datetime:
        return self.next_slot - (self.next_slot - moment) // self._period * self._period

    def _with_next_slot(self, next_slot: datetime) -> Self:
        return self.model_copy(update={"next_slot": next_slot})
