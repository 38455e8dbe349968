"""What NetBox holds of a fabric's inventory, so that it can be compared with what is wanted.

References are ids, as NetBox stores them. What an id is called follows from which wanted object its
row is (`fabrics.inventory.compare.matching`), and that may differ from the `hh_key` that the row has now.
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
"""What NetBox's objects are called."""


def resolve_ref(object_id: ObjectId, refs: RefsById) -> Ref:
    """What an object is called; one that is not ours, or a copy of one that is, goes by its number."""
    return refs.get(object_id, Ref(object_id.model, f"id {object_id.number}"))


@dataclass(frozen=True, slots=True)
class ExistingObject:
    """One object of ours. `values` are those of the fields of `PlannedObject`; a reference is an `ObjectId`."""

    id: ObjectId
    key: str
    values: Mapping[str, Any]

    @property
    def ref(self) -> Ref:
        """What its marks say that it is."""
        return Ref(self.id.model, self.key)

    def resolve_values(self, refs: RefsById) -> dict[str, Any]:
        """The values with references by name; those to objects that are not ours are by number."""
        return {name: _resolve_value(value, refs) for name, value in self.values.items()}

    def unique_keys(self, refs: RefsById) -> tuple[UniqueKey, ...]:
        """What NetBox lets no other object hold; nothing where it lacks what makes it one."""
        kind, values = PLANNED_CLASSES[self.id.model], self.resolve_values(refs)
        needed = (each.name for each in fields(kind) if _is_required(each))
        if any(values.get(name) in _EMPTY_VALUES for name in needed if name != "key"):
            return ()
        typed = {name: _VALUE_PARSERS.get(name, _identity)(value) for name, value in values.items()}
        return tuple(kind(key=self.key, **typed).unique_keys())


@dataclass(frozen=True, slots=True)
class ExistingInventory:
    """All `rows` of a fabric, which carry its marks, and the objects that are not its own.

    `shared` are those of NetBox's catalogue that the plan refers to, and a site that the fabric
    does not have to itself.
    """

    objects: Collection[ExistingObject] = ()
    shared_ids: Mapping[Ref, ObjectId] = field(default_factory=dict)


_EMPTY_VALUES: Final = (None, ())
_VALUE_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "address": ip_interface,
    "start_address": ip_interface,
    "end_address": ip_interface,
    "prefix": ip_network,
}
"""How values are compared that a plan does not have as text."""


def _identity(value: Any) -> Any:  # noqa: ANN401  whatever NetBox holds
    return value


def _is_required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _resolve_value(value: Any, refs: RefsById) -> Any:  # noqa: ANN401  whatever NetBox holds
    if isinstance(value, ObjectId):
        return resolve_ref(value, refs)
    if isinstance(value, tuple):
        return tuple(_resolve_value(each, refs) for each in value)
    return value
