"""The difference between what is wanted and what NetBox holds, as writes in the order they take.

Only fields that differ are written. Objects come after those that they refer to, and after those
whose place they take. Nothing is deleted here: what is absent is told, and `fabrics.inventory.prune.policy`
says what of it may go.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fabrics.inventory.compare.matching import Matching, match_objects, release_values
from fabrics.inventory.compare.port_retention import (
    BreakoutPorts,
    find_breakout_ports,
    find_retained_ports,
    rename_to_first_lane,
)
from fabrics.inventory.compare.write_order import Wave, WriteOrder
from fabrics.inventory.model.dcim import Cable
from fabrics.inventory.model.existing import (
    ExistingInventory,
    ExistingObject,
    ObjectId,
    resolve_ref,
)
from fabrics.inventory.model.ipam import IPAddress
from fabrics.inventory.model.planned import FieldValue, Model, PlannedObject, Ref
from fabrics.inventory.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Write:
    """An object to create (without `id`), or fields to change. `key`, if any, is its new `hh_key`."""

    ref: Ref
    id: ObjectId | None
    fields: Mapping[str, FieldValue]
    key: str = ""


type Stage = tuple[Write, ...]
"""Writes of one model that need not wait for each other."""


_DEVICE_ADDRESS_FIELDS: Final = ("primary_ip4", "oob_ip")
"""The fields of a device that keep an address on it."""


type ReleasedFields = Mapping[ObjectId, Mapping[str, FieldValue]]
"""Fields of objects that others have to wait for, as they are meanwhile."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written, stage by stage, and what is no longer wanted.

    `ids` are those of the objects that there are already. An object that gives up its place first,
    or refers to something that is written later, is in more than one stage.
    """

    stages: tuple[Stage, ...]
    existing_ids: Mapping[Ref, ObjectId]
    absent: tuple[ExistingObject, ...]
    unchanged: int

    @property
    def total_writes(self) -> int:
        """How many writes there are."""
        return sum(map(len, self.stages))


def find_changes(plan: Plan, existing: ExistingInventory) -> Changes:
    """What makes NetBox hold what the plan wants."""
    ports = _find_breakout_ports(plan, existing)
    plan = replace(plan, objects=tuple(rename_to_first_lane(each, ports) for each in plan.objects))
    matching = match_objects(plan, existing)
    plan = _retain_ports(plan, matching, ports)
    order = WriteOrder(plan, matching)
    given_up = _find_released_fields(plan, existing, matching, order)
    compared = _Comparison(matching, existing.shared_ids, given_up)
    stages = [
        *_group_by_model(compared.release(row) for row in existing.objects if row.id in given_up),
        *(tuple(compared.find_writes(wave)) for wave in order.waves),
        *_group_by_model(
            write for each in plan.objects for write in compared.find_deferred_writes(each)
        ),
    ]
    touched = {write.ref for stage in stages for write in stage}
    return Changes(
        stages=tuple(stage for stage in stages if stage),
        existing_ids={ref: row.id for ref, row in matching.existing.items()}
        | dict(existing.shared_ids),
        absent=tuple(matching.absent.values()),
        unchanged=sum(ref not in touched for ref in matching.existing),
    )


def _find_breakout_ports(plan: Plan, existing: ExistingInventory) -> BreakoutPorts:
    """The ports that stay divided: their names are needed to match interfaces, after devices."""
    devices = tuple(each for each in plan.objects if each.MODEL in (Model.SITE, Model.DEVICE))
    matching = match_objects(replace(plan, objects=devices), existing)
    return find_breakout_ports(plan, existing.objects, matching.refs)


def _retain_ports(plan: Plan, matching: Matching, breakout_ports: BreakoutPorts) -> Plan:
    rows = {row.ref: row for row in matching.absent.values()}
    kept = list(find_retained_ports(plan, rows.values(), matching.refs, breakout_ports))
    for each in kept:
        matching.assign(each, rows[each.ref])
    return replace(plan, objects=(*plan.objects, *kept))


def _find_released_fields(
    plan: Plan, existing: ExistingInventory, matching: Matching, order: WriteOrder
) -> ReleasedFields:
    """What rows must not have any more before anything else is written.

    That is the places which others take from them, and the address of a device, primary or out-of-band,
    that goes to an interface of another: NetBox lets none go that is somebody's.
    """
    leaving = {number: release_values(number) for number in order.to_release}
    wanted = {each.ref: each for each in plan.objects if isinstance(each, IPAddress)}
    moved = {
        row.id
        for ref, row in matching.existing.items()
        if ref in wanted
        and "assigned_object" not in wanted[ref].create_only_fields
        and row.resolve_values(matching.refs)["assigned_object"] != wanted[ref].assigned_object
    }
    return leaving | {
        row.id: dict.fromkeys(lost)
        for row in existing.objects
        if (lost := [name for name in _DEVICE_ADDRESS_FIELDS if row.values.get(name) in moved])
    }


def _group_by_model(writes: Iterable[Write]) -> Iterator[Stage]:
    stages: dict[str, list[Write]] = {}
    for write in writes:
        stages.setdefault(write.ref.model, []).append(write)
    return map(tuple, stages.values())


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares wanted objects with their rows, which no longer have what they have `released`."""

    matching: Matching
    shared_ids: Mapping[Ref, ObjectId]
    released: ReleasedFields

    def release(self, row: ExistingObject) -> Write:
        return Write(resolve_ref(row.id, self.matching.refs), row.id, self.released[row.id])

    def find_writes(self, wave: Wave) -> Iterator[Write]:
        for wanted in wave:
            row = self.matching.existing.get(wanted.ref)
            if row is not None:
                yield from self._find_update(wanted, row)
            elif wanted.ref not in self.shared_ids:
                fields = {
                    name: value
                    for name, value in wanted.fields().items()
                    if name not in wanted.DEFERRED_FIELDS and not _is_empty(value)
                }
                yield Write(wanted.ref, None, fields, wanted.key)

    def find_deferred_writes(self, planned: PlannedObject) -> Iterator[Write]:
        """The second write, of what refers to objects that are written later."""
        if not planned.DEFERRED_FIELDS:
            return
        row = self.matching.existing.get(planned.ref)
        late = {
            name: value
            for name, value in planned.fields().items()
            if name in planned.DEFERRED_FIELDS
        }
        if row is not None and (changed := self._find_changed_fields(planned, row, late)):
            yield Write(planned.ref, row.id, changed)
        elif row is None and any(late.values()):
            yield Write(planned.ref, None, late)

    def _find_update(self, planned: PlannedObject, row: ExistingObject) -> Iterator[Write]:
        early = {
            name: value
            for name, value in planned.fields().items()
            if name not in planned.DEFERRED_FIELDS
        }
        changed = self._find_changed_fields(planned, row, early)
        key = planned.key if row.key != planned.key else ""
        if changed or key:
            yield Write(planned.ref, row.id, changed, key)

    def _find_changed_fields(
        self, planned: PlannedObject, row: ExistingObject, fields: Mapping[str, FieldValue]
    ) -> dict[str, FieldValue]:
        held = row.resolve_values(self.matching.refs) | dict(self.released.get(row.id, {}))
        if isinstance(planned, Cable):
            fields = _orient_cable(fields, held)
        return {
            name: value
            for name, value in fields.items()
            if name not in planned.create_only_fields and not _is_equal(held.get(name), value)
        }


def _orient_cable(
    fields: Mapping[str, FieldValue], existing: Mapping[str, Any]
) -> Mapping[str, FieldValue]:
    """The fields of a cable, turned round if it lies that way: its ends mean nothing by themselves."""
    a, b = fields["a_terminations"], fields["b_terminations"]
    if a == existing["b_terminations"] or b == existing["a_terminations"]:
        return {**fields, "a_terminations": b, "b_terminations": a}
    return fields


def _is_equal(existing: object, planned: FieldValue) -> bool:
    """NetBox has several ways to say that there is nothing, and no order among references."""
    if isinstance(existing, tuple) and isinstance(planned, tuple):
        return len(existing) == len(planned) and set(existing) == set(planned)
    return existing == planned or (_is_empty(existing) and _is_empty(planned))


def _is_empty(value: object) -> bool:
    return value is None or value in ("", (), {})
