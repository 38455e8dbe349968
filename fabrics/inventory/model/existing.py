"""What NetBox holds of a fabric's inventory, so that it can be compared with what is wanted.

References are ids, as NetBox stores them. What an id is called follows from which wanted object its
row is (`fabrics.inventory.matching`), and that may differ from the `hh_key` that the row has now.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from ipaddress import ip_interface, ip_network
from typing import Any, Final, NamedTuple

from fabrics.inventory.model.planned import Claim, Model, Ref
from fabrics.inventory.model.registry import KINDS


class Id(NamedTuple):
    """The id of an object in NetBox."""

    model: Model
    number: int


type Names = Mapping[Id, Ref]
"""What NetBox's objects are called."""


def name_of(id_: Id, names: Names) -> Ref:
    """What an object is called; one that is not ours, or a copy of one that is, goes by its number."""
    return names.get(id_, Ref(id_.model, f"id {id_.number}"))


@dataclass(frozen=True, slots=True)
class Stored:
    """One object of ours. `values` are those of the fields of `Wanted`; a reference is an `Id`."""

    id: Id
    key: str
    values: Mapping[str, Any]

    @property
    def ref(self) -> Ref:
        """What its marks say that it is."""
        return Ref(self.id.model, self.key)

    def named(self, names: Names) -> dict[str, Any]:
        """The values with references by name; those to objects that are not ours are by number."""
        return {name: _named(value, names) for name, value in self.values.items()}

    def claims(self, names: Names) -> tuple[Claim, ...]:
        """What NetBox lets no other object hold; nothing where it lacks what makes it one."""
        kind, values = KINDS[self.id.model], self.named(names)
        needed = (each.name for each in fields(kind) if _is_needed(each))
        if any(values.get(name) in _NOTHING for name in needed if name != "key"):
            return ()
        typed = {name: _TYPES.get(name, _as_is)(value) for name, value in values.items()}
        return tuple(kind(key=self.key, **typed).claims())


@dataclass(frozen=True, slots=True)
class StoredInventory:
    """All `rows` of a fabric, which carry its marks, and the objects that are not its own.

    `shared` are those of NetBox's catalogue that the plan refers to, and a site that the fabric
    does not have to itself.
    """

    rows: Collection[Stored] = ()
    shared: Mapping[Ref, Id] = field(default_factory=dict)


_NOTHING: Final = (None, ())
_TYPES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "address": ip_interface,
    "start_address": ip_interface,
    "end_address": ip_interface,
    "prefix": ip_network,
}
"""How values are compared that a plan does not have as text."""


def _as_is(value: Any) -> Any:  # noqa: ANN401  whatever NetBox holds
    return value


def _is_needed(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _named(value: Any, names: Names) -> Any:  # noqa: ANN401  whatever NetBox holds
    if isinstance(value, Id):
        return name_of(value, names)
    if isinstance(value, tuple):
        return tuple(_named(each, names) for each in value)
    return value
