"""When a change of status is worth a journal entry in NetBox.

A status that lasted two syncs is news; one that flaps is not. Entries of one fabric are at least ten
minutes apart, so that a fabric which alternates between two states does not bury its journal.
"""

from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel

from fabrics.status import SyncStatus

SETTLED_AFTER: Final = 2
MIN_DISTANCE: Final = timedelta(minutes=10)


class Journal(BaseModel, frozen=True):
    """What the journal says and what it may have to say next. `entry` waits to be written."""

    status: SyncStatus | None = None
    syncs: int = 0
    since: datetime | None = None
    told: SyncStatus | None = None
    told_at: datetime | None = None
    entry: str = ""

    def after_sync(self, status: SyncStatus, sentence: str, started: datetime) -> "Journal":
        """The journal once a sync that began at `started` has left the fabric in `status`."""
        lasted = status == self.status
        seen = self.model_copy(
            update={
                "status": status,
                "syncs": self.syncs + 1 if lasted else 1,
                "since": self.since if lasted else started,
            }
        )
        if seen.syncs < SETTLED_AFTER or status == self.told or self._told_lately(started):
            return seen
        text = f"**{status}** since {seen.since:%Y-%m-%d %H:%M:%S} UTC. {sentence}".strip()
        return seen.model_copy(update={"entry": text, "told": status, "told_at": started})

    def written(self, entry: str) -> "Journal":
        """The journal once `entry` stands in NetBox."""
        return self.model_copy(update={"entry": ""}) if entry == self.entry else self

    def _told_lately(self, now: datetime) -> bool:
        return self.told_at is not None and now - self.told_at < MIN_DISTANCE
