"""What may be deleted: only what has been absent for some time, and not too much of it unasked."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from fabrics.drift import LiveState
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model
from fabrics.inventory.prune.absence import AbsenceCounts, decode_counts, encode_counts
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import strip_part
from fabrics.inventory.specs.vpc import ExternalAttachmentSpec
from fabrics.inventory.specs.wiring import ConnectionSpec, ServerSpec, SwitchSpec

MIN_ABSENT_SYNCS: Final = 3
"""How many syncs in a row have to miss an object."""

CONFIRMED_ABSENCE_COUNT: Final = MIN_ABSENT_SYNCS + 1
"""The count of an object of which somebody agreed that it goes; it stays only while people's things are on it."""

UNCONFIRMED_DELETE_LIMIT: Final = 10
UNCONFIRMED_DELETE_SHARE: Final = 0.25
"""More objects of a model than both, in number and as a part of all, are deleted only if confirmed."""


@dataclass(frozen=True, slots=True)
class PruneDecision:
    """What becomes of absent objects: some may go now, some wait for somebody to confirm them.

    `absence_counts` are those of all that stay, for the next sync. `digest` names those that wait: all of which
    exactly `MIN_ABSENT_SYNCS` absences are counted there, so that the next sync knows what was agreed to.
    """

    to_delete: tuple[ExistingObject, ...] = ()
    to_confirm: tuple[ExistingObject, ...] = ()
    absence_counts: AbsenceCounts = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return deletes_digest(each.id for each in self.to_confirm)


def decide(
    absent: Iterable[ExistingObject],
    previous_counts: AbsenceCounts,
    totals: Mapping[Model, int],
    confirmed_digest: str = "",
) -> PruneDecision:
    """Which of the absent objects may be deleted, given the absences that were counted `before`.

    How much is absent is judged by all of it: what disappears little by little is no less. `totals` are
    all objects of each model that NetBox holds of the fabric; `confirmed_digest` is the digest
    of what waited after the sync before, if somebody has agreed to see that deleted: what is absent of
    it goes, and nothing else, whatever else has been absent for long enough by now. What of it cannot go
    yet is tried again at each sync, without a question, and hides nothing of how much else is absent.
    """
    ordered, known = sorted(absent, key=lambda each: each.id), decode_counts(previous_counts)
    waited = _ids_with_count(known, MIN_ABSENT_SYNCS)
    is_confirmed = confirmed_digest == deletes_digest(waited)
    agreed = _ids_with_count(known, CONFIRMED_ABSENCE_COUNT) | (waited if is_confirmed else set())
    counts = {
        each.id: CONFIRMED_ABSENCE_COUNT
        if each.id in agreed
        else min(known.get(each.id, 0) + 1, MIN_ABSENT_SYNCS)
        for each in ordered
    }
    absences = encode_counts(counts)
    settled = tuple(each for each in ordered if counts[each.id] == CONFIRMED_ABSENCE_COUNT)
    ripe = tuple(each for each in ordered if counts[each.id] == MIN_ABSENT_SYNCS)
    if is_confirmed:
        return PruneDecision(to_delete=settled, absence_counts=absences)
    if _exceeds_limit((each for each in ordered if each.id not in agreed), totals):
        counted = decode_counts(absences).keys()
        waiting = tuple(each for each in ripe if each.id in counted)
        return PruneDecision(to_delete=settled, to_confirm=waiting, absence_counts=absences)
    return PruneDecision(to_delete=settled + ripe, absence_counts=absences)


def missing_kinds_sentence(live: LiveState, counts: Mapping[str, int], fabric_id: str) -> str:
    """Why nothing at all should be done: a sentence on kinds of which a sync has counted some before.

    `counts` are those of the observation: a kind that is suddenly empty, or no longer served, is not
    among them once Git, or an operator, says that it is meant to be.
    """
    there = {kind.name for kind, resources in live.resources.items() if resources}
    missing = sorted(name for name, count in counts.items() if count and name not in there)
    if not missing:
        return ""
    return (
        f"The Kubernetes API no longer has any {', '.join(missing)}: the inventory stays as it is. If"
        f" they are really gone, run `starter.py sync {fabric_id} --accept-empty`."
    )


def filter_surely_absent(
    absent: Iterable[ExistingObject], live: LiveState, incomplete: Set[str]
) -> list[ExistingObject]:
    """Those that are surely gone; nothing is concluded about others from not seeing them.

    Their kind was read, and what they are about is not among the live objects that are `unread`.
    """
    read = {kind.name for kind in live.resources} | {FABRIC_KIND}
    doubtful = incomplete | _find_uncertain_devices(live, incomplete)
    return [
        each
        for each in absent
        if _parse_kind(each.key) in read and strip_part(each.key) not in doubtful
    ]


FABRIC_KIND: Final = "Fabric"
"""The kind in the keys of what a fabric as a whole has."""

DEVICE_KINDS: Final = frozenset({SwitchSpec.KIND, ServerSpec.KIND, GatewaySpec.KIND})
KINDS_ADDING_PARTS: Final = frozenset({ConnectionSpec.KIND, ExternalAttachmentSpec.KIND})
"""From these, devices have ports, LAGs and addresses, whose keys do not tell from which."""


def _find_uncertain_devices(live: LiveState, incomplete: Set[str]) -> set[str]:
    """The devices that are there, if something that may have given them parts could not be read."""
    if KINDS_ADDING_PARTS.isdisjoint(map(_parse_kind, incomplete)):
        return set()
    devices = (found for kind, found in live.resources.items() if kind.name in DEVICE_KINDS)
    return {str(each.key) for found in devices for each in found}


def _parse_kind(key: str) -> str:
    return key.partition("/")[0]


def deletes_digest(ids: Iterable[ObjectId]) -> str:
    """Twelve hex digits that name these objects."""
    text = " ".join(f"{each.model}:{each.number}" for each in sorted(ids))
    return sha256(text.encode()).hexdigest()[:12]


def _ids_with_count(counts: Mapping[ObjectId, int], count: int) -> set[ObjectId]:
    return {id_ for id_, times in counts.items() if times == count}


def _exceeds_limit(rows: Iterable[ExistingObject], totals: Mapping[Model, int]) -> bool:
    counts = Counter(each.id.model for each in rows)
    return any(
        count > UNCONFIRMED_DELETE_LIMIT and count > UNCONFIRMED_DELETE_SHARE * totals.get(model, 0)
        for model, count in counts.items()
    )
