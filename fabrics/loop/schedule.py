"""When the next sync is due: one pure value, no clock.

A fabric's due times lie on a grid: `slot[k] = anchor + k * interval`. A `Schedule` is the next slot and
the interval; every other slot lies whole intervals away, so the phase is kept by construction and
moves only when the interval changes. The caller supplies `now` (the Temporal server's time) and
waits until `due`; each method answers with the grid that holds afterwards.

Three rules keep a fabric from being hammered: a late sync runs once however many slots it missed, a
sync that overruns its slot waits for the next one, and a manual sync takes the place of a slot that
is less than half an interval ahead.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Self

from pydantic import BaseModel

MAX_SPREAD = timedelta(seconds=30)
"""First syncs of a fleet are spread over at most this, so that a new fabric is seen soon."""


class Schedule(BaseModel, frozen=True):
    """The due times of one fabric: `due` is the next slot, `interval` is in seconds (above 0)."""

    interval: int
    next_slot: datetime

    @classmethod
    def initial(
        cls, fabric_id: str, interval: int, last_sync: datetime | None, now: datetime
    ) -> Self:
        """Continue the rhythm of `last_sync` where its next slot is still ahead; else start soon.

        "Soon" is spread by a hash of the fabric id, so that a fleet that starts together does not
        sync together.
        """
        step = timedelta(seconds=interval)
        if last_sync is not None and now < last_sync + step <= now + step:
            return cls(interval=interval, next_slot=last_sync + step)
        return cls(
            interval=interval, next_slot=now + _spread_offset(fabric_id, min(step, MAX_SPREAD))
        )

    def begin_scheduled(self, now: datetime) -> tuple[Self, int]:
        """A scheduled sync begins at `now`, not before `due`: the next grid, the slots missed."""
        missed = (now - self.next_slot) // self._period
        if missed == 0:
            return self._with_next_slot(self.next_slot + self._period), 0
        return self._with_next_slot(self._first_slot_at_or_after(now + self._period / 2)), missed

    def begin_manual(self, now: datetime) -> tuple[Self, int]:
        """A sync that somebody asked for begins: it satisfies a slot that is due or close ahead."""
        if self.next_slot <= now:
            return self.begin_scheduled(now)
        if self.next_slot - now < self._period / 2:
            return self._with_next_slot(self.next_slot + self._period), 0
        return self, 0

    def end(self, now: datetime) -> tuple[Self, int]:
        """A sync ended: slots that passed meanwhile are missed, the next one is waited for."""
        return self.skip_to(now), self._count_passed_slots(now)

    def skip_to(self, now: datetime) -> Self:
        """The same grid with its next slot after `now`: what a paused fabric does with its slots."""
        return self._with_next_slot(self.next_slot + self._count_passed_slots(now) * self._period)

    def replan(self, interval: int, last_started: datetime | None, now: datetime) -> Self:
        """A new interval counts from the start of the last sync; where that has passed, from now."""
        step = timedelta(seconds=interval)
        due = now if last_started is None else max(last_started + step, now)
        return self.model_copy(update={"interval": interval, "next_slot": due})

    @property
    def _period(self) -> timedelta:
        return timedelta(seconds=self.interval)

    def _count_passed_slots(self, now: datetime) -> int:
        return 0 if now < self.next_slot else (now - self.next_slot) // self._period + 1

    def _first_slot_at_or_after(self, moment: datetime) -> datetime:
        return self.next_slot - (self.next_slot - moment) // self._period * self._period

    def _with_next_slot(self, next_slot: datetime) -> Self:
        return self.model_copy(update={"next_slot": next_slot})


def _spread_offset(fabric_id: str, window: timedelta) -> timedelta:
    share = int.from_bytes(sha256(fabric_id.encode()).digest()[:8]) / 2**64
    return window * share
