"""One sync, from being asked for to having begun."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel


class Trigger(StrEnum):
    """Why a sync began."""

    SCHEDULE = "schedule"
    MANUAL = "manual"


class SyncRequest(BaseModel, frozen=True):
    """Somebody asked for a sync out of turn; a full one skips nothing.

    `accept_empty` confirms that kinds of which the fabric has lost every object are meant to be empty.
    `adopt` makes the fabric's what people offer to its inventory.
    """

    full: bool = False
    accept_empty: bool = False
    adopt: bool = False

    def __or__(self, other: "SyncRequest | None") -> "SyncRequest":
        """One sync that does for both."""
        if other is None:
            return self
        return SyncRequest(
            full=self.full or other.full,
            accept_empty=self.accept_empty or other.accept_empty,
            adopt=self.adopt or other.adopt,
        )


class ActiveSync(BaseModel, frozen=True):
    """One sync that has begun. `shown` means that the record should say `syncing` meanwhile."""

    number: int
    trigger: Trigger
    slot: datetime | None
    started: datetime
    missed: int
    full: bool
    accept_empty: bool
    adopt: bool
    is_shown_in_record: bool
