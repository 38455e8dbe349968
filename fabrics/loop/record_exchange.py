"""The exchange between a loop and its record: what is left to read and to write.

Every method returns the exchange as it is afterwards.
"""

import json
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self

from pydantic import BaseModel

from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.sync_status import (
    LastKnownState,
    compute_status_error,
    compute_sync_status,
)

MIN_RETRY: Final = timedelta(seconds=10)
MAX_RETRY: Final = timedelta(seconds=60)
"""Bounds of the wait before a failed NetBox is asked again, normally one interval: the record is right again
within a minute, and short intervals are not held up."""


class RecordLink(StrEnum):
    """The state of a loop's record, as of the last read."""

    PRESENT = "present"
    """The record was found, or has not been read yet."""
    MISSING = "missing"
    """The last read did not find the record; a second read decides whether it is deleted."""
    DELETED = "deleted"
    OTHER_OWNER = "other_owner"
    """Another installation syncs the fabric; the error of the exchange names it."""

    @property
    def is_lost(self) -> bool:
        """True if the loop must end without writing the record."""
        return self in (RecordLink.DELETED, RecordLink.OTHER_OWNER)


class ShownStatus(BaseModel, frozen=True):
    """A digest of what a record shows, and the time of the last sync there."""

    digest: str
    last_sync: datetime | None

    @classmethod
    def build(cls, config: FabricConfig, last_known: LastKnownState) -> Self:
        """Return what the record of a fabric in this state has to show.

        When drift began, and by whom, comes with the drift; what is known later comes with the heartbeat.
        """
        drift = tuple(entry.without_origin() for entry in last_known.drift)
        # The record has one text about the rules, and so has the state that is read of it.
        rules = {"rule_notice": "", "accepted_text": last_known.rules_text}
        timeless = last_known.model_copy(
            update={"last_sync": None, "last_success": None, "drift": drift} | rules
        )
        shown = (
            compute_sync_status(config, last_known),
            compute_status_error(config, last_known),
            timeless.valid_for(config).model_dump(mode="json"),
        )
        text = json.dumps(shown, sort_keys=True)
        digest = sha256(text.encode()).hexdigest()[:32]
        return cls(digest=digest, last_sync=last_known.last_sync)

    def differs_from(self, other: Self) -> bool:
        """True if anything but the times of the last syncs differs."""
        return self.digest != other.digest


class RecordExchange(BaseModel, frozen=True):
    """What a loop knows of its record, and has still to read or write.

    `pending_edits` came as messages and are not in the record yet. `shown` is what the record shows, None if
    that is unknown or contradicts itself. `error` says why the last exchange failed; it is tried again at `retry_at`.
    """

    link: RecordLink = RecordLink.PRESENT
    needs_reload: bool = True
    pending_edits: ConfigEdits = ConfigEdits()
    shown: ShownStatus | None = None
    error: str = ""
    retry_at: datetime | None = None

    @property
    def has_new_message(self) -> bool:
        """True if a message arrived since the record was last read and written."""
        return self.retry_at is None and (self.needs_reload or bool(self.pending_edits))

    def request_reload(self) -> Self:
        """Ask for the record to be read at once."""
        return self.model_copy(update={"needs_reload": True, "retry_at": None})

    def add_edits(self, edits: ConfigEdits) -> Self:
        """Add edits that are to be written at once."""
        merged = self.pending_edits.merge(edits)
        return self.model_copy(update={"pending_edits": merged, "retry_at": None})

    def begin(self) -> Self:
        """Begin to read or write; a message that arrives meanwhile asks for another."""
        return self.model_copy(update={"needs_reload": False})

    def forget_shown(self) -> Self:
        """Give up the knowledge of what the record shows, so that it is written again."""
        return self.model_copy(update={"shown": None})

    def after_read(self, shown: ShownStatus | None) -> Self:
        """End with a record that was found and shows this."""
        update = {"link": RecordLink.PRESENT, "shown": shown, "error": "", "retry_at": None}
        return self.model_copy(update=update)

    def after_miss(self) -> Self:
        """End without a record; after a single miss, it is read once more at once."""
        missed_before = self.link in (RecordLink.MISSING, RecordLink.DELETED)
        link = RecordLink.DELETED if missed_before else RecordLink.MISSING
        needs_reload = self.needs_reload or not missed_before
        update = {"link": link, "needs_reload": needs_reload, "error": "", "retry_at": None}
        return self.model_copy(update=update)

    def after_write(self, shown: ShownStatus, edits: ConfigEdits) -> Self:
        """End with a record that has `edits` and shows this."""
        remaining = self.pending_edits.remaining_after(edits)
        return self.model_copy(update={"shown": shown, "pending_edits": remaining})

    def after_failure(self, error: str, interval: timedelta, now: datetime) -> Self:
        """End with an error; the next try is about an interval later."""
        retry_at = now + min(max(interval, MIN_RETRY), MAX_RETRY)
        update = {"needs_reload": True, "error": error, "retry_at": retry_at}
        return self.model_copy(update=update)

    def after_claim_by_other(self, error: str) -> Self:
        """End with a record that another installation has claimed."""
        return self.model_copy(update={"link": RecordLink.OTHER_OWNER, "error": error})
