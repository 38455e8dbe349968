"""The objects of a fabric that NetBox has now, comparable with planned ones.

References are ids, as in NetBox. The ref that belongs to an id is that of the planned object which the
existing one is matched with (`fabrics.inventory.compare.matching`); its present `hh_key` may be another.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from ipaddress import ip_interface, ip_network
from typing import Any, Final, NamedTuple

from fabrics.inventory.model.planned import Model, Ref, UniqueKey
from fabrics.inventory.model.registry import PLANNED_CLASSES


class ObjectId(NamedTuple):
    """The id of an object in NetBox."""

    model: Model
    number: int


type RefsById = Mapping[ObjectId, Ref]
"""The refs of the planned objects that NetBox's objects are matched with."""


def resolve_ref(object_id: ObjectId, refs: RefsById) -> Ref:
    """Return the object's ref; one without a planned object is named by its id."""
    return refs.get(object_id, Ref(object_id.model, f"id {object_id.number}"))


@dataclass(frozen=True, slots=True)
class ExistingObject:
    """One object that NetBox has of the fabric.

    `key` is its `hh_key`. `values` are those of the planned class's fields, with an `ObjectId` for a reference.
    """

    id: ObjectId
    key: str
    values: Mapping[str, Any]

    @property
    def ref(self) -> Ref:
        """The ref that its `hh_key` states."""
        return Ref(self.id.model, self.key)

    def resolve_values(self, refs: RefsById) -> dict[str, Any]:
        """Return the values with each `ObjectId` replaced by its ref."""
        return {name: _resolve_value(value, refs) for name, value in self.values.items()}

    def unique_keys(self, refs: RefsById) -> tuple[UniqueKey, ...]:
        """Return the keys that NetBox lets no other object have.

        There are none if a required value is empty.
        """
        planned_class, values = PLANNED_CLASSES[self.id.model], self.resolve_values(refs)
        required = (field.name for field in fields(planned_class) if _is_required(field))
        if any(values.get(name) in (None, ()) for name in required if name != "key"):
            return ()
        for name in _VALUE_PARSERS.keys() & values:
            values[name] = _VALUE_PARSERS[name](values[name])
        return tuple(planned_class(key=self.key, **values).unique_keys())


@dataclass(frozen=True, slots=True)
class ExistingInventory:
    """All objects that the fabric owns in NetBox, and the ids of shared ones.

    `shared_ids` are those of the catalogue objects that the plan refers to, and of a site that the fabric
    shares with others.
    """

    objects: Collection[ExistingObject] = ()
    shared_ids: Mapping[Ref, ObjectId] = field(default_factory=dict)


_VALUE_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "address": ip_interface,
    "start_address": ip_interface,
    "end_address": ip_interface,
    "prefix": ip_network,
}
"""The parsers, by field, of values that planned objects do not hold as text."""


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _resolve_value(value: Any, refs: RefsById) -> Any:  # noqa: ANN401  whatever NetBox holds
    if isinstance(value, ObjectId):
        return resolve_ref(value, refs)
    if isinstance(value, tuple):
        return tuple(_resolve_value(item, refs) for item in value)
    return value
