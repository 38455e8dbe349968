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
from fabrics.inventory.model.existing import (
    ExistingInventory,
    ExistingObject,
    ObjectId,
    RefsById,
    resolve_ref,
)
from fabrics.inventory.model.planned import FieldValue, Model, PlannedObject, Ref
from fabrics.inventory.model.unique_index import UniqueIndex
from fabrics.inventory.plan.plan import Plan

RELEASE_VALUES: Final[dict[Model, Callable[[str], dict[str, FieldValue]]]] = {
    Model.CABLE: lambda _: {"a_terminations": (), "b_terminations": ()},
    Model.VLAN: lambda _: {"group": None},
    Model.DEVICE: lambda _: {"name": None},
    Model.IP_RANGE: lambda nowhere: {"start_address": nowhere, "end_address": nowhere},
    Model.IP_ADDRESS: lambda nowhere: {"address": nowhere},
}
"""How an object gives up all its places for a while, where NetBox lets it."""

_KEEP_MATCH_MODELS: Final = (Model.CABLE, Model.VLAN)
"""Of these an object that is there moves to the place of an absent one, rather than to take it over."""


def release_values(object_id: ObjectId) -> dict[str, FieldValue]:
    """The fields of an object that has given up all its places.

    Addresses go to one of 0.0.0.0/8, which no host can have (RFC 1122, 3.2.1.3), each to its own.
    """
    return RELEASE_VALUES[object_id.model](f"{IPv4Address(object_id.number % 2**24)}/32")


@dataclass(slots=True)
class Matching:
    """`rows` of wanted objects, and what all ids are called from now on."""

    existing: dict[Ref, ExistingObject] = field(default_factory=dict)
    refs: dict[ObjectId, Ref] = field(default_factory=dict)
    absent: dict[ObjectId, ExistingObject] = field(default_factory=dict)

    def assign(self, planned: PlannedObject, row: ExistingObject) -> None:
        """From now on the row is this object; the one that it had is absent, and what refers to that
        refers to none of ours."""
        former = self.existing.get(planned.ref)
        if former is not None:
            self.absent[former.id] = former
            del self.refs[former.id]
        self.absent.pop(row.id, None)
        self.existing[planned.ref] = row
        self.refs[row.id] = planned.ref

    def rotate(self, cycle: list[PlannedObject]) -> None:
        """Each gets the row of the one after it."""
        rows = [self.existing[each.ref] for each in cycle]
        for wanted, row in zip(cycle, [*rows[1:], rows[0]], strict=True):
            self.existing[wanted.ref] = row
            self.refs[row.id] = wanted.ref


def match_objects(plan: Plan, existing: ExistingInventory) -> Matching:
    """Parents come before those whose places are in them, so these are known by the right names."""
    matching = Matching(
        refs={row.id: row.ref for row in existing.objects}
        | {number: ref for ref, number in existing.shared_ids.items()},
        absent={row.id: row for row in existing.objects},
    )
    for model in Model:
        wanted = [each for each in plan.objects if each.MODEL is model and not each.SHARED]
        _match_by_hh_key(matching, wanted)
        _match_by_unique_key(matching, wanted)
    return matching


def _match_by_hh_key(matching: Matching, planned: Iterable[PlannedObject]) -> None:
    rows: dict[Ref, list[ExistingObject]] = defaultdict(list)
    for row in matching.absent.values():
        rows[row.ref].append(row)
    for each in planned:
        found = rows.get(each.ref, [])
        best = _pick_best(
            matching, each, [row for row in found if not _is_on_former_device(matching, each, row)]
        )
        if best is not None:
            matching.assign(each, best)
        for other in found:
            if other is not best:
                del matching.refs[other.id]  # what refers to it refers to none of ours


def _is_on_former_device(matching: Matching, planned: PlannedObject, row: ExistingObject) -> bool:
    """Whether it is on a device of ours that the wanted one is no longer on: NetBox refuses to move it
    (`ComponentModel.clean`). On a device that is not ours, it is left alone."""
    if not isinstance(planned, Interface):
        return False
    device, names = row.values["device"], matching.refs
    is_ours = device in names or device in matching.absent
    return is_ours and resolve_ref(device, names) != planned.device


def _pick_best(
    matching: Matching, planned: PlannedObject, rows: list[ExistingObject]
) -> ExistingObject | None:
    """Somebody may have copied one with its marks, or two workers made it: the one in place is ours,
    else the oldest."""
    claims = set(planned.unique_keys())

    def fitness(row: ExistingObject) -> tuple[int, int]:
        return len(claims.intersection(row.unique_keys(matching.refs))), -row.id.number

    return max(rows, key=fitness) if len(rows) > 1 else next(iter(rows), None)


def _match_by_unique_key(matching: Matching, planned: Iterable[PlannedObject]) -> None:
    """Again and again: an object that takes over another's place leaves its own to a third."""
    open_ = [
        each
        for each in planned
        if each.ref not in matching.existing or each.MODEL not in _KEEP_MATCH_MODELS
    ]
    taken = True
    while taken and open_:
        absent = (row for row in matching.absent.values() if row.id.model is open_[0].MODEL)
        holders = index_unique_keys(absent, matching.refs)
        taken = False
        for each in tuple(open_):
            row = next(_find_takeover_candidates(matching, each, holders), None)
            if row is not None:
                matching.assign(each, row)
                open_.remove(each)
                taken = True


def _find_takeover_candidates(
    matching: Matching, planned: PlannedObject, holders: UniqueIndex[ObjectId]
) -> Iterator[ExistingObject]:
    """What it can take over: no copy of its own row, and nothing if that is in place."""
    for claim in planned.unique_keys():
        for holder in holders.find_holders(claim):
            row = matching.absent.get(holder)
            if row and row.ref != planned.ref and not _holds_own_unique_key(matching, planned):
                yield row


def _holds_own_unique_key(matching: Matching, planned: PlannedObject) -> bool:
    """Whether its own row holds something of what it needs."""
    own = matching.existing.get(planned.ref)
    held = own.unique_keys(matching.refs) if own else ()
    return any(claim.conflicts_with(each) for claim in planned.unique_keys() for each in held)


def index_unique_keys(rows: Iterable[ExistingObject], refs: RefsById) -> UniqueIndex[ObjectId]:
    """Which of the rows hold what."""
    holders: UniqueIndex[ObjectId] = UniqueIndex()
    for row in rows:
        holders.add(row.id, row.unique_keys(refs))
    return holders
