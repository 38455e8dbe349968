"""Which existing object in NetBox each planned object is matched with.

A planned object is matched with the existing one that has its `hh_key`. If there is none, it takes over an
absent object that has one of its unique keys (a name, a network, a port), so that the id stays, and all
that people attached to it. It does the same if its own object would have to move to a unique key that an
absent object has. An interface or a module bay that moves to another device is a new one: NetBox moves none.
A module is matched by its bay alone: one that somebody moved is another one, and NetBox refuses to move a module
and to change its type at once.
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
from fabrics.inventory.model.modules import Module, ModuleBay
from fabrics.inventory.model.planned import FieldValue, Model, PlannedObject, Ref, UniqueIndex
from fabrics.inventory.plan.plan import Plan

RELEASE_VALUES: Final[dict[Model, Callable[[str], dict[str, FieldValue]]]] = {
    Model.CABLE: lambda _: {"a_terminations": (), "b_terminations": ()},
    Model.VLAN: lambda _: {"group": None},
    Model.DEVICE: lambda _: {"name": None},
    Model.IP_RANGE: lambda unused: {"start_address": unused, "end_address": unused},
    Model.IP_ADDRESS: lambda unused: {"address": unused},
}
"""Values that release an object's unique keys for a while, from an unused address."""

_KEEP_MATCH_MODELS: Final = (Model.CABLE, Model.VLAN)
"""Objects of these models, once matched, take over no other row."""


def release_values(object_id: ObjectId) -> dict[str, FieldValue]:
    """Return the fields of an object that has released all its unique keys.

    An address becomes one of 0.0.0.0/8, which no host can have (RFC 1122, 3.2.1.3): one per object.
    """
    return RELEASE_VALUES[object_id.model](f"{IPv4Address(object_id.number % 2**24)}/32")


@dataclass(slots=True)
class Matching:
    """Existing objects by planned ref, planned refs by id, and the absent objects."""

    existing: dict[Ref, ExistingObject] = field(default_factory=dict)
    refs: dict[ObjectId, Ref] = field(default_factory=dict)
    absent: dict[ObjectId, ExistingObject] = field(default_factory=dict)

    def assign(self, planned: PlannedObject, row: ExistingObject) -> None:
        """Match the planned object with the row.

        A row that it was matched with before becomes absent, and references to that row have no ref.
        """
        former = self.existing.get(planned.ref)
        if former is not None:
            self.absent[former.id] = former
            del self.refs[former.id]
        self.absent.pop(row.id, None)
        self.existing[planned.ref] = row
        self.refs[row.id] = planned.ref

    def rotate(self, cycle: list[PlannedObject]) -> None:
        """Match each object with the row of the next one, the last with the first's."""
        rows = [self.existing[planned.ref] for planned in cycle]
        for planned, row in zip(cycle, [*rows[1:], rows[0]], strict=True):
            self.existing[planned.ref] = row
            self.refs[row.id] = planned.ref


def match_objects(plan: Plan, existing: ExistingInventory) -> Matching:
    """Match a plan's objects with existing ones.

    Parents come first: the unique keys of their children contain their refs.
    """
    matching = Matching(
        refs={row.id: row.ref for row in existing.objects}
        | {object_id: ref for ref, object_id in existing.shared_ids.items()},
        absent={row.id: row for row in existing.objects},
    )
    for model in Model:
        owned = [
            planned for planned in plan.objects if planned.MODEL is model and not planned.SHARED
        ]
        _match_by_hh_key(matching, owned)
        _match_by_unique_key(matching, owned)
    return matching


def _match_by_hh_key(matching: Matching, objects: Iterable[PlannedObject]) -> None:
    rows: dict[Ref, list[ExistingObject]] = defaultdict(list)
    for row in matching.absent.values():
        rows[row.ref].append(row)
    for planned in objects:
        candidates = rows.get(planned.ref, [])
        in_place = [row for row in candidates if not _is_elsewhere(matching, planned, row)]
        best = _pick_best(matching, planned, in_place)
        if best is not None:
            matching.assign(planned, best)
        for row in candidates:
            if row is not best:
                del matching.refs[row.id]  # references to it must move to the best one


def _is_elsewhere(matching: Matching, planned: PlannedObject, row: ExistingObject) -> bool:
    """Return True if an object has a place that it cannot leave.

    That is a component on another device of the fabric, since NetBox refuses to move it (`ComponentModel.clean`), or
    a module in another bay (`Module.clean`). On a device that is not the fabric's, a component stays.
    """
    refs = matching.refs
    if isinstance(planned, Module):
        return resolve_ref(row.values["module_bay"], refs) != planned.module_bay
    if not isinstance(planned, Interface | ModuleBay):
        return False
    device = row.values["device"]
    is_owned = device in refs or device in matching.absent
    return is_owned and resolve_ref(device, refs) != planned.device


def _pick_best(
    matching: Matching, planned: PlannedObject, rows: list[ExistingObject]
) -> ExistingObject | None:
    """Return the row with most of the planned unique keys; of several, the oldest.

    There are several if somebody copied one with its tag and fields, or two workers created it.
    """
    unique_keys = set(planned.unique_keys())

    def rank(row: ExistingObject) -> tuple[int, int]:
        return len(unique_keys.intersection(row.unique_keys(matching.refs))), -row.id.number

    return max(rows, key=rank) if len(rows) > 1 else next(iter(rows), None)


def _match_by_unique_key(matching: Matching, objects: Iterable[PlannedObject]) -> None:
    """Let planned objects take over absent ones, until none can.

    Once is not enough: an object that takes over another leaves its own row to a third.
    """
    candidates = (
        planned
        for planned in objects
        if planned.ref not in matching.existing or planned.MODEL not in _KEEP_MATCH_MODELS
    )
    unmatched = dict(enumerate(candidates))
    wanted: UniqueIndex[int] = UniqueIndex()
    for place, planned in unmatched.items():
        wanted.add(place, planned.unique_keys())
    models = {planned.MODEL for planned in unmatched.values()}
    absent = [row for row in matching.absent.values() if row.id.model in models]
    while absent:
        index = index_unique_keys(absent, matching.refs)
        takers = _find_takers(absent, matching.refs, wanted) & unmatched.keys()
        absent = []
        for place in sorted(takers):
            planned = unmatched[place]
            row = next(_find_takeover_candidates(matching, planned, index), None)
            if row is not None:
                absent.extend(filter(None, [matching.existing.get(planned.ref)]))
                matching.assign(planned, row)
                del unmatched[place]


def _find_takers(
    absent: Iterable[ExistingObject], refs: RefsById, wanted: UniqueIndex[int]
) -> set[int]:
    """Return the places of planned objects that want a unique key of an absent row."""
    return {
        place
        for row in absent
        for unique_key in row.unique_keys(refs)
        for place in wanted.find_conflicting(unique_key)
    }


def _find_takeover_candidates(
    matching: Matching, planned: PlannedObject, index: UniqueIndex[ObjectId]
) -> Iterator[ExistingObject]:
    """Yield the absent rows that it can take over.

    Copies of its own row are not among them, and there are none while its own row is in place.
    """
    for unique_key in planned.unique_keys():
        for object_id in index.find_conflicting(unique_key):
            row = matching.absent.get(object_id)
            if row and row.ref != planned.ref and not _has_own_unique_key(matching, planned):
                yield row


def _has_own_unique_key(matching: Matching, planned: PlannedObject) -> bool:
    """Return True if its present row has one of the unique keys that it needs."""
    row = matching.existing.get(planned.ref)
    present = row.unique_keys(matching.refs) if row else ()
    return any(key.conflicts_with(other) for key in planned.unique_keys() for other in present)


def index_unique_keys(rows: Iterable[ExistingObject], refs: RefsById) -> UniqueIndex[ObjectId]:
    """Return the rows' ids, indexed by their unique keys."""
    index: UniqueIndex[ObjectId] = UniqueIndex()
    for row in rows:
        index.add(row.id, row.unique_keys(refs))
    return index
