"""The prune policy: which absent objects may be deleted, and when.

An object must have been absent in several passes in a row. More than a few deletes of a model wait until
somebody confirms them, and so do all deletes while other fabrics of the API have some of these objects: the record
may have got the name of another fabric.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from fabrics.drift.model import LiveState
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model
from fabrics.inventory.prune.absence_encoding import AbsenceCounts, decode_counts, encode_counts
from fabrics.inventory.specs.connections import ConnectionSpec
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import strip_part
from fabrics.inventory.specs.vpc import ExternalAttachmentSpec
from fabrics.inventory.specs.wiring import ServerSpec, SwitchSpec
from fabrics.resources.kinds import find_listed_kind

MIN_ABSENT_PASSES: Final = 3
"""The passes in a row in which an object must be absent to be deleted."""

CONFIRMED_ABSENCE_COUNT: Final = MIN_ABSENT_PASSES + 1
"""The count of an object whose delete is confirmed but has to wait for dependents."""

UNCONFIRMED_DELETE_LIMIT: Final = 10
UNCONFIRMED_DELETE_SHARE: Final = 0.25
"""Deletes of a model need a confirmation if they exceed both of these."""

FABRIC_KIND: Final = "Fabric"
"""The kind in the `hh_key` of objects that belong to the fabric as a whole."""

DEVICE_KINDS: Final = frozenset({SwitchSpec.KIND, ServerSpec.KIND, GatewaySpec.KIND})
KINDS_ADDING_PARTS: Final = frozenset({ConnectionSpec.KIND, ExternalAttachmentSpec.KIND})
"""Kinds that give devices parts whose `hh_key` names the device only."""


@dataclass(frozen=True, slots=True)
class PruneDecision:
    """The absent objects to delete now, and those whose delete somebody must confirm.

    `absence_counts` are those of all absent objects, for the next pass. `digest` names the objects to confirm.
    These are the ones with a count of exactly `MIN_ABSENT_PASSES`, so the next pass knows what was confirmed.
    """

    to_delete: tuple[ExistingObject, ...] = ()
    to_confirm: tuple[ExistingObject, ...] = ()
    absence_counts: AbsenceCounts = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return deletes_digest(row.id for row in self.to_confirm)


def decide(
    absent: Iterable[ExistingObject],
    previous_counts: AbsenceCounts,
    totals: Mapping[Model, int],
    confirmed_digest: str = "",
    elsewhere: Set[str] = frozenset(),
) -> PruneDecision:
    """Decide which absent objects may be deleted, given the previous pass's counts.

    `totals` are the numbers of all objects of each model that the fabric owns in NetBox. The limit applies
    to all absent objects, however long they have been absent, so that a slow loss is noticed as well.
    `elsewhere` are the keys of live objects that belong to other fabrics.

    `confirmed_digest` is the digest of the objects to confirm after the previous pass, if somebody confirmed
    it, or empty. Then those of them that are still absent are deleted, and nothing else. Those that cannot be
    deleted yet are tried again in each pass, without a new confirmation, and do not count against the limit.
    """
    rows, previous = sorted(absent, key=lambda row: row.id), decode_counts(previous_counts)
    waiting = _ids_with_count(previous, MIN_ABSENT_PASSES)
    is_confirmed = confirmed_digest == deletes_digest(waiting)
    confirmed = _ids_with_count(previous, CONFIRMED_ABSENCE_COUNT)
    confirmed |= waiting if is_confirmed else set()
    counts = {
        row.id: CONFIRMED_ABSENCE_COUNT
        if row.id in confirmed
        else min(previous.get(row.id, 0) + 1, MIN_ABSENT_PASSES)
        for row in rows
    }
    absence_counts = encode_counts(counts)
    to_delete = tuple(row for row in rows if row.id in confirmed)
    unconfirmed = tuple(row for row in rows if counts[row.id] == MIN_ABSENT_PASSES)
    if is_confirmed:
        return PruneDecision(to_delete, absence_counts=absence_counts)
    open_rows = [row for row in rows if row.id not in confirmed]
    has_moved = any(strip_part(row.key) in elsewhere for row in open_rows)
    if has_moved or _exceeds_limit(open_rows, totals):
        counted = decode_counts(absence_counts).keys()  # the others did not fit
        to_confirm = tuple(row for row in unconfirmed if row.id in counted)
        return PruneDecision(to_delete, to_confirm, absence_counts)
    return PruneDecision(to_delete + unconfirmed, absence_counts=absence_counts)


def filter_surely_absent(
    absent: Iterable[ExistingObject], live: LiveState, incomplete: Set[str]
) -> list[ExistingObject]:
    """Return the absent objects that the live state proves to be gone.

    These are objects whose kind was read, and whose live object is not among the `incomplete` keys: those
    of objects that could not be read, or that need one that could not be read.
    """
    listed = (kind for kind in live.resources if find_listed_kind(kind.group, kind.name))
    kinds_read = {kind.name for kind in listed} | {FABRIC_KIND}
    uncertain = incomplete | _find_uncertain_devices(live, incomplete)
    return [
        row
        for row in absent
        if _parse_kind(row.key) in kinds_read and strip_part(row.key) not in uncertain
    ]


def _find_uncertain_devices(live: LiveState, incomplete: Set[str]) -> set[str]:
    """Return all devices if an object that may give them parts could not be read."""
    if KINDS_ADDING_PARTS.isdisjoint(map(_parse_kind, incomplete)):
        return set()
    return {
        str(device.key)
        for kind, devices in live.resources.items()
        if kind.name in DEVICE_KINDS
        for device in devices
    }


def _parse_kind(key: str) -> str:
    return key.partition("/")[0]


def deletes_digest(ids: Iterable[ObjectId]) -> str:
    """Return twelve hex digits that name these objects."""
    text = " ".join(f"{id_.model}:{id_.number}" for id_ in sorted(ids))
    return sha256(text.encode()).hexdigest()[:12]


def _ids_with_count(counts: Mapping[ObjectId, int], count: int) -> set[ObjectId]:
    return {id_ for id_, other in counts.items() if other == count}


def _exceeds_limit(rows: Iterable[ExistingObject], totals: Mapping[Model, int]) -> bool:
    counts = Counter(row.id.model for row in rows)
    return any(
        count > UNCONFIRMED_DELETE_LIMIT and count > UNCONFIRMED_DELETE_SHARE * totals.get(model, 0)
        for model, count in counts.items()
    )
