"""Which of NetBox's objects is which wanted one.

An object is the one whose `hh_key` it carries. A wanted object that has none takes over an absent
one that holds its place (a name, a network, a port), so that its id, and all that people hung on
it, stays. So does one whose own object would have to move to a place that an absent one keeps. An
interface that is to be on another device is a new one: NetBox moves none.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.existing import Id, Names, Stored, StoredInventory, name_of
from fabrics.inventory.model.planned import Model, Ref, Value, Wanted
from fabrics.inventory.model.unique_index import Holders
from fabrics.inventory.plan.plan import Plan

LEAVES: Final[dict[Model, Callable[[str], dict[str, Value]]]] = {
    Model.CABLE: lambda _: {"a_terminations": (), "b_terminations": ()},
    Model.VLAN: lambda _: {"group": None},
    Model.DEVICE: lambda _: {"name": None},
    Model.IP_RANGE: lambda nowhere: {"start_address": nowhere, "end_address": nowhere},
    Model.IP_ADDRESS: lambda nowhere: {"address": nowhere},
}
"""How an object gives up all its places for a while, where NetBox lets it."""

_STAYS: Final = (Model.CABLE, Model.VLAN)
"""Of these an object that is there moves to the place of an absent one, rather than to take it over."""


def leave(row: Id) -> dict[str, Value]:
    """The fields of an object that has given up all its places.

    Addresses go to one of 0.0.0.0/8, which no host can have (RFC 1122, 3.2.1.3), each to its own.
    """
    return LEAVES[row.model](f"{IPv4Address(row.number % 2**24)}/32")


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
        found = rows.get(each.ref, [])
        best = _best(matching, each, [row for row in found if not _is_left(matching, each, row)])
        if best is not None:
            matching.give(each, best)
        for other in found:
            if other is not best:
                del matching.names[other.id]  # what refers to it refers to none of ours


def _is_left(matching: Matching, wanted: Wanted, row: Stored) -> bool:
    """Whether it is on a device of ours that the wanted one is no longer on: NetBox refuses to move it
    (`ComponentModel.clean`). On a device that is not ours, it is left alone."""
    if not isinstance(wanted, Interface):
        return False
    device, names = row.values["device"], matching.names
    is_ours = device in names or device in matching.absent
    return is_ours and name_of(device, names) != wanted.device


def _best(matching: Matching, wanted: Wanted, rows: list[Stored]) -> Stored | None:
    """Somebody may have copied one with its marks, or two workers made it: the one in place is ours,
    else the oldest."""
    claims = set(wanted.claims())

    def fitness(row: Stored) -> tuple[int, int]:
        return len(claims.intersection(row.claims(matching.names))), -row.id.number

    return max(rows, key=fitness) if len(rows) > 1 else next(iter(rows), None)


def _match_by_place(matching: Matching, wanted: Iterable[Wanted]) -> None:
    """Again and again: an object that takes over another's place leaves its own to a third."""
    open_ = [each for each in wanted if each.ref not in matching.rows or each.MODEL not in _STAYS]
    taken = True
    while taken and open_:
        absent = (row for row in matching.absent.values() if row.id.model is open_[0].MODEL)
        holders = holders_of(absent, matching.names)
        taken = False
        for each in tuple(open_):
            row = next(_free(matching, each, holders), None)
            if row is not None:
                matching.give(each, row)
                open_.remove(each)
                taken = True


def _free(matching: Matching, wanted: Wanted, holders: Holders[Id]) -> Iterator[Stored]:
    """What it can take over: no copy of its own row, and nothing if that is in place."""
    for claim in wanted.claims():
        for holder in holders.of(claim):
            row = matching.absent.get(holder)
            if row and row.ref != wanted.ref and not _is_in_place(matching, wanted):
                yield row


def _is_in_place(matching: Matching, wanted: Wanted) -> bool:
    """Whether its own row holds something of what it needs."""
    own = matching.rows.get(wanted.ref)
    held = own.claims(matching.names) if own else ()
    return any(claim.clashes(each) for claim in wanted.claims() for each in held)


def holders_of(rows: Iterable[Stored], names: Names) -> Holders[Id]:
    """Which of the rows hold what."""
    holders: Holders[Id] = Holders()
    for row in rows:
        holders.add(row.id, row.claims(names))
    return holders
