"""The planned objects of NetBox's IPAM: VRFs, networks, VLANs and addresses."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network
from typing import ClassVar

from fabrics.inventory.model.planned import Details, Model, PlannedObject, Ref, UniqueKey


@dataclass(frozen=True, slots=True, kw_only=True)
class VRF(PlannedObject):
    """The address space of the fabric, an IPv4 namespace, a VPC or an external."""

    MODEL = Model.VRF
    IDENTIFIERS = ("name",)
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {"drift": (None,)}

    name: str
    enforce_unique: bool = True
    description: str
    drift: str | None = None
    details: Details = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VLANGroup(PlannedObject):
    """A VLAN namespace.

    It has no scope, since a scope would keep people from deleting the site or region that it names.
    """

    MODEL = Model.VLAN_GROUP
    IDENTIFIERS = ("name",)

    name: str
    slug: str
    vid_ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VLAN(PlannedObject):
    """The VLAN of a VPC's subnet."""

    MODEL = Model.VLAN
    IDENTIFIERS = ("group", "vid")
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {"drift": (None,)}

    group: Ref
    vid: int
    name: str
    status: str = "active"
    drift: str | None = None

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey(("the VLAN", self.vid, "of", self.group.key))
        yield UniqueKey(("the VLAN name", self.name, "of", self.group.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix(PlannedObject):
    """A network in a VRF."""

    MODEL = Model.PREFIX
    IDENTIFIERS = ("vrf", "prefix")
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {"drift": (None,)}

    vrf: Ref
    prefix: IPv4Network
    status: str = "active"
    vlan: Ref | None = None
    description: str
    drift: str | None = None
    details: Details = field(default_factory=dict)

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey(("the prefix", self.prefix, "of", self.vrf.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixWithoutVLAN(Prefix):
    """The network of an IPv4 namespace or an external, which has no VLAN."""

    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {
        **Prefix.UNKNOWN_VALUES,
        "vlan": (None,),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class IPRange(PlannedObject):
    """The addresses that a DHCP server assigns."""

    MODEL = Model.IP_RANGE
    IDENTIFIERS = ("vrf", "start_address", "end_address")

    vrf: Ref
    start_address: IPv4Interface
    end_address: IPv4Interface
    status: str = "active"
    description: str

    def unique_keys(self) -> Iterator[UniqueKey]:
        """Yield the keys; NetBox lets no two ranges of a VRF overlap (`IPRange.clean`)."""
        yield UniqueKey(("the range of", self.start_address.network, "of", self.vrf.key))
        span = (int(self.start_address.ip), int(self.end_address.ip))
        yield UniqueKey(("the addresses of a range of", self.vrf.key), span=span)


@dataclass(frozen=True, slots=True, kw_only=True)
class IPAddress(PlannedObject):
    """An address in a VRF, assigned to an interface or to nothing."""

    MODEL = Model.IP_ADDRESS
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {
        "assigned_object": (None,),
        "description": ("",),
    }

    vrf: Ref
    address: IPv4Interface
    status: str = "active"
    role: str | None = None
    assigned_object: Ref | None = None
    description: str = ""

    @property
    def natural_key(self) -> tuple[str, ...]:
        assigned_key = self.assigned_object.key if self.assigned_object else ""
        return (self.vrf.key, str(self.address), assigned_key)

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey((self.MODEL, *self.natural_key))
        address = ("the address", self.address.ip, "of", self.vrf.key)
        yield UniqueKey(address, is_shareable=self.role == ANYCAST_ROLE)


ANYCAST_ROLE = "anycast"
"""The role of an address that several interfaces may have."""
