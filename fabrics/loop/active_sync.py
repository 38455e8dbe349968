"""One sync: the request for it, and what holds once it has begun."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

ON_TIME: Final = timedelta(seconds=5)
"""A sync that begins later than this after its slot is one of many in most cases: after an outage."""


class Trigger(StrEnum):
    """The reason why a sync began: a slot, a request, or no recent sync."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    INITIAL = "initial"


class SyncRequest(BaseModel, frozen=True):
    """A request for a sync outside the schedule; a `full` one skips nothing.

    `accept_empty` confirms that a kind whose objects all vanished is meant to be empty. `adopt` takes over
    the NetBox objects that people offer for adoption.
    """

    full: bool = False
    accept_empty: bool = False
    adopt: bool = False

    def __or__(self, other: "SyncRequest | None") -> "SyncRequest":
        """Return one request that covers both."""
        if other is None:
            return self
        return SyncRequest(
            full=self.full or other.full,
            accept_empty=self.accept_empty or other.accept_empty,
            adopt=self.adopt or other.adopt,
        )


class ActiveSync(BaseModel, frozen=True):
    """A running sync; `is_shown_in_record` if the record says `syncing`."""

    number: int
    trigger: Trigger
    slot: datetime | None
    started: datetime
    missed: int
    request: SyncRequest
    is_shown_in_record: bool

    @property
    def is_catching_up(self) -> bool:
        """True if it is late or the first one: many others may begin with it."""
        is_late = self.slot is not None and self.started - self.slot > ON_TIME
        return is_late or self.trigger is Trigger.INITIAL
