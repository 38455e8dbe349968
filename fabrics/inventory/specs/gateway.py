"""What the inventory shows of gateways and the peerings that run through them."""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

from pydantic import Field

from fabrics.inventory.specs.values import (
    ASN,
    MAC,
    MTU,
    Address,
    AddressWithPrefix,
    JsonObject,
    PortName,
    Spec,
    Text,
)


class GatewayInterface(Spec):
    ips: list[AddressWithPrefix] = []
    mtu: MTU = 0
    pci: Text = ""
    kernel: Text = ""


class BGPNeighbor(Spec):
    source: Text = ""
    ip: Address | None = None
    asn: ASN | None = None


class GroupMembership(Spec):
    name: Text
    priority: int = 0


class GatewaySpec(Spec):
    KIND = "Gateway"
    OPTIONAL_PATHS = frozenset({("protocolIP",), ("vtepIP",), ("vtepMAC",)})

    protocol_ip: AddressWithPrefix | None = Field(None, alias="protocolIP")
    vtep_ip: AddressWithPrefix | None = Field(None, alias="vtepIP")
    vtep_mac: MAC | None = Field(None, alias="vtepMAC")
    vtep_mtu: MTU = Field(0, alias="vtepMTU")
    asn: ASN | None = None
    interfaces: dict[PortName, GatewayInterface] = {}
    neighbors: list[BGPNeighbor] = []
    groups: list[GroupMembership] = []


class GatewayPeeringSpec(Spec):
    """`peering` has an entry for each VPC by name, and for each external as `ext.NAME`."""

    KIND = "GatewayPeering"

    gateway_group: Text = Field("default", alias="gatewayGroup")
    peering: dict[Text, JsonObject] = {}
