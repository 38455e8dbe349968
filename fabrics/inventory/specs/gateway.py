"""Specs of gateways and the peerings through them."""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

from pydantic import Field

from fabrics.inventory.specs.values import ASN, CIDR, IP, MAC, MTU, JsonObject, PortName, Spec, Text


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
    OPTIONAL_PATHS = frozenset({("protocolIP",), ("vtepIP",), ("vtepMAC",)})

    protocol_ip: CIDR | None = Field(None, alias="protocolIP")
    vtep_ip: CIDR | None = Field(None, alias="vtepIP")
    vtep_mac: MAC | None = Field(None, alias="vtepMAC")
    vtep_mtu: MTU = Field(0, alias="vtepMTU")
    asn: ASN | None = None
    interfaces: dict[PortName, GatewayInterface] = {}
    neighbors: list[BGPNeighbor] = []
    groups: list[GroupMembership] = []


class GatewayPeeringSpec(Spec):
    """A gateway peering: one entry for each VPC's name, or external's `ext.NAME`."""

    KIND = "GatewayPeering"

    gateway_group: Text = Field("default", alias="gatewayGroup")
    peering: dict[Text, JsonObject] = {}
