"""What every NetBox object of an inventory has in common: its key, what it refers to, what it holds.

Fields are named as NetBox's REST API names them, and values spelt as it gives them back, so that what is
read can be compared with them. Some are not written as they stand: a `Ref` stands for the id of another
object; `assigned_object` and the ends of cables need its type beside it; and `details`, which holds what
has no field of its own in NetBox, is a custom field.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from ipaddress import IPv4Interface, IPv4Network
from typing import ClassVar, NamedTuple

from fabrics.resources.json_types import Json


class Model(StrEnum):
    """NetBox's content types, in the order in which objects are written: parents come first."""

    SITE = "dcim.site"
    MANUFACTURER = "dcim.manufacturer"
    DEVICE_TYPE = "dcim.devicetype"
    DEVICE_ROLE = "dcim.devicerole"
    PLATFORM = "dcim.platform"
    VRF = "ipam.vrf"
    VLAN_GROUP = "ipam.vlangroup"
    VLAN = "ipam.vlan"
    DEVICE = "dcim.device"
    INTERFACE = "dcim.interface"
    MAC_ADDRESS = "dcim.macaddress"
    PREFIX = "ipam.prefix"
    IP_RANGE = "ipam.iprange"
    IP_ADDRESS = "ipam.ipaddress"
    CABLE = "dcim.cable"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Another object: by its `hh_key`, or by its slug where it is shared."""

    model: Model
    key: str


class UniqueKey(NamedTuple):
    """Something that only one object may hold, in words, or several if all hold it as `shared`.

    With a `span` it is only the addresses from its first to its last, as numbers.
    """

    parts: tuple[object, ...]
    is_shareable: bool = False
    span: tuple[int, int] | None = None

    def conflicts_with(self, other: "UniqueKey") -> bool:
        """Whether two objects may not hold both."""
        if self.parts != other.parts or (self.is_shareable and other.is_shareable):
            return False
        if self.span is None or other.span is None:
            return True
        return self.span[0] <= other.span[1] and other.span[0] <= self.span[1]

    def __str__(self) -> str:
        return " ".join(map(str, self.parts))


type Details = Mapping[str, Json]
type FieldValue = (
    str | int | bool | Ref | tuple[Ref, ...] | tuple[tuple[int, int], ...] | Details | None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObject(ABC):
    """One object that NetBox should have. `key` is its `hh_key`; of a shared object, its slug."""

    MODEL: ClassVar[Model]
    SHARED: ClassVar[bool] = False
    """Whether all fabrics share it: looked up, created if absent, never changed or deleted."""

    DEFERRED_FIELDS: ClassVar[frozenset[str]] = frozenset()
    """Fields that refer to objects which are written later, so that they take a second write."""

    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {}
    """Values by field, each of which says that the fabric does not know."""

    key: str

    @property
    @abstractmethod
    def natural_key(self) -> tuple[str | int, ...]:
        """What people would tell it from others of its model by."""

    @property
    def ref(self) -> Ref:
        return Ref(self.MODEL, self.key)

    @property
    def create_only_fields(self) -> frozenset[str]:
        """Fields that are written at creation only, or not at all where they are None.

        The fabric does not know better than people do, who may change them.
        """
        return frozenset(
            name for name, unknown in self.UNKNOWN_VALUES.items() if getattr(self, name) in unknown
        )

    def unique_keys(self) -> Iterator[UniqueKey]:
        """What NetBox lets no other object hold."""
        yield UniqueKey((self.MODEL, *self.natural_key))

    def fields(self) -> dict[str, FieldValue]:
        """All fields as NetBox spells them, in the order of their definition."""
        return {
            each.name: _to_netbox_value(getattr(self, each.name))
            for each in fields(self)
            if each.name != "key"
        }

    def references(self) -> Iterator[tuple[str, Ref]]:
        """Every other object that it refers to, with the field that does."""
        for name, value in self.fields().items():
            if isinstance(value, Ref):
                yield name, value
            elif isinstance(value, tuple):
                yield from ((name, each) for each in value if isinstance(each, Ref))


def _to_netbox_value(value: FieldValue | IPv4Interface | IPv4Network) -> FieldValue:
    return str(value) if isinstance(value, IPv4Interface | IPv4Network) else value


def omit_empty(**values: Json) -> dict[str, Json]:
    """The facts that are stated at all, as details."""
    return {name: fact for name, fact in values.items() if fact not in (None, "", [], {}, False)}
