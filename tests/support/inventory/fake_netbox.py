"""A NetBox in memory that takes an inventory's changes and minds what the real one minds.

No two objects hold one place, not even between two writes; an object refers to what is there; a device's
primary and out-of-band addresses do not go to another interface, and an interface to no other device. An
address is one object's, unless all who have it share it, and ranges do not overlap (NetBox's
`ipam/models/ip.py`).
"""

from dataclasses import dataclass, field, fields
from ipaddress import IPv4Interface
from itertools import count
from random import Random
from typing import Any

from fabrics.inventory.compare.changes import Changes, Write, find_changes
from fabrics.inventory.model.existing import ExistingInventory, ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.model.registry import PLANNED_CLASSES, SHARED_MODELS
from fabrics.inventory.plan.plan import Plan


@dataclass
class FakeNetBox:
    """What one fabric has, by id; `find_writes` counts what was ever written."""

    rows: dict[ObjectId, ExistingObject] = field(default_factory=dict)
    shared: dict[Ref, ObjectId] = field(default_factory=dict)
    writes: int = 0
    random: Random = field(default_factory=lambda: Random(0))
    _holders: dict[tuple[object, ...], ObjectId] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def sync(self, plan: Plan) -> Changes:
        """Bring it up to a plan."""
        self.add_site(plan)
        changes = find_changes(plan, self.stored)
        self.apply(changes)
        return changes

    def add_site(self, plan: Plan) -> None:
        """A site that is not the fabric's own is there before it."""
        if plan.fabric.shared_site and plan.fabric.site_ref not in self.shared:
            self.shared[plan.fabric.site_ref] = ObjectId(Model.SITE, next(self._numbers))

    @property
    def stored(self) -> ExistingInventory:
        return ExistingInventory(list(self.rows.values()), dict(self.shared))

    def apply(self, changes: Changes) -> None:
        """Make all writes; those of a stage in any order."""
        ids = dict(changes.existing_ids)
        for stage in changes.stages:
            for write in self.random.sample(stage, len(stage)):
                self._write(write, ids)

    def delete(self, *rows: ExistingObject) -> None:
        for row in rows:
            del self.rows[row.id]

    def by_ref(self) -> dict[Ref, ObjectId]:
        """The ids of all objects by what their marks say that they are."""
        return {row.ref: row.id for row in self.rows.values()}

    def _write(self, write: Write, ids: dict[Ref, ObjectId]) -> None:
        self.writes += 1
        values = {name: _stored(value, ids) for name, value in write.fields.items()}
        number = write.id or ids.get(write.ref) or ObjectId(write.ref.model, next(self._numbers))
        ids[write.ref] = number
        if write.ref.model in SHARED_MODELS:
            self.shared[write.ref] = number
            return
        before = self.rows.get(number) or ExistingObject(number, write.key, _empty(write.ref.model))
        row = ExistingObject(number, write.key or before.key, {**before.values, **values})
        self._check(row)
        self._check_addresses(row)
        self._check_primary(before, row)
        self._check_device(before, row)
        self.rows[number] = row

    def _check(self, row: ExistingObject) -> None:
        for place in _places(row):
            holder = self._holders.get(place, row.id)
            taken = holder != row.id and place in _places(self.rows[holder])
            assert not taken, f"{row.ref} takes {place} from {holder}"
            self._holders[place] = row.id

    def _check_addresses(self, row: ExistingObject) -> None:
        """In its VRF, nothing else may have any of the addresses of an address or a range."""
        if row.id.model not in _ADDRESSES:
            return
        for other in self.rows.values():
            if other.id.model is row.id.model and other.id != row.id:
                roles = {each.values.get("role") for each in (row, other)}
                apart = roles == {"anycast"} or row.values["vrf"] != other.values["vrf"]
                assert apart or not _overlap(row, other), f"{row.ref} takes those of {other.ref}"

    def _check_primary(self, before: ExistingObject, after: ExistingObject) -> None:
        """The primary address of a device stays where it is, and so does its out-of-band one."""
        place = "assigned_object"
        if after.id.model is Model.IP_ADDRESS and before.values[place] != after.values[place]:
            names = ("primary_ip4", "oob_ip")
            kept = {row.values.get(name) for row in self.rows.values() for name in names}
            assert after.id not in kept, f"{after.ref} is an address that a device keeps"

    def _check_device(self, before: ExistingObject, after: ExistingObject) -> None:
        """No interface leaves its device, and what it is part of is there too."""
        if after.id.model is not Model.INTERFACE:
            return
        device = after.values["device"]
        assert before.values["device"] in (None, device), f"{after.ref} leaves its device"
        for name in ("lag", "parent"):
            whole = after.values[name]
            assert whole is None or self.rows[whole].values["device"] == device, after.ref


def _places(row: ExistingObject) -> set[tuple[object, ...]]:
    return {
        each.parts for each in row.unique_keys({}) if not each.is_shareable and each.span is None
    }


_ADDRESSES = {
    Model.IP_ADDRESS: ("address", "address"),
    Model.IP_RANGE: ("start_address", "end_address"),
}
"""The fields of the first and the last address of an object that has any."""


def _overlap(one: ExistingObject, other: ExistingObject) -> bool:
    (first, last), (start, end) = (
        [IPv4Interface(row.values[name]).ip for name in _ADDRESSES[row.id.model]]
        for row in (one, other)
    )
    return first <= end and start <= last


def _stored(value: Any, ids: dict[Ref, ObjectId]) -> Any:  # noqa: ANN401
    if isinstance(value, Ref):
        return ids[value]
    if isinstance(value, tuple):
        return tuple(_stored(each, ids) for each in value)
    return value


def _empty(model: Model) -> dict[str, Any]:
    """How NetBox fills in what is not stated."""
    defaults: dict[str, Any] = {
        "description": "",
        "mgmt_only": False,
        "mark_connected": False,
        "enforce_unique": True,
        "tagged_vlans": (),
        "a_terminations": (),
        "b_terminations": (),
    }
    names = (each.name for each in fields(PLANNED_CLASSES[model]))
    return {name: defaults.get(name) for name in names if name != "key"}
