"""When a finding is worth a journal entry in NetBox.

A status, or a set of drifted objects, that lasted two syncs is news; one that flaps is not. Entries of
one fabric are at least ten minutes apart, so that one which alternates does not bury its journal.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from pydantic import BaseModel

from fabrics.record.status import LastKnownState, SyncStatus

MIN_SYNCS_BEFORE_ENTRY: Final = 2
MIN_ENTRY_INTERVAL: Final = timedelta(minutes=10)

_FINDING_PATTERN: Final = re.compile(r"\*\*\w+\*\* since ")
_TRANSIENT_TEXT_PATTERN: Final = re.compile(
    r"(?<=\*\*) since [-0-9]+ [:0-9]+ UTC|(?<=ommit )[0-9a-f]+"
)
"""What entries say that is no part of a finding: since when, and at which commit."""


class Journal(BaseModel, frozen=True):
    """What the journal says and what it may have to say next. `entry` waits to be written.

    `finding` names what the latest sync found, `told` what the last entry was about.
    """

    finding: str = ""
    syncs_unchanged: int = 0
    since: datetime | None = None
    reported: str = ""
    reported_at: datetime | None = None
    pending_entry: str = ""

    def after_sync(
        self, status: SyncStatus, last_known: LastKnownState, started: datetime, remark: str = ""
    ) -> "Journal":
        """The journal once a sync that began at `started` has left the fabric in `status`.

        `remark` is a sentence on what else a person should know; another one is news as well.
        """
        finding = f"{_describe_finding(status, last_known)} {remark}".strip()
        lasted = finding == self.finding
        seen = self.model_copy(
            update={
                "finding": finding,
                "syncs_unchanged": self.syncs_unchanged + 1 if lasted else 1,
                "since": self.since if lasted else started,
            }
        )
        if (
            seen.syncs_unchanged < MIN_SYNCS_BEFORE_ENTRY
            or finding == self.reported
            or self._reported_recently(started)
        ):
            return seen
        since = f"**{status}** since {seen.since:%Y-%m-%d %H:%M:%S} UTC."
        text = " ".join(filter(None, (since, _explain_status(status, last_known), remark)))
        return seen.model_copy(
            update={"pending_entry": text, "reported": finding, "reported_at": started}
        )

    def after_write(self, entry: str) -> "Journal":
        """The journal once `entry` stands in NetBox."""
        return (
            self.model_copy(update={"pending_entry": ""}) if entry == self.pending_entry else self
        )

    def _reported_recently(self, now: datetime) -> bool:
        return self.reported_at is not None and now - self.reported_at < MIN_ENTRY_INTERVAL


def is_already_reported(entry: str, latest_entries: Sequence[str]) -> bool:
    """Whether the journal with these `latest` entries, newest first, has `entry` already.

    It is there word for word, or the last finding there is the same: a new loop takes what it meets for new.
    """
    last = next(filter(_FINDING_PATTERN.match, latest_entries), "")
    return entry in latest_entries or _TRANSIENT_TEXT_PATTERN.sub(
        "", entry
    ) == _TRANSIENT_TEXT_PATTERN.sub("", last)


def _describe_finding(status: SyncStatus, last_known: LastKnownState) -> str:
    """What must stay the same for two syncs: the status, and which objects drifted how."""
    if status is not SyncStatus.OUT_OF_SYNC:
        return str(status)
    drifted = [
        (entry.change, entry.kind, entry.namespace, entry.name) for entry in last_known.drift
    ]
    return f"{status} {sha256(repr((last_known.drift_count, drifted)).encode()).hexdigest()[:12]}"


def _explain_status(status: SyncStatus, last_known: LastKnownState) -> str:
    if status is SyncStatus.ERROR:
        return last_known.error
    if status is SyncStatus.OUT_OF_SYNC:
        named = ", ".join(f"{entry.kind} {entry.name} {entry.change}" for entry in last_known.drift)
        more = (last_known.drift_count or 0) - len(last_known.drift)
        return f"Drift from commit {last_known.commit[:12]} ({last_known.drift_count}): {named}" + (
            f", and {more} more." if more else "."
        )
    return f"Commit {last_known.commit[:12]}." if last_known.commit else ""
