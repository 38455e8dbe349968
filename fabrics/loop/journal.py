"""Rules for when a finding becomes a journal entry in NetBox.

A status, or a set of drifted objects, that lasts two syncs is worth an entry; one that flaps is not. The same holds for
a degraded health, which is also observed between syncs.
Entries of one fabric are at least ten minutes apart, so that alternating findings do not flood its journal.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from pydantic import BaseModel

from fabrics.record.sync_status import LastKnownState, SyncStatus
from fabrics.times import format_time

MIN_OBSERVATIONS_BEFORE_ENTRY: Final = 2
MIN_ENTRY_INTERVAL: Final = timedelta(minutes=10)
_GOOD_STATUSES: Final = (SyncStatus.IN_SYNC, SyncStatus.INVENTORY_ONLY)

_FINDING_PATTERN: Final = re.compile(r"\*\*\w+\*\* since ")
_TRANSIENT_TEXT_PATTERN: Final = re.compile(
    r"(?<=\*\*) since [-0-9]+ [:0-9]+ UTC|(?<=ommit )[0-9a-f]+"
)
"""The parts of an entry that do not belong to its finding: its start and the commit."""


class Streak(BaseModel, frozen=True):
    """What the latest observations agree on: how many they are, and since when."""

    value: str = ""
    count: int = 0
    since: datetime | None = None

    def observe(self, value: str, moment: datetime) -> "Streak":
        """Return the streak after one more observation."""
        if self.count and value == self.value:
            return self.model_copy(update={"count": self.count + 1})
        return Streak(value=value, count=1, since=moment)


class Journal(BaseModel, frozen=True):
    """The findings that were reported; `pending_entry` is still to be written.

    `sync_finding` identifies what syncs find; `status`, `explanation` and `remark` are those of the latest one.
    `health` says why the fabric is degraded, as syncs and readings of agents between them find. `reported`
    identifies what the last entry was about. The pending entry `may_wait` for the next write of the record if it
    says that all is well.
    """

    sync_finding: Streak = Streak()
    status: SyncStatus = SyncStatus.NEVER_SYNCED
    explanation: str = ""
    remark: str = ""
    health: Streak = Streak()
    reported: str = ""
    reported_at: datetime | None = None
    pending_entry: str = ""
    may_wait: bool = False

    def after_sync(
        self,
        status: SyncStatus,
        last_known: LastKnownState,
        started: datetime,
        remark: str = "",
        health: str = "",
    ) -> "Journal":
        """Return the journal after a sync begun at `started` that ended in `status`.

        `remark` and `health` are sentences for people; different ones are a different finding.
        """
        finding = f"{_describe_finding(status, last_known)} {remark}".strip()
        update = {
            "sync_finding": self.sync_finding.observe(finding, started),
            "status": status,
            "explanation": _explain_status(status, last_known),
            "remark": remark,
        }
        return self.model_copy(update=update).after_reading(health, started)

    def after_reading(self, health: str, started: datetime) -> "Journal":
        """Return the journal after agents were read at `started`, with a sync or without."""
        observed = self.model_copy(update={"health": self.health.observe(health, started)})
        return observed._report(started)

    def _report(self, now: datetime) -> "Journal":
        """Return the journal with an entry if what was found has lasted and is news."""
        found = f"{self.sync_finding.value} {self.health.value}".strip()
        has_lasted = (
            min(self.sync_finding.count, self.health.count) >= MIN_OBSERVATIONS_BEFORE_ENTRY
        )
        if not has_lasted or found == self.reported:
            return self
        if self.reported_at is not None and now - self.reported_at < MIN_ENTRY_INTERVAL:
            return self
        since = max(filter(None, (self.sync_finding.since, self.health.since)))
        beginning = f"**{self.status}** since {format_time(since)}."
        parts = (beginning, self.explanation, self.remark, self.health.value)
        is_good = self.status in _GOOD_STATUSES and not (self.remark or self.health.value)
        return self.model_copy(
            update={
                "pending_entry": " ".join(filter(None, parts)),
                "may_wait": is_good,
                "reported": found,
                "reported_at": now,
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
