"""Which of NetBox's objects is which wanted one.

An object is the one whose `hh_key` it carries. A wanted object that has none takes over an absent
one that holds its place (a name, a network, a port), so that its id, and all that people hung on
it, stays. So does one whose own object would have to move to a place that an absent one keeps.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from fabrics.inventory.plan import Plan
from fabrics.inventory.stored import Id, Place, Stored, StoredInventory
from fabrics.inventory.wanted import Model, Ref, Value, Wanted

LEAVES: Final[dict[Model, dict[str, Value]]] = {
    Model.CABLE: {"a_terminations": (), "b_terminations": ()},
    Model.VLAN: {"group": None},
}
"""How an object gives up all its places for a while, where NetBox lets it."""


@dataclass(slots=True)
class Matching:
    """`rows` of wanted objects, and what all ids are called from now on."""

    rows: dict[Ref, Stored] = field(default_factory=dict)
    names: dict[Id, Ref] = field(default_factory=dict)
    absent: dict[Id, Stored] = field(default_factory=dict)

    def give(self, wanted: Wanted, row: Stored) -> None:
        """From now on the row is this object; the one that it had is absent, and what refers to that
        refers to none of ours."""
        former = self.rows.get(wanted.ref)
        if former is not None:
            self.absent[former.id] = former
            del self.names[former.id]
        self.absent.pop(row.id, None)
        self.rows[wanted.ref] = row
        self.names[row.id] = wanted.ref

    def exchange(self, ring: list[Wanted]) -> None:
        """Each gets the row of the one after it."""
        rows = [self.rows[each.ref] for each in ring]
        for wanted, row in zip(ring, [*rows[1:], rows[0]], strict=True):
            self.rows[wanted.ref] = row
            self.names[row.id] = wanted.ref


def match(plan: Plan, stored: StoredInventory) -> Matching:
    """Parents come before those whose places are in them, so these are known by the right names."""
    matching = Matching(
        names={row.id: row.ref for row in stored.rows}
        | {number: ref for ref, number in stored.shared.items()},
        absent={row.id: row for row in stored.rows},
    )
    for model in Model:
        wanted = [each for each in plan.objects if each.MODEL is model and not each.SHARED]
        _match_by_key(matching, wanted)
        _match_by_place(matching, wanted)
    return matching


def _match_by_key(matching: Matching, wanted: Iterable[Wanted]) -> None:
    rows: dict[Ref, list[Stored]] = defaultdict(list)
    for row in matching.absent.values():
        rows[row.ref].append(row)
    for each in wanted:
        if found := rows.get(each.ref):
            best = _best(matching, each, found)
            matching.give(each, best)
            for copy in found:
                if copy is not best:
                    del matching.names[copy.id]  # what refers to it refers to none of ours


def _best(matching: Matching, wanted: Wanted, rows: list[Stored]) -> Stored:
    """Somebody may have copied one with its marks, or two workers made it: the one in place is ours,
    else the oldest."""
    places = set(places_of(wanted))
    return max(
        rows,
        key=lambda row: (
            (len(places & row.places(matching.names)), -row.id.number) if len(rows) > 1 else 0
        ),
    )


def _match_by_place(matching: Matching, wanted: Iterable[Wanted]) -> None:
    """Again and again: an object that takes over another's place leaves its own to a third."""
    open_ = [each for each in wanted if each.ref not in matching.rows or each.MODEL not in LEAVES]
    taken = True
    while taken and open_:
        holders = _holders(matching, open_[0].MODEL)
        taken = False
        for each in tuple(open_):
            found = (holders[place] for place in places_of(each) if place in holders)
            row = next((row for row in found if _is_free(matching, each, row)), None)
            if row is not None:
                matching.give(each, row)
                open_.remove(each)
                taken = True


def _is_free(matching: Matching, wanted: Wanted, row: Stored) -> bool:
    """Whether the row can be taken over: not if it is a copy of the object's own."""
    return row.id in matching.absent and row.ref != wanted.ref


def _holders(matching: Matching, model: Model) -> dict[Place, Stored]:
    """Absent objects of a model, by the places that they keep."""
    return {
        place: row
        for row in matching.absent.values()
        if row.id.model is model
        for place in row.places(matching.names)
    }


def places_of(wanted: Wanted) -> Iterator[Place]:
    """What no other object may hold."""
    return (claim.what for claim in wanted.claims() if not claim.shared)
