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

from fabrics.record.status import Facts, SyncStatus

SETTLED_AFTER: Final = 2
MIN_DISTANCE: Final = timedelta(minutes=10)

_FINDING: Final = re.compile(r"\*\*\w+\*\* since ")
_PASSING: Final = re.compile(r"(?<=\*\*) since [-0-9]+ [:0-9]+ UTC|(?<=ommit )[0-9a-f]+")
"""What entries say that is no part of a finding: since when, and at which commit."""


class Journal(BaseModel, frozen=True):
    """What the journal says and what it may have to say next. `entry` waits to be written.

    `finding` names what the latest sync found, `told` what the last entry was about.
    """

    finding: str = ""
    syncs: int = 0
    since: datetime | None = None
    told: str = ""
    told_at: datetime | None = None
    entry: str = ""

    def after_sync(
        self, status: SyncStatus, facts: Facts, started: datetime, remark: str = ""
    ) -> "Journal":
        """The journal once a sync that began at `started` has left the fabric in `status`.

        `remark` is a sentence on what else a person should know; another one is news as well.
        """
        finding = f"{_finding(status, facts)} {remark}".strip()
        lasted = finding == self.finding
        seen = self.model_copy(
            update={
                "finding": finding,
                "syncs": self.syncs + 1 if lasted else 1,
                "since": self.since if lasted else started,
            }
        )
        if seen.syncs < SETTLED_AFTER or finding == self.told or self._told_lately(started):
            return seen
        since = f"**{status}** since {seen.since:%Y-%m-%d %H:%M:%S} UTC."
        text = " ".join(filter(None, (since, _sentence(status, facts), remark)))
        return seen.model_copy(update={"entry": text, "told": finding, "told_at": started})

    def written(self, entry: str) -> "Journal":
        """The journal once `entry` stands in NetBox."""
        return self.model_copy(update={"entry": ""}) if entry == self.entry else self

    def _told_lately(self, now: datetime) -> bool:
        return self.told_at is not None and now - self.told_at < MIN_DISTANCE


def is_told(entry: str, latest: Sequence[str]) -> bool:
    """Whether the journal with these `latest` entries, newest first, has `entry` already.

    It is there word for word, or the last finding there is the same: a new loop takes what it meets for new.
    """
    last = next(filter(_FINDING.match, latest), "")
    return entry in latest or _PASSING.sub("", entry) == _PASSING.sub("", last)


def _finding(status: SyncStatus, facts: Facts) -> str:
    """What must stay the same for two syncs: the status, and which objects drifted how."""
    if status is not SyncStatus.OUT_OF_SYNC:
        return str(status)
    drifted = [(entry.change, entry.kind, entry.namespace, entry.name) for entry in facts.drift]
    return f"{status} {sha256(repr((facts.drift_count, drifted)).encode()).hexdigest()[:12]}"


def _sentence(status: SyncStatus, facts: Facts) -> str:
    if status is SyncStatus.ERROR:
        return facts.error
    if status is SyncStatus.OUT_OF_SYNC:
        named = ", ".join(f"{entry.kind} {entry.name} {entry.change}" for entry in facts.drift)
        more = (facts.drift_count or 0) - len(facts.drift)
        return f"Drift from commit {facts.commit[:12]} ({facts.drift_count}): {named}" + (
            f", and {more} more." if more else "."
        )
    return f"Commit {facts.commit[:12]}." if facts.commit else ""
