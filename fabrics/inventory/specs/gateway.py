"""Specs of gateways and the peerings through them."""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

from typing import Annotated

from pydantic import Field

from fabrics.inventory.specs.known_fields import omit_unknown_fields
from fabrics.inventory.specs.values import (
    ANY,
    ASN,
    CIDR,
    IP,
    MAC,
    MTU,
    JsonObject,
    PortName,
    Spec,
    Text,
)


class GatewayInterface(Spec):
    ips: list[CIDR] = []
    mtu: MTU = 0
    pci: Text = ""
    kernel: Text = ""


class BGPNeighbor(Spec):
    source: Text = ""
    ip: IP | None = None
    asn: ASN | None = None


class GroupMembership(Spec):
    name: Text
    priority: int = 0


class GatewaySpec(Spec):
    KIND = "Gateway"
    OPTIONAL_PATHS = frozenset(
        {
            *((name,) for name in ("protocolIP", "vtepIP", "vtepMAC", "vtepMTU", "asn")),
            ("interfaces",),
            ("interfaces", ANY),
            *(("interfaces", ANY, name) for name in ("ips", "mtu", "pci", "kernel")),
            ("interfaces", ANY, "ips", ANY),
            ("neighbors",),
            ("neighbors", ANY),
            ("groups",),
            ("groups", ANY),
        }
    )

    protocol_ip: CIDR | None = Field(None, alias="protocolIP")
    vtep_ip: CIDR | None = Field(None, alias="vtepIP")
    vtep_mac: MAC | None = Field(None, alias="vtepMAC")
    vtep_mtu: MTU = Field(0, alias="vtepMTU")
    asn: ASN | None = None
    interfaces: dict[PortName, GatewayInterface] = {}
    neighbors: list[BGPNeighbor] = []
    groups: list[GroupMembership] = []


Peer = Annotated[JsonObject, omit_unknown_fields("GatewayPeering", "peering")]


class GatewayPeeringSpec(Spec):
    """A gateway peering: one entry for each VPC's name, or external's `ext.NAME`."""

    KIND = "GatewayPeering"

    gateway_group: Text = Field("default", alias="gatewayGroup")
    peering: dict[Text, Peer] = {}
