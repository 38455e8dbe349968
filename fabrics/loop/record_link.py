"""The link between a loop and its NetBox record."""

from enum import StrEnum


class RecordLink(StrEnum):
    """The state of a loop's record, as of the last read."""

    PRESENT = "present"
    """The record was found, or has not been read yet."""
    MISSING = "missing"
    """The last read did not find the record; a second read decides whether it is deleted."""
    DELETED = "deleted"
    OTHER_OWNER = "other_owner"
    """Another installation syncs the fabric; the loop's `record_error` names it."""

    @property
    def is_lost(self) -> bool:
        """True if the loop must end without writing the record."""
        return self in (RecordLink.DELETED, RecordLink.OTHER_OWNER)

    def after_read(self, *, found: bool) -> "RecordLink":
        """Return the link after a read; a record is gone after two reads without it."""
        if found:
            return RecordLink.PRESENT
        missed_before = self in (RecordLink.MISSING, RecordLink.DELETED)
        return RecordLink.DELETED if missed_before else RecordLink.MISSING
