"""The base of all planned NetBox objects: key, fields, references, unique keys.

Fields have the names of NetBox's REST API and values in the form that it returns, so that both can be
compared. Some are written in another form: a `Ref` becomes the id of the object; `assigned_object` and the
ends of cables need its type as well; `details` is a custom field for what NetBox has no field for, and `drift` one that
says that the resource differs from Git: empty if it does not, None if nobody knows.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from ipaddress import IPv4Interface, IPv4Network
from operator import itemgetter
from typing import ClassVar, NamedTuple

from fabrics.resources.json_types import Json


class Model(StrEnum):
    """NetBox's content types in the order of writing: parents come first."""

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
    MODULE_TYPE = "dcim.moduletype"
    MODULE_BAY = "dcim.modulebay"
    MODULE = "dcim.module"

    @property
    def noun(self) -> str:
        """The model in sentences: `device type`."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A reference to an object by its `hh_key`, or by its slug if it is shared."""

    model: Model
    key: str


class UniqueKey(NamedTuple):
    """Something that NetBox lets only one object have.

    The `parts`, joined, are its name in messages. Several objects may have it if it `is_shareable` for all
    of them. A `span` limits it to the addresses from the first to the last, as integers.
    """

    parts: tuple[object, ...]
    is_shareable: bool = False
    span: tuple[int, int] | None = None

    def conflicts_with(self, other: "UniqueKey") -> bool:
        """Return True if one object may not have this key while another has the other."""
        if self.parts != other.parts or (self.is_shareable and other.is_shareable):
            return False
        if self.span is None or other.span is None:
            return True
        return self.span[0] <= other.span[1] and other.span[0] <= self.span[1]

    def __str__(self) -> str:
        return " ".join(map(str, self.parts))


type _KeyParts = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class UniqueIndex[T: Hashable]:
    """The objects that have unique keys, by key: names, ports and addresses.

    Keys with the same parts all have a span, or none has one. Spans do not overlap: neither plans nor NetBox let two
    objects have some of the same addresses.
    """

    _exclusive: dict[_KeyParts, dict[T, None]] = field(default_factory=dict)
    _shareable: dict[_KeyParts, dict[T, None]] = field(default_factory=dict)
    _spans: dict[_KeyParts, list[tuple[tuple[int, int], T]]] = field(default_factory=dict)

    def add(self, owner: T, unique_keys: Iterable[UniqueKey]) -> None:
        """Note that `owner` has these keys, too."""
        for parts, is_shareable, span in unique_keys:
            if span is not None:
                insort(self._spans.setdefault(parts, []), (span, owner), key=itemgetter(0))
            else:
                owners = self._shareable if is_shareable else self._exclusive
                owners.setdefault(parts, {})[owner] = None

    def find_conflicting(self, unique_key: UniqueKey) -> Iterator[T]:
        """Yield all objects with a key that conflicts with this one."""
        parts, is_shareable, span = unique_key
        if span is not None:
            yield from self._find_overlapping(self._spans.get(parts, []), *span)
        yield from self._exclusive.get(parts, ())
        if not is_shareable:
            yield from self._shareable.get(parts, ())

    @staticmethod
    def _find_overlapping(
        spans: Sequence[tuple[tuple[int, int], T]], first: int, last: int
    ) -> Iterator[T]:
        begin = bisect_left(spans, first, key=lambda item: item[0][1])
        end = bisect_right(spans, last, key=lambda item: item[0][0])
        return (owner for _, owner in spans[begin:end])


type Details = Mapping[str, Json]
type FieldValue = (
    str | int | bool | Ref | tuple[Ref, ...] | tuple[tuple[int, int], ...] | Details | None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObject:
    """One object that NetBox should have.

    `key` is its `hh_key`, or its slug if it is shared.
    """

    MODEL: ClassVar[Model]
    SHARED: ClassVar[bool] = False
    """True if fabrics share it: created if absent, never changed or deleted."""

    DEFERRED_FIELDS: ClassVar[frozenset[str]] = frozenset()
    """Fields that refer to objects written later, and so take a second write."""

    IDENTIFIERS: ClassVar[tuple[str, ...]]
    """The fields by which people tell it from others of its model."""

    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {}
    """By field, the values that mean that the fabric does not know the true one."""

    key: str

    @property
    def natural_key(self) -> tuple[object, ...]:
        """The values of its `IDENTIFIERS`."""
        values = (getattr(self, name) for name in self.IDENTIFIERS)
        return tuple(value.key if isinstance(value, Ref) else value for value in values)

    @property
    def ref(self) -> Ref:
        return Ref(self.MODEL, self.key)

    @property
    def create_only_fields(self) -> frozenset[str]:
        """Fields that are written only at creation, or not at all if they are None.

        The fabric does not know their true values, so people may change them.
        """
        return frozenset(
            name for name, unknown in self.UNKNOWN_VALUES.items() if getattr(self, name) in unknown
        )

    def unique_keys(self) -> Iterator[UniqueKey]:
        """Yield the keys that NetBox lets no other object have."""
        yield UniqueKey((self.MODEL, *self.natural_key))

    def fields(self) -> dict[str, FieldValue]:
        """Return all fields but the key, with values as NetBox returns them."""
        names = (field.name for field in fields(self) if field.name != "key")
        return {name: _to_netbox_value(getattr(self, name)) for name in names}

    def references(self) -> Iterator[tuple[str, Ref]]:
        """Yield each reference to another object, after the name of its field."""
        for name, value in self.fields().items():
            if isinstance(value, Ref):
                yield name, value
            elif isinstance(value, tuple):
                yield from ((name, item) for item in value if isinstance(item, Ref))


def _to_netbox_value(value: FieldValue | IPv4Interface | IPv4Network) -> FieldValue:
    return str(value) if isinstance(value, IPv4Interface | IPv4Network) else value


def omit_empty(**values: Json) -> dict[str, Json]:
    """Return the values that are neither empty nor False, for use as details."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {}, False)}
