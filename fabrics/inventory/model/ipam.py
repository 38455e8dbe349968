"""The wanted objects of NetBox's IPAM: networks, VLANs and addresses."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network
from typing import ClassVar

from fabrics.inventory.model.planned import Details, Model, PlannedObject, Ref, UniqueKey


@dataclass(frozen=True, slots=True, kw_only=True)
class VRF(PlannedObject):
    """A space of addresses: of the fabric itself, of an IPv4 namespace, a VPC or an external."""

    MODEL = Model.VRF

    name: str
    enforce_unique: bool = True
    description: str
    details: Details = field(default_factory=dict)

    @property
    def natural_key(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class VLANGroup(PlannedObject):
    """A VLAN namespace. Without a scope: one would keep people from deleting what it is scoped to."""

    MODEL = Model.VLAN_GROUP

    name: str
    slug: str
    vid_ranges: tuple[tuple[int, int], ...]

    @property
    def natural_key(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class VLAN(PlannedObject):
    """The VLAN of a VPC's subnet."""

    MODEL = Model.VLAN

    group: Ref
    vid: int
    name: str
    status: str = "active"

    @property
    def natural_key(self) -> tuple[str | int, ...]:
        return (self.group.key, self.vid)

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey(("the VLAN", self.vid, "of", self.group.key))
        yield UniqueKey(("the VLAN name", self.name, "of", self.group.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix(PlannedObject):
    """A network in a VRF."""

    MODEL = Model.PREFIX

    vrf: Ref
    prefix: IPv4Network
    status: str = "active"
    vlan: Ref | None = None
    description: str
    details: Details = field(default_factory=dict)

    @property
    def natural_key(self) -> tuple[str, ...]:
        return (self.vrf.key, str(self.prefix))

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey(("the prefix", self.prefix, "of", self.vrf.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixWithoutVLAN(Prefix):
    """A network that the fabric puts no VLAN in: of an IPv4 namespace or an external."""

    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {"vlan": (None,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class IPRange(PlannedObject):
    """The addresses that a DHCP server hands out."""

    MODEL = Model.IP_RANGE

    vrf: Ref
    start_address: IPv4Interface
    end_address: IPv4Interface
    status: str = "active"
    description: str

    @property
    def natural_key(self) -> tuple[str, ...]:
        return (self.vrf.key, str(self.start_address), str(self.end_address))

    def unique_keys(self) -> Iterator[UniqueKey]:
        """A subnet has one range; NetBox lets none of a VRF overlap another (`IPRange.clean`)."""
        yield UniqueKey(("the range of", self.start_address.network, "of", self.vrf.key))
        span = (int(self.start_address.ip), int(self.end_address.ip))
        yield UniqueKey(("the addresses of a range of", self.vrf.key), span=span)


@dataclass(frozen=True, slots=True, kw_only=True)
class IPAddress(PlannedObject):
    """An address in a VRF, of an interface or of nobody in particular."""

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
        holder = self.assigned_object.key if self.assigned_object else ""
        return (self.vrf.key, str(self.address), holder)

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey((self.MODEL, *self.natural_key))
        address = ("the address", self.address.ip, "of", self.vrf.key)
        yield UniqueKey(address, is_shareable=self.role == ANYCAST_ROLE)


ANYCAST_ROLE = "anycast"
"""The role that lets several interfaces have one address."""
