"""Whether a loop still has a NetBox record to look after."""

from enum import StrEnum


class RecordLink(StrEnum):
    """What the last read of the record says about the loop's right to it."""

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
        """The link once the record was read: two reads in a row must miss a deleted record."""
        if found:
            return RecordLink.PRESENT
        missed_before = self in (RecordLink.MISSING, RecordLink.DELETED)
        return RecordLink.DELETED if missed_before else RecordLink.MISSING
