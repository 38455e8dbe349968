"""The planned objects of NetBox's DCIM: sites, devices, interfaces and cables."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from fabrics.inventory.model.planned import Details, Model, PlannedObject, Ref, UniqueKey

SERVER_DEVICE_TYPE: Final = Ref(Model.DEVICE_TYPE, "hedgehog-server")
GATEWAY_DEVICE_TYPE: Final = Ref(Model.DEVICE_TYPE, "hedgehog-gateway")
"""Initial types of servers and gateways, whose hardware a fabric does not know."""

UNKNOWN_SWITCH_TYPE: Final = Ref(Model.DEVICE_TYPE, "unknown")
UNKNOWN_SWITCH_ROLE: Final = Ref(Model.DEVICE_ROLE, "hh-switch")
"""Initial type and role of switches that state no valid profile or role."""

INTERFACE_TYPE_OTHER: Final = "other"
INTERFACE_TYPE_VIRTUAL: Final = "virtual"
INTERFACE_TYPE_LAG: Final = "lag"

DEFAULT_ROLE_COLOR: Final = "9e9e9e"
"""NetBox's own default, a grey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(PlannedObject):
    """The site of a fabric that shares none with others."""

    MODEL = Model.SITE
    IDENTIFIERS = ("slug",)
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {"status": ("active",)}

    name: str
    slug: str
    status: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueObject(PlannedObject):
    """An object of NetBox's catalogue, shared by all fabrics.

    Its unique keys are what people know it by, the surest first. NetBox is less strict: it heeds the case of names,
    and lets roles and platforms with different parents have one name.
    """

    SHARED = True
    IDENTIFIERS = ("slug",)

    name: str
    slug: str

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey((self.MODEL, "slug", self.slug))
        yield UniqueKey((self.MODEL, "name", self.name.lower()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manufacturer(CatalogueObject):
    """The maker of devices."""

    MODEL = Model.MANUFACTURER


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRole(CatalogueObject):
    """The purpose of devices."""

    MODEL = Model.DEVICE_ROLE

    color: str = DEFAULT_ROLE_COLOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform(CatalogueObject):
    """The network operating system of switches."""

    MODEL = Model.PLATFORM


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceType(PlannedObject):
    """A model of hardware.

    It has no component templates, since the interfaces that NetBox makes from them lack the tag.
    """

    MODEL = Model.DEVICE_TYPE
    SHARED = True
    IDENTIFIERS = ("manufacturer", "slug")

    manufacturer: Ref
    model: str
    slug: str

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey((self.MODEL, "slug", self.slug))
        yield UniqueKey((self.MODEL, "of", self.manufacturer.key, self.model.lower()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(PlannedObject):
    """A switch, a server or a gateway; only people set its `oob_ip`.

    `nos_version` is a custom field: the version of the network operating system. `drift` is one, too.
    """

    MODEL = Model.DEVICE
    DEFERRED_FIELDS = frozenset({"primary_ip4"})
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {
        "role": (UNKNOWN_SWITCH_ROLE,),
        "device_type": (SERVER_DEVICE_TYPE, GATEWAY_DEVICE_TYPE, UNKNOWN_SWITCH_TYPE),
        "platform": (None,),
        "serial": ("",),
        "nos_version": ("",),
        "description": ("",),
        "primary_ip4": (None,),
        "oob_ip": (None,),
        "drift": (None,),
    }

    name: str
    site: Ref
    role: Ref
    device_type: Ref
    platform: Ref | None = None
    serial: str = ""
    nos_version: str = ""
    status: str = "active"
    description: str = ""
    primary_ip4: Ref | None = None
    oob_ip: Ref | None = None
    drift: str | None = None
    details: Details = field(default_factory=dict)

    @property
    def natural_key(self) -> tuple[str, ...]:
        return (self.site.key, self.name.lower())

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey(("the name", self.name.lower(), "in", self.site.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface(PlannedObject):
    """A port, a LAG, a loopback or a subinterface. `speed` is in kbit/s."""

    MODEL = Model.INTERFACE
    IDENTIFIERS = ("device", "name")
    DEFERRED_FIELDS = frozenset({"primary_mac_address"})
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {
        "type": (INTERFACE_TYPE_OTHER,),
        "speed": (None,),
        "mtu": (None,),
        "primary_mac_address": (None,),
    }

    device: Ref
    name: str
    type: str = INTERFACE_TYPE_OTHER
    speed: int | None = None
    mtu: int | None = None
    mgmt_only: bool = False
    mark_connected: bool = False
    lag: Ref | None = None
    parent: Ref | None = None
    vrf: Ref | None = None
    mode: str | None = None
    untagged_vlan: Ref | None = None
    tagged_vlans: tuple[Ref, ...] = ()
    primary_mac_address: Ref | None = None
    details: Details = field(default_factory=dict)

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield UniqueKey(("the name", self.name, "on", self.device.key))
        if self.mark_connected:
            yield cable_unique_key(self.ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnswitchedInterface(Interface):
    """An interface on which the fabric sets neither VLANs nor a VRF.

    That is one of a server or a gateway, a loopback, or one for management.
    """

    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {
        **Interface.UNKNOWN_VALUES,
        "mgmt_only": (False,),
        "parent": (None,),
        "vrf": (None,),
        "mode": (None,),
        "untagged_vlan": (None,),
        "tagged_vlans": ((),),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class MACAddress(PlannedObject):
    """The MAC address of an interface, in capitals as NetBox returns it."""

    MODEL = Model.MAC_ADDRESS
    IDENTIFIERS = ("assigned_object", "mac_address")

    mac_address: str
    assigned_object: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable(PlannedObject):
    """A cable between two ports; its sides A and B are interchangeable."""

    MODEL = Model.CABLE
    UNKNOWN_VALUES: ClassVar[Mapping[str, Collection[object]]] = {
        "description": ("",),
        "details": (None,),
    }

    a_terminations: tuple[Ref]
    b_terminations: tuple[Ref]
    status: str = "connected"
    label: str
    description: str = ""
    details: Details | None = None

    @property
    def terminations(self) -> tuple[Ref, Ref]:
        return self.a_terminations[0], self.b_terminations[0]

    @property
    def natural_key(self) -> tuple[str, ...]:
        return tuple(sorted(end.key for end in self.terminations))

    def unique_keys(self) -> Iterator[UniqueKey]:
        yield from map(cable_unique_key, self.terminations)


def cable_unique_key(port: Ref) -> UniqueKey:
    """Return the key that a port's cable has, or the port itself if `mark_connected`."""
    return UniqueKey(("the cable of", port.key))
