"""What the inventory shows of switches, servers and the connections between them."""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

import re
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, RootModel, StringConstraints, model_validator

from fabrics.inventory.specs.values import (
    ASN,
    MAC,
    MTU,
    VID,
    Address,
    AddressWithPrefix,
    LiveSpec,
    OneLineText,
    PortName,
    Spec,
    Text,
    drop_blank_entries,
)

Speed = Annotated[str, StringConstraints(pattern=r"^(SPEED_)?\d{1,4}(\.\d)?[GM]?$")]
Breakout = Annotated[str, StringConstraints(pattern=r"^\d{1,2}x\d{1,4}G$")]
"""How a port is divided: `4x25G` is four lanes of 25 Gbit/s."""


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
    ip: AddressWithPrefix | None = None
    protocol_ip: AddressWithPrefix | None = Field(None, alias="protocolIP")
    vtep_ip: AddressWithPrefix | None = Field(None, alias="vtepIP")
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
    """`management` ports have neither; others have a profile, or a group that has one."""

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
    """A model of switch: what ports it has, and what they are."""

    KIND = "SwitchProfile"

    display_name: Text = Field("", alias="displayName")
    nos_type: Text = Field("", alias="nosType")
    ports: dict[PortName, ProfilePort] = {}
    port_groups: dict[str, PortGroup] = Field({}, alias="portGroups")
    port_profiles: dict[str, PortProfile] = Field({}, alias="portProfiles")


def _split_device_port(value: object) -> object:
    """`leaf-01/E1/5/2` is port `E1/5/2` of `leaf-01`: the first slash divides."""
    if not isinstance(value, str) or not re.fullmatch(r"[^/]+/.+", value):
        raise ValueError(f"is {value!r:.40}, not device/port")
    device, _, port = value.partition("/")
    return {"device": device, "port": port}


class DevicePort(Spec):
    """A port and the device that it belongs to."""

    device: Text
    port: PortName

    def __str__(self) -> str:
        return f"{self.device}/{self.port}"


class EndSpec(Spec):
    """One end of a link; all but the port depends on the type of connection."""

    port: Annotated[DevicePort, BeforeValidator(_split_device_port)]
    ip: AddressWithPrefix | None = None
    vlan: VID = 0
    next_hop: Address | None = Field(None, alias="nextHop")
    subnets: list[Text] = []


Link = dict[str, EndSpec]
"""The ends of a link by what they are: `server`, `switch`, `spine`, `leaf1`, ..."""


class ConnectionBody(Spec):
    """What a connection of any type may state."""

    link: Link | None = None
    links: list[Link] = []
    peer_links: list[Link] = Field([], alias="peerLinks")
    session_links: list[Link] = Field([], alias="sessionLinks")
    mtu: MTU = 0
    within_vpc: Text = Field("", alias="withinVPC")


def _check_single_type(value: object) -> object:
    stated = drop_blank_entries(value)
    if not isinstance(stated, dict) or len(stated) != 1:
        raise ValueError("does not state exactly one type of connection")
    return stated


class ConnectionSpec(
    RootModel[Annotated[dict[Text, ConnectionBody], BeforeValidator(_check_single_type)]], LiveSpec
):
    """A connection: its one type and what it joins."""

    KIND = "Connection"

    @property
    def type(self) -> str:
        return next(iter(self.root))

    @property
    def body(self) -> ConnectionBody:
        return self.root[self.type]


class VLANRange(Spec):
    """VLAN IDs from the first to the last; `end` is 0 where the range is a single one."""

    start: VID = Field(alias="from", ge=1)
    end: VID = Field(0, alias="to")

    @property
    def bounds(self) -> tuple[int, int]:
        return self.start, self.end or self.start

    @model_validator(mode="after")
    def _check_ascending(self) -> Self:
        if self.bounds[0] > self.bounds[1]:
            raise ValueError(f"goes from {self.start} down to {self.end}")
        return self


class VLANNamespaceSpec(Spec):
    KIND = "VLANNamespace"

    ranges: list[VLANRange] = []
