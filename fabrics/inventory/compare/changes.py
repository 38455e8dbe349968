"""The difference between what is wanted and what NetBox holds, as writes in the order they take.

Only fields that differ are written. Objects come after those that they refer to, and after those
whose place they take. Nothing is deleted here: what is absent is told, and `fabrics.inventory.guards`
says what of it may go.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fabrics.inventory.compare.matching import Matching, leave, match
from fabrics.inventory.compare.port_retention import Divided, divided, ports_kept, with_lanes
from fabrics.inventory.compare.write_order import Order, Wave
from fabrics.inventory.model.dcim import Cable
from fabrics.inventory.model.existing import Id, Stored, StoredInventory, name_of
from fabrics.inventory.model.ipam import IPAddress
from fabrics.inventory.model.planned import Model, Ref, Value, Wanted
from fabrics.inventory.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Write:
    """An object to create (without `id`), or fields to change. `key`, if any, is its new `hh_key`."""

    ref: Ref
    id: Id | None
    fields: Mapping[str, Value]
    key: str = ""


type Stage = tuple[Write, ...]
"""Writes of one model that need not wait for each other."""


_KEEPERS: Final = ("primary_ip4", "oob_ip")
"""The fields of a device that keep an address on it."""


type GivenUp = Mapping[Id, Mapping[str, Value]]
"""Fields of objects that others have to wait for, as they are meanwhile."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written, stage by stage, and what is no longer wanted.

    `ids` are those of the objects that there are already. An object that gives up its place first,
    or refers to something that is written later, is in more than one stage.
    """

    stages: tuple[Stage, ...]
    ids: Mapping[Ref, Id]
    absent: tuple[Stored, ...]
    unchanged: int

    @property
    def total(self) -> int:
        """How many writes there are."""
        return sum(map(len, self.stages))


def find_changes(plan: Plan, stored: StoredInventory) -> Changes:
    """What makes NetBox hold what the plan wants."""
    ports = _divided(plan, stored)
    plan = replace(plan, objects=tuple(with_lanes(each, ports) for each in plan.objects))
    matching = match(plan, stored)
    plan = _with_ports_kept(plan, matching, ports)
    order = Order(plan, matching)
    given_up = _given_up(plan, stored, matching, order)
    compared = _Comparison(matching, stored.shared, given_up)
    stages = [
        *_by_model(compared.give_up(row) for row in stored.rows if row.id in given_up),
        *(tuple(compared.writes(wave)) for wave in order.waves),
        *_by_model(write for each in plan.objects for write in compared.late(each)),
    ]
    touched = {write.ref for stage in stages for write in stage}
    return Changes(
        stages=tuple(stage for stage in stages if stage),
        ids={ref: row.id for ref, row in matching.rows.items()} | dict(stored.shared),
        absent=tuple(matching.absent.values()),
        unchanged=sum(ref not in touched for ref in matching.rows),
    )


def _divided(plan: Plan, stored: StoredInventory) -> Divided:
    """The ports that stay divided: their names are needed to match interfaces, after devices."""
    devices = tuple(each for each in plan.objects if each.MODEL in (Model.SITE, Model.DEVICE))
    matching = match(replace(plan, objects=devices), stored)
    return divided(plan, stored.rows, matching.names)


def _with_ports_kept(plan: Plan, matching: Matching, ports: Divided) -> Plan:
    rows = {row.ref: row for row in matching.absent.values()}
    kept = list(ports_kept(plan, rows.values(), matching.names, ports))
    for each in kept:
        matching.give(each, rows[each.ref])
    return replace(plan, objects=(*plan.objects, *kept))


def _given_up(plan: Plan, stored: StoredInventory, matching: Matching, order: Order) -> GivenUp:
    """What rows must not have any more before anything else is written.

    That is the places which others take from them, and the address of a device, primary or out-of-band,
    that goes to an interface of another: NetBox lets none go that is somebody's.
    """
    leaving = {number: leave(number) for number in order.leaving}
    wanted = {each.ref: each for each in plan.objects if isinstance(each, IPAddress)}
    moved = {
        row.id
        for ref, row in matching.rows.items()
        if ref in wanted
        and "assigned_object" not in wanted[ref].initial
        and row.named(matching.names)["assigned_object"] != wanted[ref].assigned_object
    }
    return leaving | {
        row.id: dict.fromkeys(lost)
        for row in stored.rows
        if (lost := [name for name in _KEEPERS if row.values.get(name) in moved])
    }


def _by_model(writes: Iterable[Write]) -> Iterator[Stage]:
    stages: dict[str, list[Write]] = {}
    for write in writes:
        stages.setdefault(write.ref.model, []).append(write)
    return map(tuple, stages.values())


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares wanted objects with their rows, which no longer have what they have `given_up`."""

    matching: Matching
    shared: Mapping[Ref, Id]
    given_up: GivenUp

    def give_up(self, row: Stored) -> Write:
        return Write(name_of(row.id, self.matching.names), row.id, self.given_up[row.id])

    def writes(self, wave: Wave) -> Iterator[Write]:
        for wanted in wave:
            row = self.matching.rows.get(wanted.ref)
            if row is not None:
                yield from self._change(wanted, row)
            elif wanted.ref not in self.shared:
                fields = {
                    name: value
                    for name, value in wanted.fields().items()
                    if name not in wanted.LATE and not _is_empty(value)
                }
                yield Write(wanted.ref, None, fields, wanted.key)

    def late(self, wanted: Wanted) -> Iterator[Write]:
        """The second write, of what refers to objects that are written later."""
        if not wanted.LATE:
            return
        row = self.matching.rows.get(wanted.ref)
        late = {name: value for name, value in wanted.fields().items() if name in wanted.LATE}
        if row is not None and (changed := self._changed(wanted, row, late)):
            yield Write(wanted.ref, row.id, changed)
        elif row is None and any(late.values()):
            yield Write(wanted.ref, None, late)

    def _change(self, wanted: Wanted, row: Stored) -> Iterator[Write]:
        early = {name: value for name, value in wanted.fields().items() if name not in wanted.LATE}
        changed = self._changed(wanted, row, early)
        key = wanted.key if row.key != wanted.key else ""
        if changed or key:
            yield Write(wanted.ref, row.id, changed, key)

    def _changed(
        self, wanted: Wanted, row: Stored, fields: Mapping[str, Value]
    ) -> dict[str, Value]:
        held = row.named(self.matching.names) | dict(self.given_up.get(row.id, {}))
        if isinstance(wanted, Cable):
            fields = _turned(fields, held)
        return {
            name: value
            for name, value in fields.items()
            if name not in wanted.initial and not _same(held.get(name), value)
        }


def _turned(fields: Mapping[str, Value], held: Mapping[str, Any]) -> Mapping[str, Value]:
    """The fields of a cable, turned round if it lies that way: its ends mean nothing by themselves."""
    a, b = fields["a_terminations"], fields["b_terminations"]
    if a == held["b_terminations"] or b == held["a_terminations"]:
        return {**fields, "a_terminations": b, "b_terminations": a}
    return fields


def _same(held: object, wanted: Value) -> bool:
    """NetBox has several ways to say that there is nothing, and no order among references."""
    if isinstance(held, tuple) and isinstance(wanted, tuple):
        return len(held) == len(wanted) and set(held) == set(wanted)
    return held == wanted or (_is_empty(held) and _is_empty(wanted))


def _is_empty(value: object) -> bool:
    return value is None or value in ("", (), {})
