"""Specs of VPCs and externals, their attachments and their peerings."""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

from typing import Annotated

from pydantic import Field

from fabrics.inventory.specs.known_fields import omit_unknown_fields
from fabrics.inventory.specs.values import ANY, ASN, CIDR, IP, MAC, VID, JsonObject, Spec, Text


class IPv4NamespaceSpec(Spec):
    KIND = "IPv4Namespace"
    OPTIONAL_PATHS = frozenset({("subnets", ANY)})

    subnets: list[CIDR] = []


class AddressRange(Spec):
    start: IP | None = None
    end: IP | None = None


class StaticLease(Spec):
    ip: IP


class DHCP(Spec):
    enable: bool = False
    range: AddressRange = AddressRange()
    static: dict[MAC, StaticLease] = {}
    relay: Text = ""
    relay_vpc: Text = Field("", alias="relayVPC")


class SubnetSpec(Spec):
    subnet: CIDR
    gateway: IP | None = None
    vlan: VID = 0
    dhcp: DHCP = DHCP()
    isolated: bool = False
    restricted: bool = False
    host_bgp: bool = Field(False, alias="hostBGP")


StaticRoute = Annotated[JsonObject, omit_unknown_fields("VPC", "staticRoutes")]


class VPCSpec(Spec):
    KIND = "VPC"
    OPTIONAL_PATHS = frozenset(
        {
            ("mode",),
            ("ipv4Namespace",),
            ("permit",),
            ("staticRoutes",),
            ("staticRoutes", ANY),
            ("subnets",),
            ("subnets", ANY),
            *(("subnets", ANY, name) for name in ("gateway", "dhcp", "isolated", "restricted")),
            ("subnets", ANY, "dhcp", "static"),
            ("subnets", ANY, "dhcp", "static", ANY),
            ("subnets", ANY, "dhcp", "relay"),
            ("subnets", ANY, "dhcp", "relayVPC"),
        }
    )

    mode: Text = ""
    ipv4_namespace: Text = Field("default", alias="ipv4Namespace")
    vlan_namespace: Text = Field("default", alias="vlanNamespace")
    subnets: dict[Text, SubnetSpec] = {}
    permit: list[list[Text]] = []
    static_routes: list[StaticRoute] = Field([], alias="staticRoutes")


class VPCAttachmentSpec(Spec):
    """An attachment of `subnet`, which is `vpc/subnet`, to a connection."""

    KIND = "VPCAttachment"

    subnet: Text
    connection: Text
    native_vlan: bool = Field(False, alias="nativeVLAN")


class VPCPeer(Spec):
    subnets: list[Text] = []


class VPCPeeringSpec(Spec):
    KIND = "VPCPeering"
    OPTIONAL_PATHS = frozenset({("remote",)})

    permit: list[dict[Text, VPCPeer]] = []
    remote: Text = ""


class StaticPrefixes(Spec):
    prefixes: list[CIDR] = []


class ExternalSpec(Spec):
    """A network outside of the fabric, reached by BGP, by static routes or by both."""

    KIND = "External"
    OPTIONAL_PATHS = frozenset(
        {
            ("ipv4Namespace",),
            ("inboundCommunity",),
            ("outboundCommunity",),
            ("localASN",),
            ("static",),
            ("static", "prefixes", ANY),
        }
    )

    ipv4_namespace: Text = Field("default", alias="ipv4Namespace")
    inbound_community: Text = Field("", alias="inboundCommunity")
    outbound_community: Text = Field("", alias="outboundCommunity")
    local_asn: ASN | None = Field(None, alias="localASN")
    static: StaticPrefixes = StaticPrefixes()


class ExternalAttachmentSwitch(Spec):
    """The switch's side of an attachment that speaks BGP."""

    vlan: VID = 0
    ip: CIDR | None = None


class ExternalAttachmentNeighbor(Spec):
    """The other side of an attachment; empty for BGP unnumbered."""

    asn: ASN | None = None
    ip: IP | None = None


class ExternalAttachmentStatic(ExternalAttachmentSwitch):
    """The switch's side of an attachment with static routes."""

    remote_ip: IP | None = Field(None, alias="remoteIP")
    proxy: bool = False


class BFD(Spec):
    """The settings of BFD. Intervals are in milliseconds."""

    min_rx: int | None = Field(None, alias="minRX")
    min_tx: int | None = Field(None, alias="minTX")
    multiplier: int | None = None
    passive: bool = False


InboundACL = Annotated[JsonObject, omit_unknown_fields("ExternalAttachment", "inboundACL")]


class ExternalAttachmentSpec(Spec):
    KIND = "ExternalAttachment"
    OPTIONAL_PATHS = frozenset(
        {
            ("switch", "ip"),
            ("neighbor",),
            ("neighbor", "asn"),
            ("neighbor", "ip"),
            *(("static", name) for name in ("ip", "remoteIP", "proxy")),
            ("inboundACL",),
            ("bfd",),
            ("bfd", ANY),
        }
    )

    external: Text
    connection: Text
    switch: ExternalAttachmentSwitch = ExternalAttachmentSwitch()
    neighbor: ExternalAttachmentNeighbor = ExternalAttachmentNeighbor()
    static: ExternalAttachmentStatic | None = None
    inbound_acl: InboundACL = Field({}, alias="inboundACL")
    bfd: BFD | None = None


class PermittedVPC(Spec):
    name: Text
    subnets: list[Text] = []


class PermittedPrefix(Spec):
    prefix: Text


class PermittedExternal(Spec):
    name: Text
    prefixes: list[PermittedPrefix] = []


class Permit(Spec):
    vpc: PermittedVPC
    external: PermittedExternal


class ExternalPeeringSpec(Spec):
    KIND = "ExternalPeering"

    permit: Permit
