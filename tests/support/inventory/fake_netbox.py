"""A NetBox in memory that applies changes and enforces NetBox's rules.

No two objects have one unique key, not even between two writes, except in models where NetBox allows that;
references resolve; the primary and out-of-band addresses of a device stay on their interface; interfaces and module
bays stay on their device. A module that moves keeps its type (NetBox's `dcim/models/modules.py`). Deleting a bay
deletes its module. Only anycast objects share an address, and ranges do not overlap (NetBox's `ipam/models/ip.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from ipaddress import IPv4Interface
from itertools import count
from random import Random
from typing import Any

from fabrics.inventory.compare.changes import Changes, Write, find_changes
from fabrics.inventory.model.existing import ExistingInventory, ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.model.registry import PLANNED_CLASSES, SHARED_MODELS
from fabrics.inventory.plan.plan import Plan


class Refused(AssertionError):
    """NetBox would refuse this write."""


@dataclass
class FakeNetBox:
    """The objects of one fabric by id; `writes` counts all writes so far."""

    rows: dict[ObjectId, ExistingObject] = field(default_factory=dict)
    shared: dict[Ref, ObjectId] = field(default_factory=dict)
    writes: int = 0
    random: Random = field(default_factory=lambda: Random(0))
    _owners: dict[tuple[object, ...], ObjectId] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def sync(self, plan: Plan) -> Changes:
        """Apply all changes that a plan asks for."""
        self.add_site(plan)
        changes = find_changes(plan, self.existing)
        self.apply(changes)
        return changes

    def add_site(self, plan: Plan) -> None:
        """Add the shared site of a fabric, which exists before the fabric."""
        if plan.fabric.shared_site and plan.fabric.site_ref not in self.shared:
            self.shared[plan.fabric.site_ref] = ObjectId(Model.SITE, next(self._numbers))

    @property
    def existing(self) -> ExistingInventory:
        return ExistingInventory(list(self.rows.values()), dict(self.shared))

    def apply(self, changes: Changes) -> None:
        """Make all writes, those of one stage in random order."""
        ids = dict(changes.existing_ids)
        for stage in changes.stages:
            for write in self.random.sample(stage, len(stage)):
                self._write(write, ids)

    def delete(self, *rows: ExistingObject) -> None:
        for row in rows:
            self.rows.pop(row.id, None)
            for other in list(self.rows.values()):
                if other.values.get("module_bay") == row.id:
                    del self.rows[other.id]

    def by_ref(self) -> dict[Ref, ObjectId]:
        """The ids of all objects by the references in their ownership fields."""
        return {row.ref: row.id for row in self.rows.values()}

    def _write(self, write: Write, ids: dict[Ref, ObjectId]) -> None:
        self.writes += 1
        values = {name: _resolve(value, ids) for name, value in write.fields.items()}
        number = write.id or ids.get(write.ref) or ObjectId(write.ref.model, next(self._numbers))
        ids[write.ref] = number
        if write.ref.model in SHARED_MODELS:
            self.shared[write.ref] = number
            return
        before = self.rows.get(number) or ExistingObject(
            number, write.key, empty_values(number.model)
        )
        self.put(ExistingObject(number, write.key or before.key, {**before.values, **values}))

    def put(self, row: ExistingObject) -> None:
        """Add or replace an object. Raises `Refused`."""
        before = self.rows.get(row.id) or ExistingObject(row.id, "", empty_values(row.id.model))
        self._check(row)
        self._check_addresses(row)
        self._check_primary(before, row)
        self._check_device(before, row)
        self.rows[row.id] = row

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undo all changes of the `with` block if one is refused."""
        rows, owners = dict(self.rows), dict(self._owners)
        try:
            yield
        except Refused:
            self.rows, self._owners = rows, owners
            raise

    def _check(self, row: ExistingObject) -> None:
        for key in _unique_keys(row):
            owner = self.rows.get(self._owners.get(key, row.id))
            is_taken = owner and owner.id != row.id and key in _unique_keys(owner)
            _require(not is_taken, f"{row.ref} takes {key} from {owner and owner.id}")
            self._owners[key] = row.id

    def _check_addresses(self, row: ExistingObject) -> None:
        """Require that objects in one VRF share no addresses, except anycast ones."""
        if row.id.model not in _ADDRESSES:
            return
        for other in self.rows.values():
            if other.id.model is row.id.model and other.id != row.id:
                roles = {one.values.get("role") for one in (row, other)}
                may_share = roles == {"anycast"} or row.values["vrf"] != other.values["vrf"]
                _require(
                    may_share or not _overlap(row, other), f"{row.ref} takes those of {other.ref}"
                )

    def _check_primary(self, before: ExistingObject, after: ExistingObject) -> None:
        """Require that primary and out-of-band addresses stay on their interface."""
        link = "assigned_object"
        if after.id.model is Model.IP_ADDRESS and before.values[link] != after.values[link]:
            names = ("primary_ip4", "oob_ip")
            kept = {row.values.get(name) for row in self.rows.values() for name in names}
            _require(after.id not in kept, f"{after.ref} is an address that a device keeps")

    def _check_device(self, before: ExistingObject, after: ExistingObject) -> None:
        """Require that a component stays on its device, with what it refers to."""
        if after.id.model not in (Model.INTERFACE, Model.MODULE_BAY, Model.MODULE):
            return
        device, is_new = after.values["device"], before.values["device"] is None
        if after.id.model is Model.MODULE:
            moves = before.values["module_bay"] != after.values["module_bay"]
            has_other_type = before.values["module_type"] != after.values["module_type"]
            _require(is_new or not (moves and has_other_type), f"{after.ref} moves as another type")
        else:
            stays = before.values["device"] == device
            _require(is_new or stays, f"{after.ref} leaves its device")
        for name in ("lag", "parent", "module_bay"):
            other = after.values.get(name)
            is_same = other is None or self.rows[other].values["device"] == device
            _require(is_same, f"{after.ref} has its {name} on another device")


def _require(is_allowed: bool, rule: str) -> None:
    if not is_allowed:
        raise Refused(rule)


REPEATABLE = (Model.VRF, Model.VLAN_GROUP, Model.MAC_ADDRESS)
"""Models of which NetBox accepts several that are alike: a VLAN group's name is unique only in its scope."""


def _unique_keys(row: ExistingObject) -> set[tuple[object, ...]]:
    if row.id.model in REPEATABLE:
        return set()
    keys = (key for key in row.unique_keys({}) if not key.is_shareable and key.span is None)
    return {key.parts for key in keys}


_ADDRESSES = {
    Model.IP_ADDRESS: ("address", "address"),
    Model.IP_RANGE: ("start_address", "end_address"),
}
"""The fields of the first and the last address of an object."""


def _overlap(one: ExistingObject, other: ExistingObject) -> bool:
    (first, last), (start, end) = (
        [_number(row.values[name]) for name in _ADDRESSES[row.id.model]] for row in (one, other)
    )
    return first <= end and start <= last


@cache  # each new address is compared with all others
def _number(address: str) -> int:
    return int(IPv4Interface(address).ip)


def _resolve(value: Any, ids: dict[Ref, ObjectId]) -> Any:  # noqa: ANN401
    if isinstance(value, Ref):
        return ids[value]
    if isinstance(value, tuple):
        return tuple(_resolve(item, ids) for item in value)
    return value


def empty_values(model: Model) -> dict[str, Any]:
    """Return the values that NetBox gives to the fields of a new object."""
    defaults: dict[str, Any] = {
        "description": "",
        "serial": "",
        "mgmt_only": False,
        "mark_connected": False,
        "enforce_unique": True,
        "tagged_vlans": (),
        "a_terminations": (),
        "b_terminations": (),
        "status": "active",
    }
    names = (column.name for column in fields(PLANNED_CLASSES[model]))
    return {name: defaults.get(name) for name in names if name != "key"}
