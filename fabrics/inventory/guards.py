"""What may be deleted: only what has been absent for some time, and not too much of it unasked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from fabrics.drift import Live
from fabrics.inventory.absences import Absences, packed, unpacked
from fabrics.inventory.stored import Stored
from fabrics.inventory.wanted import Model

SYNCS: Final = 3
"""How many syncs in a row have to miss an object."""

FREE: Final = 10
FREE_SHARE: Final = 0.25
"""More objects of a model than both, in number and as a part of all, are deleted only if confirmed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of absent objects: some may go now, some wait for somebody to confirm them.

    `absences` are those of all that stay, for the next sync; `digest` names those that wait.
    """

    due: tuple[Stored, ...] = ()
    waiting: tuple[Stored, ...] = ()
    absences: Absences = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return digest_of(self.waiting)


def judge(
    absent: Iterable[Stored],
    before: Absences,
    totals: Mapping[Model, int],
    confirmed: str = "",
) -> Verdict:
    """Which of the absent objects may be deleted, given the absences that were counted `before`.

    `totals` are all objects of each model that NetBox holds of the fabric; `confirmed` is the digest
    of what somebody has agreed to see deleted.
    """
    ordered, known = sorted(absent, key=lambda each: each.id), unpacked(before)
    counts = {each.id: min(known.get(each.id, 0) + 1, SYNCS) for each in ordered}
    due = tuple(each for each in ordered if counts[each.id] >= SYNCS)
    absences = packed(counts)
    uncounted = counts.keys() - unpacked(absences).keys()
    following = (each for each in ordered if each.id in uncounted)
    if _is_much((*due, *following), totals) and digest_of(due) != confirmed:
        return Verdict(waiting=due, absences=absences)
    return Verdict(due=due, absences=absences)


def emptied(live: Live, counts: Mapping[str, int]) -> str:
    """Why nothing at all should be done: a sentence on kinds of which a sync has counted some before.

    `counts` are those of the observation, which has asked Git, or an operator, whether a kind that
    is suddenly empty is meant to be.
    """
    there = {kind.name for kind, resources in live.resources.items() if resources}
    missing = sorted(name for name, count in counts.items() if count and name not in there)
    if not missing:
        return ""
    return (
        f"The Kubernetes API no longer has any {', '.join(missing)}: the inventory stays as it is"
        " until that is certain."
    )


def vouched(absent: Iterable[Stored], live: Live) -> list[Stored]:
    """Those whose kind was read: nothing is concluded about others from not seeing them."""
    read = {kind.name for kind in live.resources}
    return [
        each for each in absent if (kind := each.key.partition("/")[0]) in read or kind == FABRIC
    ]


FABRIC: Final = "Fabric"
"""The kind in the keys of what a fabric as a whole has."""


def digest_of(rows: Iterable[Stored]) -> str:
    """Twelve hex digits that name these objects."""
    text = " ".join(f"{each.id.model}:{each.id.number}={each.key}" for each in rows)
    return sha256(text.encode()).hexdigest()[:12]


def _is_much(rows: Iterable[Stored], totals: Mapping[Model, int]) -> bool:
    counts = Counter(each.id.model for each in rows)
    return any(
        count > FREE and count > FREE_SHARE * totals.get(model, 0)
        for model, count in counts.items()
    )
