"""What may be deleted: only what has been absent for some time, and not too much of it unasked."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from fabrics.drift import Live
from fabrics.inventory.model.existing import Id, Stored
from fabrics.inventory.model.planned import Model
from fabrics.inventory.prune.absence import Absences, packed, unpacked
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import owner_of
from fabrics.inventory.specs.vpc import ExternalAttachmentSpec
from fabrics.inventory.specs.wiring import ConnectionSpec, ServerSpec, SwitchSpec

SYNCS: Final = 3
"""How many syncs in a row have to miss an object."""

AGREED: Final = SYNCS + 1
"""The count of an object of which somebody agreed that it goes; it stays only while people's things are on it."""

FREE: Final = 10
FREE_SHARE: Final = 0.25
"""More objects of a model than both, in number and as a part of all, are deleted only if confirmed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of absent objects: some may go now, some wait for somebody to confirm them.

    `absences` are those of all that stay, for the next sync. `digest` names those that wait: all of which
    exactly `SYNCS` absences are counted there, so that the next sync knows what was agreed to.
    """

    due: tuple[Stored, ...] = ()
    waiting: tuple[Stored, ...] = ()
    absences: Absences = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return digest_of(each.id for each in self.waiting)


def judge(
    absent: Iterable[Stored],
    before: Absences,
    totals: Mapping[Model, int],
    confirmed: str = "",
) -> Verdict:
    """Which of the absent objects may be deleted, given the absences that were counted `before`.

    How much is absent is judged by all of it: what disappears little by little is no less. `totals` are
    all objects of each model that NetBox holds of the fabric; `confirmed` is the digest
    of what waited after the sync before, if somebody has agreed to see that deleted: what is absent of
    it goes, and nothing else, whatever else has been absent for long enough by now. What of it cannot go
    yet is tried again at each sync, without a question, and hides nothing of how much else is absent.
    """
    ordered, known = sorted(absent, key=lambda each: each.id), unpacked(before)
    waited = _counted(known, SYNCS)
    is_confirmed = confirmed == digest_of(waited)
    agreed = _counted(known, AGREED) | (waited if is_confirmed else set())
    counts = {
        each.id: AGREED if each.id in agreed else min(known.get(each.id, 0) + 1, SYNCS)
        for each in ordered
    }
    absences = packed(counts)
    settled = tuple(each for each in ordered if counts[each.id] == AGREED)
    ripe = tuple(each for each in ordered if counts[each.id] == SYNCS)
    if is_confirmed:
        return Verdict(due=settled, absences=absences)
    if _is_much((each for each in ordered if each.id not in agreed), totals):
        counted = unpacked(absences).keys()
        waiting = tuple(each for each in ripe if each.id in counted)
        return Verdict(due=settled, waiting=waiting, absences=absences)
    return Verdict(due=settled + ripe, absences=absences)


def emptied(live: Live, counts: Mapping[str, int], fabric_id: str) -> str:
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


def vouched(absent: Iterable[Stored], live: Live, unread: Set[str]) -> list[Stored]:
    """Those that are surely gone; nothing is concluded about others from not seeing them.

    Their kind was read, and what they are about is not among the live objects that are `unread`.
    """
    read = {kind.name for kind in live.resources} | {FABRIC}
    doubtful = unread | _doubtful_devices(live, unread)
    return [
        each for each in absent if _kind_of(each.key) in read and owner_of(each.key) not in doubtful
    ]


FABRIC: Final = "Fabric"
"""The kind in the keys of what a fabric as a whole has."""

DEVICES: Final = frozenset({SwitchSpec.KIND, ServerSpec.KIND, GatewaySpec.KIND})
GIVE_PARTS: Final = frozenset({ConnectionSpec.KIND, ExternalAttachmentSpec.KIND})
"""From these, devices have ports, LAGs and addresses, whose keys do not tell from which."""


def _doubtful_devices(live: Live, unread: Set[str]) -> set[str]:
    """The devices that are there, if something that may have given them parts could not be read."""
    if GIVE_PARTS.isdisjoint(map(_kind_of, unread)):
        return set()
    devices = (found for kind, found in live.resources.items() if kind.name in DEVICES)
    return {str(each.key) for found in devices for each in found}


def _kind_of(key: str) -> str:
    return key.partition("/")[0]


def digest_of(ids: Iterable[Id]) -> str:
    """Twelve hex digits that name these objects."""
    text = " ".join(f"{each.model}:{each.number}" for each in sorted(ids))
    return sha256(text.encode()).hexdigest()[:12]


def _counted(counts: Mapping[Id, int], count: int) -> set[Id]:
    return {id_ for id_, times in counts.items() if times == count}


def _is_much(rows: Iterable[Stored], totals: Mapping[Model, int]) -> bool:
    counts = Counter(each.id.model for each in rows)
    return any(
        count > FREE and count > FREE_SHARE * totals.get(model, 0)
        for model, count in counts.items()
    )
