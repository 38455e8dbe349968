"""The difference between a plan and NetBox, as writes in the right order.

Only fields that differ are written. An object comes after those that it refers to, and after those whose
unique keys it takes. Nothing is deleted here: `fabrics.inventory.prune.policy` decides which of the
absent objects may go.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import filterfalse
from typing import Any, Final, cast

from fabrics.inventory.compare.matching import Matching, match_objects, release_values
from fabrics.inventory.compare.module_retention import make_module_check
from fabrics.inventory.compare.port_retention import (
    BreakoutPorts,
    find_breakout_ports,
    find_retained_ports,
    rename_to_first_lane,
)
from fabrics.inventory.compare.uncertain_details import keep_unread_details
from fabrics.inventory.compare.uncertain_fields import PortUncertainty
from fabrics.inventory.compare.write_order import Wave, WriteOrder
from fabrics.inventory.model.dcim import Cable
from fabrics.inventory.model.existing import (
    ExistingInventory,
    ExistingObject,
    ObjectId,
    resolve_ref,
)
from fabrics.inventory.model.ipam import IPAddress
from fabrics.inventory.model.planned import Details, FieldValue, Model, PlannedObject, Ref
from fabrics.inventory.model.registry import SHARED_MODELS
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.specs.parse import strip_part


@dataclass(frozen=True, slots=True)
class Write:
    """An object to create, or fields to change.

    `id` is None for an object to create; `key` is the new `hh_key`, or empty if that stays.
    """

    ref: Ref
    id: ObjectId | None
    fields: Mapping[str, FieldValue]
    key: str = ""

    def references(self) -> Iterator[Ref]:
        """Yield the objects that the fields refer to."""
        for value in self.fields.values():
            members = value if isinstance(value, tuple) else (value,)
            yield from (member for member in members if isinstance(member, Ref))


type Stage = tuple[Write, ...]
"""Writes of one model that need not wait for each other."""

_DEVICE_ADDRESS_FIELDS: Final = ("primary_ip4", "oob_ip")
"""The fields of a device that keep NetBox from moving an address off the device."""

type ReleasedFields = Mapping[ObjectId, Mapping[str, FieldValue]]
"""Fields that other objects wait for, with the values that release them."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The writes, stage by stage, and objects that NetBox should not have.

    `existing_ids` are those of the objects that NetBox has already. An object that first releases a unique
    key, or refers to something that is written later, is in more than one stage. `unchanged` counts objects.
    """

    stages: tuple[Stage, ...]
    existing_ids: Mapping[Ref, ObjectId]
    absent: tuple[ExistingObject, ...]
    unchanged: int

    @property
    def total_writes(self) -> int:
        """The number of writes in all stages."""
        return sum(map(len, self.stages))


def find_changes(plan: Plan, existing: ExistingInventory) -> Changes:
    """Return the writes that bring NetBox up to the plan."""
    breakout_ports = _find_breakout_ports(plan, existing)
    objects = (rename_to_first_lane(planned, breakout_ports) for planned in plan.objects)
    plan = replace(plan, objects=tuple(objects))
    matching = match_objects(plan, existing)
    plan = _retain_ports(plan, matching, breakout_ports)
    order = WriteOrder(plan, matching)
    released = _find_released_fields(plan, existing, matching, order)
    uncertainty = PortUncertainty.from_plan(plan)
    comparison = _Comparison(matching, existing.shared_ids, released, plan.incomplete, uncertainty)
    stages = [
        *_group_by_model(comparison.release(row) for row in existing.objects if row.id in released),
        *(tuple(comparison.find_writes(wave)) for wave in order.waves),
        *_group_by_model(
            write for planned in plan.objects for write in comparison.find_deferred_writes(planned)
        ),
    ]
    stages = _drop_unused_catalogue(stages)
    changed = {write.ref for stage in stages for write in stage}
    stays = make_module_check(plan, matching.refs)
    return Changes(
        stages=tuple(stages),
        existing_ids={ref: row.id for ref, row in matching.existing.items()}
        | dict(existing.shared_ids),
        absent=tuple(filterfalse(stays, matching.absent.values())),
        unchanged=sum(ref not in changed for ref in matching.existing),
    )


def _find_breakout_ports(plan: Plan, existing: ExistingInventory) -> BreakoutPorts:
    """Return the ports that stay divided, whose names interfaces are matched by."""
    devices = tuple(
        planned for planned in plan.objects if planned.MODEL in (Model.SITE, Model.DEVICE)
    )
    matching = match_objects(replace(plan, objects=devices), existing)
    return find_breakout_ports(plan, existing.objects, matching.refs)


def _retain_ports(plan: Plan, matching: Matching, breakout_ports: BreakoutPorts) -> Plan:
    rows = {row.ref: row for row in matching.absent.values()}
    retained = list(find_retained_ports(plan, rows.values(), matching.refs, breakout_ports))
    for port in retained:
        matching.assign(port, rows[port.ref])
    return replace(plan, objects=(*plan.objects, *retained))


def _find_released_fields(
    plan: Plan, existing: ExistingInventory, matching: Matching, order: WriteOrder
) -> ReleasedFields:
    """Return the fields that must be released before anything else is written.

    These are the unique keys that other objects take, and the address of a device, primary or out-of-band,
    that moves to an interface of another device: NetBox moves no address that a device refers to.
    """
    unique_fields = {object_id: release_values(object_id) for object_id in order.to_release}
    addresses = {planned.ref: planned for planned in plan.objects if isinstance(planned, IPAddress)}
    moved = {
        row.id
        for ref, row in matching.existing.items()
        if ref in addresses
        and "assigned_object" not in addresses[ref].create_only_fields
        and row.resolve_values(matching.refs)["assigned_object"] != addresses[ref].assigned_object
    }
    return unique_fields | {
        row.id: dict.fromkeys(names)
        for row in existing.objects
        if (names := [name for name in _DEVICE_ADDRESS_FIELDS if row.values.get(name) in moved])
    }


def _drop_unused_catalogue(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages without new catalogue objects that no other write refers to."""
    used: set[Ref] = set()
    kept: list[Stage] = []
    for stage in reversed(stages):
        writes = tuple(
            write for write in stage if write.ref.model not in SHARED_MODELS or write.ref in used
        )
        used.update(ref for write in writes for ref in write.references())
        if writes:
            kept.append(writes)
    return kept[::-1]


def _group_by_model(writes: Iterable[Write]) -> Iterator[Stage]:
    stages: dict[str, list[Write]] = {}
    for write in writes:
        stages.setdefault(write.ref.model, []).append(write)
    return map(tuple, stages.values())


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares planned objects with rows whose `released` fields have new values.

    `incomplete` holds the keys of live objects that the plan does not show in full.
    """

    matching: Matching
    shared_ids: Mapping[Ref, ObjectId]
    released: ReleasedFields
    incomplete: frozenset[str]
    port_uncertainty: PortUncertainty

    def release(self, row: ExistingObject) -> Write:
        return Write(resolve_ref(row.id, self.matching.refs), row.id, self.released[row.id])

    def find_writes(self, wave: Wave) -> Iterator[Write]:
        """Yield the writes of all fields but the deferred ones."""
        for planned in wave:
            row = self.matching.existing.get(planned.ref)
            fields = {
                name: value
                for name, value in planned.fields().items()
                if name not in planned.DEFERRED_FIELDS
            }
            if row is not None:
                changed = self._find_changed_fields(planned, row, fields)
                key = planned.key if row.key != planned.key else ""
                if changed or key:
                    yield Write(planned.ref, row.id, changed, key)
            elif planned.ref not in self.shared_ids:
                stated = {name: value for name, value in fields.items() if not _is_empty(value)}
                yield Write(planned.ref, None, stated, planned.key)

    def find_deferred_writes(self, planned: PlannedObject) -> Iterator[Write]:
        """Yield the second write, of fields that refer to objects written later."""
        if not planned.DEFERRED_FIELDS:
            return
        row = self.matching.existing.get(planned.ref)
        deferred = {
            name: value
            for name, value in planned.fields().items()
            if name in planned.DEFERRED_FIELDS
        }
        if row is not None and (changed := self._find_changed_fields(planned, row, deferred)):
            yield Write(planned.ref, row.id, changed)
        elif row is None and any(deferred.values()):
            yield Write(planned.ref, None, deferred)

    def _find_changed_fields(
        self, planned: PlannedObject, row: ExistingObject, fields: Mapping[str, FieldValue]
    ) -> dict[str, FieldValue]:
        existing = row.resolve_values(self.matching.refs) | dict(self.released.get(row.id, {}))
        if isinstance(planned, Cable):
            fields = _orient_cable(fields, existing)
        if self.incomplete and fields.get("details") is not None:
            fields = {**fields, "details": self._keep_unread_details(planned, fields, existing)}
        kept = planned.create_only_fields - self._find_withdrawn_fields(planned, row)
        kept |= self.port_uncertainty.find_fields(planned, existing)
        return {
            name: value
            for name, value in fields.items()
            if name not in kept and not _is_equal(existing.get(name), value)
        }

    def _keep_unread_details(
        self,
        planned: PlannedObject,
        fields: Mapping[str, FieldValue],
        existing: Mapping[str, Any],
    ) -> Details:
        return keep_unread_details(
            cast(Details, fields["details"]),
            existing.get("details") or {},
            is_complete=strip_part(planned.key) not in self.incomplete,
            incomplete=self.incomplete,
        )

    def _find_withdrawn_fields(self, planned: PlannedObject, row: ExistingObject) -> set[str]:
        """Return fields that refer to an object which the live state no longer has.

        Such a reference is wrong at once; only the delete of the object waits.
        """
        if strip_part(planned.key) in self.incomplete:
            return set()
        return {
            name for name in planned.DEFERRED_FIELDS if row.values.get(name) in self.matching.absent
        }


def _orient_cable(
    fields: Mapping[str, FieldValue], existing: Mapping[str, Any]
) -> Mapping[str, FieldValue]:
    """Return the fields, with both ends swapped if the existing cable has them so."""
    a, b = fields["a_terminations"], fields["b_terminations"]
    if a == existing["b_terminations"] or b == existing["a_terminations"]:
        return {**fields, "a_terminations": b, "b_terminations": a}
    return fields


def _is_equal(existing: object, planned: FieldValue) -> bool:
    """Compare values: empty ones are all equal, and the order of a tuple is ignored."""
    if isinstance(existing, tuple) and isinstance(planned, tuple):
        return len(existing) == len(planned) and set(existing) == set(planned)
    return existing == planned or (_is_empty(existing) and _is_empty(planned))


def _is_empty(value: object) -> bool:
    return value is None or value in ("", (), {})
