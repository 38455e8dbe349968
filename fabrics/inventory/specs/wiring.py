"""Specs of fabrics, switches, servers and VLAN namespaces."""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from fabrics.inventory.specs.values import (
    ANY,
    ASN,
    CIDR,
    MAC,
    VID,
    OneLineText,
    PortName,
    Spec,
    Text,
)

PortSetting = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,32}$")]
"""A setting of a port. One that is not understood leaves what it sets unknown."""

Speed = PortSetting
"""A speed, such as `25G` or `SPEED_25G`."""

Breakout = PortSetting
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
        {
            *((name,) for name in ("role", "description", "profile", "asn", "groups", "boot")),
            *((name,) for name in ("ip", "protocolIP", "vtepIP")),
            ("redundancy",),
            ("redundancy", "group"),
            ("redundancy", "type"),
            ("boot", "serial"),
            ("boot", "mac"),
            ("portGroupSpeeds",),
            ("portGroupSpeeds", ANY),
            ("portSpeeds",),
            ("portSpeeds", ANY),
            ("portBreakouts",),
            ("portBreakouts", ANY),
        }
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
    OPTIONAL_PATHS = frozenset({("description",)})

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
    OPTIONAL_PATHS = frozenset(
        {
            ("displayName",),
            ("nosType",),
            ("ports", ANY, "profile"),
            ("ports", ANY, "group"),
            ("portGroups", ANY),
            ("portProfiles", ANY),
            ("portProfiles", ANY, "speed"),
            ("portProfiles", ANY, "breakout"),
        }
    )

    display_name: Text = Field("", alias="displayName")
    nos_type: Text = Field("", alias="nosType")
    ports: dict[PortName, ProfilePort] = {}
    port_groups: dict[str, PortGroup] = Field({}, alias="portGroups")
    port_profiles: dict[str, PortProfile] = Field({}, alias="portProfiles")


class FabricDomain(Spec):
    """A domain of a fabric with the ASNs of its spines and gateways."""

    spine_asn: ASN | None = Field(None, alias="spineASN")
    gateway_asn: ASN | None = Field(None, alias="gatewayASN")


class FabricSpec(Spec):
    """A fabric, as releases after 26.03 describe it: one API may hold several."""

    KIND = "Fabric"
    OPTIONAL_PATHS = frozenset(
        {
            *((name,) for name in ("leafASNStart", "leafASNEnd", "disableBFD", "domains")),
            ("domains", ANY),
            ("domains", ANY, ANY),
        }
    )

    leaf_asn_start: ASN | None = Field(None, alias="leafASNStart")
    leaf_asn_end: ASN | None = Field(None, alias="leafASNEnd")
    disable_bfd: bool = Field(False, alias="disableBFD")
    domains: dict[Text, FabricDomain] = {}


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
