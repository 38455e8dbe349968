"""Rules for when a finding becomes a journal entry in NetBox.

A status, or a set of drifted objects, that lasts two syncs is worth an entry; one that flaps is not.
Entries of one fabric are at least ten minutes apart, so that alternating findings do not flood its journal.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from pydantic import BaseModel

from fabrics.record.sync_status import LastKnownState, SyncStatus
from fabrics.texts import escape_markdown
from fabrics.times import format_time

MIN_SYNCS_BEFORE_ENTRY: Final = 2
MIN_ENTRY_INTERVAL: Final = timedelta(minutes=10)
_GOOD_STATUSES: Final = (SyncStatus.IN_SYNC, SyncStatus.INVENTORY_ONLY)

_FINDING_PATTERN: Final = re.compile(r"\*\*\w+\*\* since ")
_TRANSIENT_TEXT_PATTERN: Final = re.compile(
    r"(?<=\*\*) since [-0-9]+ [:0-9]+ UTC|(?<=ommit )[0-9a-f]+"
)
"""The parts of an entry that do not belong to its finding: its start and the commit."""


class Journal(BaseModel, frozen=True):
    """The findings that were reported; `pending_entry` is still to be written.

    `finding` identifies what the latest sync found, `reported` what the last entry was about. The pending entry
    `may_wait` for the next write of the record if it says that all is well.
    """

    finding: str = ""
    syncs_unchanged: int = 0
    since: datetime | None = None
    reported: str = ""
    reported_at: datetime | None = None
    pending_entry: str = ""
    may_wait: bool = False

    def after_sync(
        self, status: SyncStatus, last_known: LastKnownState, started: datetime, remark: str = ""
    ) -> "Journal":
        """Return the journal after a sync begun at `started` that ended in `status`.

        `remark` is one more sentence for people; a different remark is a different finding.
        """
        finding = f"{_describe_finding(status, last_known)} {remark}".strip()
        unchanged = finding == self.finding
        syncs_unchanged = self.syncs_unchanged + 1 if unchanged else 1
        since = self.since if unchanged else started
        updated = self.model_copy(
            update={"finding": finding, "syncs_unchanged": syncs_unchanged, "since": since}
        )
        if syncs_unchanged < MIN_SYNCS_BEFORE_ENTRY or finding == self.reported:
            return updated
        if self.reported_at is not None and started - self.reported_at < MIN_ENTRY_INTERVAL:
            return updated
        beginning = f"**{status}** since {format_time(since)}."
        explained = escape_markdown(" ".join((_explain_status(status, last_known), remark)).strip())
        entry = f"{beginning} {explained}".strip()
        return updated.model_copy(
            update={
                "pending_entry": entry,
                "may_wait": status in _GOOD_STATUSES and not remark,
                "reported": finding,
                "reported_at": started,
            }
        )

    def after_write(self, entry: str) -> "Journal":
        """Return the journal after `entry` was written to NetBox."""
        written = entry == self.pending_entry
        return self.model_copy(update={"pending_entry": ""}) if written else self


def is_already_reported(entry: str, latest_entries: Sequence[str]) -> bool:
    """True if these entries, newest first, already report `entry` or its finding.

    A new loop does not know what the loop before it reported.
    """
    last = next(filter(_FINDING_PATTERN.match, latest_entries), "")
    return entry in latest_entries or _strip_transient(entry) == _strip_transient(last)


def _strip_transient(entry: str) -> str:
    return _TRANSIENT_TEXT_PATTERN.sub("", entry)


def _describe_finding(status: SyncStatus, last_known: LastKnownState) -> str:
    """Return what identifies a finding: the status, and which objects drifted."""
    if status is not SyncStatus.OUT_OF_SYNC:
        return str(status)
    drifted = [(item.change, item.kind, item.namespace, item.name) for item in last_known.drift]
    return f"{status} {sha256(repr((last_known.drift_count, drifted)).encode()).hexdigest()[:12]}"


def _explain_status(status: SyncStatus, last_known: LastKnownState) -> str:
    if status is SyncStatus.ERROR:
        return last_known.error
    if status is SyncStatus.OUT_OF_SYNC:
        count, commit = last_known.drift_count or 0, last_known.commit[:12]
        names = ", ".join(f"{entry.kind} {entry.name} {entry.change}" for entry in last_known.drift)
        more = count - len(last_known.drift)
        rest = f", and {more} more." if more else "."
        return f"Drift from commit {commit} ({count}): {names}{rest}"
    return f"Commit {last_known.commit[:12]}." if last_known.commit else ""
