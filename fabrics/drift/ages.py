"""Since when objects have drifted, as the syncs of a loop found it.

An object is known by its kind, namespace and name, so it keeps its time when its manifest moves to another file. A time
is never guessed: an object is new only if the comparison before told all objects that had drifted.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from itertools import batched, islice
from typing import Final, Self

from pydantic import BaseModel

from fabrics.drift.model import Drift, DriftEntry, ListOutcome
from fabrics.drift.sentences import shorten
from fabrics.drift.summary import MAX_NAME_CHARS, SummaryEntry

MAX_OBJECTS: Final = 100
"""The objects whose times are known, as each may have one of its own. While more have drifted, the times of the others,
and of new ones, are unknown."""

KIND_CHARS: Final = 2
ID_CHARS: Final = 8
"""The lengths of the hash of a kind, and of an id, which begins with it. Of 100 objects of one kind, two share an id in
one of ten million fabrics."""

MAX_UNJUDGED_KINDS: Final = 100

UNKNOWN: Final = ""
"""The time of objects that may have drifted before the loop looked."""


class DriftIds(BaseModel, frozen=True):
    """Which objects have drifted: the joined ids of the first ones, and a count.

    `unjudged` has the hashes of kinds, joined, of which some objects were not compared.
    """

    ids: str = ""
    count: int = 0
    unjudged: str = ""

    @classmethod
    def from_drift(cls, drift: Drift) -> Self:
        """Return the ids of what has drifted, within the size limit of a message."""
        unread = {ListOutcome.FORBIDDEN, ListOutcome.NOT_READ}
        kinds = {
            *drift.incomplete_kinds,
            *drift.unread_kinds,
            *(kind for kind, outcome in drift.unknown_kinds.items() if outcome in unread),
        }
        names = sorted(kind.name for kind in kinds)
        return cls(
            ids="".join(map(_identify, islice(drift.entries, MAX_OBJECTS))),
            count=len(drift.entries),
            unjudged="".join(map(_hash_kind, names[:MAX_UNJUDGED_KINDS])),
        )


class DriftAges(BaseModel, frozen=True):
    """When the syncs first found each object that has drifted.

    `found` has the ids of objects, joined, by that time. `is_complete` is false if others may have drifted, too.
    `compared` is when the last sync began that compared anything.
    """

    found: dict[str, str] = {}
    is_complete: bool = True
    compared: str = UNKNOWN

    @classmethod
    def from_entries(cls, entries: Iterable[SummaryEntry], drift_count: int | None) -> Self:
        """Return what a record, or an earlier release, has kept of `drift_count` objects."""
        times = {make_object_id(entry.key): _format_time(entry.since) for entry in entries}
        return cls(found=_encode_times(times), is_complete=len(times) >= (drift_count or 0))

    def after_sync(self, drifted: DriftIds, started: datetime) -> Self:
        """Return the ages after a sync begun at `started` that compared the states.

        Objects of kinds that were not judged stay as they were.
        """
        time, known = _format_time(started), decode_times(self.found)
        unjudged = {"".join(kind) for kind in batched(drifted.unjudged, KIND_CHARS)}
        hidden = {id_: known[id_] for id_ in known if id_[:KIND_CHARS] in unjudged}
        new = time if self.is_complete else UNKNOWN
        seen = {id_: known.get(id_, new) for id_ in decode_times({time: drifted.ids})}
        times = hidden | seen
        told_all = len(seen) >= drifted.count and len(times) <= MAX_OBJECTS
        return type(self)(
            found=_encode_times(dict(islice(times.items(), MAX_OBJECTS))),
            is_complete=told_all and (self.is_complete or not unjudged),
            compared=time,
        )

    def date_entries(self, entries: Iterable[SummaryEntry]) -> tuple[SummaryEntry, ...]:
        """Return the entries with the times at which syncs first found them."""
        times = decode_times(self.found)
        known = ((entry, times.get(make_object_id(entry.key), UNKNOWN)) for entry in entries)
        return tuple(entry.found_at(parse_time(time)) for entry, time in known)

    @property
    def lasting(self) -> dict[str, str]:
        """The part of `found` that the last sync found again."""
        return {time: ids for time, ids in self.found.items() if time != self.compared}


def make_object_id(key: str) -> str:
    """Return the id of the object with this key (`<Kind>/<namespace>/<name>`)."""
    kind = key.partition("/")[0]
    return _hash_kind(kind) + _hash(key, ID_CHARS - KIND_CHARS)


def decode_times(found: Mapping[str, str]) -> dict[str, str]:
    """Return the time of each object by its id."""
    return {"".join(id_): time for time, ids in found.items() for id_ in batched(ids, ID_CHARS)}


def parse_time(time: str) -> datetime | None:
    """Return a time of `DriftAges`; None if it is unknown."""
    return datetime.fromtimestamp(int(time), UTC) if time else None


def digest_ids(found: Mapping[str, str]) -> str:
    """Return a digest of which objects these are; empty if there are none."""
    ids = sorted(decode_times(found))
    return sha256("".join(ids).encode()).hexdigest()[:12] if ids else ""


def _identify(entry: DriftEntry) -> str:
    key = entry.key
    namespace, name = (shorten(part, MAX_NAME_CHARS) for part in (key.namespace, key.name))
    return make_object_id(f"{key.kind.name}/{namespace}/{name}")


def _hash_kind(name: str) -> str:
    return _hash(name, KIND_CHARS)


def _hash(text: str, chars: int) -> str:
    digest = blake2b(text.encode(errors="replace"), digest_size=chars).digest()
    return urlsafe_b64encode(digest).decode()[:chars]


def _encode_times(times: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for id_, time in times.items():
        found[time] = found.get(time, "") + id_
    return found


def _format_time(moment: datetime | None) -> str:
    """Return a time as its Unix time in seconds, as there may be one for each object.

    One without a time zone, or beyond the years of UTC, was not written by a sync.
    """
    if moment is None or moment.tzinfo is None:
        return UNKNOWN
    try:
        return str(int(moment.astimezone(UTC).timestamp()))
    except OverflowError:
        return UNKNOWN
