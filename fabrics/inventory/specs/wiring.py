"""Specs of switches, servers and the connections between them."""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

import re
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, RootModel, StringConstraints, model_validator

from fabrics.inventory.specs.values import (
    ASN,
    CIDR,
    IP,
    MAC,
    MTU,
    VID,
    LiveSpec,
    OneLineText,
    PortName,
    Spec,
    Text,
    drop_blank_entries,
)

Speed = Annotated[str, StringConstraints(pattern=r"^(SPEED_)?\d{1,4}(\.\d)?[GM]?$")]
Breakout = Annotated[str, StringConstraints(pattern=r"^\d{1,2}x\d{1,4}G$")]
"""The division of a port into lanes: `4x25G` is four lanes of 25 Gbit/s."""


class Boot(Spec):
    serial: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,50}$")] = ""
    mac: MAC | None = None


class Redundancy(Spec):
    group: Text = ""
    type: Text = ""


class SwitchSpec(Spec):
    KIND = "Switch"
    OPTIONAL_PATHS = frozenset(
        {("ip",), ("protocolIP",), ("vtepIP",), ("boot", "serial"), ("boot", "mac")}
    )

    role: Text = "switch"
    description: OneLineText = ""
    profile: Text = "unknown"
    asn: ASN | None = None
    ip: CIDR | None = None
    protocol_ip: CIDR | None = Field(None, alias="protocolIP")
    vtep_ip: CIDR | None = Field(None, alias="vtepIP")
    groups: list[Text] = []
    redundancy: Redundancy = Redundancy()
    boot: Boot = Boot()
    port_group_speeds: dict[str, Speed] = Field({}, alias="portGroupSpeeds")
    port_speeds: dict[str, Speed] = Field({}, alias="portSpeeds")
    port_breakouts: dict[PortName, Breakout] = Field({}, alias="portBreakouts")


class ServerSpec(Spec):
    KIND = "Server"

    description: OneLineText = ""


class ProfilePort(Spec):
    """A port of a switch model; data ports have a profile, or a group with one."""

    management: bool = False
    profile: Text = ""
    group: Text = ""


class PortGroup(Spec):
    profile: Text = ""


class PortProfileSpeed(Spec):
    default: Speed = ""


class PortProfileBreakout(Spec):
    default: Breakout = ""


class PortProfile(Spec):
    speed: PortProfileSpeed = PortProfileSpeed()
    breakout: PortProfileBreakout = PortProfileBreakout()


class SwitchProfileSpec(Spec):
    """A model of switch with its ports."""

    KIND = "SwitchProfile"

    display_name: Text = Field("", alias="displayName")
    nos_type: Text = Field("", alias="nosType")
    ports: dict[PortName, ProfilePort] = {}
    port_groups: dict[str, PortGroup] = Field({}, alias="portGroups")
    port_profiles: dict[str, PortProfile] = Field({}, alias="portProfiles")


def _split_device_port(value: object) -> object:
    """Split `leaf-01/E1/5/2` at the first slash: port `E1/5/2` of `leaf-01`."""
    if not isinstance(value, str) or not re.fullmatch(r"[^/]+/.+", value):
        raise ValueError(f"is {value!r:.40}, not device/port")
    device, _, port = value.partition("/")
    return {"device": device, "port": port}


class DevicePort(Spec):
    """A port of a device."""

    device: Text
    port: PortName

    def __str__(self) -> str:
        return f"{self.device}/{self.port}"


class EndSpec(Spec):
    """One end of a link; which other fields it has depends on the type of connection."""

    port: Annotated[DevicePort, BeforeValidator(_split_device_port)]
    ip: CIDR | None = None
    vlan: VID = 0
    next_hop: IP | None = Field(None, alias="nextHop")
    subnets: list[Text] = []


Link = dict[str, EndSpec]
"""The ends of a link by their names: `server`, `switch`, `spine`, `leaf1`, ..."""


class ConnectionBody(Spec):
    """The fields of connections of all types."""

    link: Link | None = None
    links: list[Link] = []
    peer_links: list[Link] = Field([], alias="peerLinks")
    session_links: list[Link] = Field([], alias="sessionLinks")
    mtu: MTU = 0
    within_vpc: Text = Field("", alias="withinVPC")


def _check_single_type(value: object) -> object:
    types = drop_blank_entries(value)
    if not isinstance(types, dict) or len(types) != 1:
        raise ValueError("does not have exactly one connection type")
    return types


class ConnectionSpec(
    RootModel[Annotated[dict[Text, ConnectionBody], BeforeValidator(_check_single_type)]], LiveSpec
):
    """A connection: a mapping with one entry, its body by its type."""

    KIND = "Connection"

    @property
    def type(self) -> str:
        return next(iter(self.root))

    @property
    def body(self) -> ConnectionBody:
        return self.root[self.type]


class VLANRange(Spec):
    """VLAN IDs from `start` to `end`, both included; `end` 0 means `start` alone."""

    start: VID = Field(alias="from", ge=1)
    end: VID = Field(0, alias="to")

    @property
    def bounds(self) -> tuple[int, int]:
        return self.start, self.end or self.start

    @model_validator(mode="after")
    def _check_ascending(self) -> Self:
        if self.bounds[0] > self.bounds[1]:
            raise ValueError(f"starts at {self.start} but ends at {self.end}")
        return self


class VLANNamespaceSpec(Spec):
    KIND = "VLANNamespace"

    ranges: list[VLANRange] = []
