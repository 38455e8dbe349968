"""Specs of VPCs and externals, their attachments and their peerings."""

# ruff: noqa: RUF012 - pydantic gives every object defaults of its own

from pydantic import Field

from fabrics.inventory.specs.values import ASN, CIDR, IP, MAC, VID, JsonObject, Spec, Text


class IPv4NamespaceSpec(Spec):
    KIND = "IPv4Namespace"

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


class VPCSpec(Spec):
    KIND = "VPC"

    mode: Text = ""
    ipv4_namespace: Text = Field("default", alias="ipv4Namespace")
    vlan_namespace: Text = Field("default", alias="vlanNamespace")
    subnets: dict[Text, SubnetSpec] = {}
    permit: list[list[Text]] = []
    static_routes: list[JsonObject] = Field([], alias="staticRoutes")


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

    permit: list[dict[Text, VPCPeer]] = []
    remote: Text = ""


class StaticPrefixes(Spec):
    prefixes: list[CIDR] = []


class ExternalSpec(Spec):
    KIND = "External"

    ipv4_namespace: Text = Field("default", alias="ipv4Namespace")
    inbound_community: Text = Field("", alias="inboundCommunity")
    outbound_community: Text = Field("", alias="outboundCommunity")
    static: StaticPrefixes = StaticPrefixes()


class ExternalAttachmentSwitch(Spec):
    """The switch's side of an attachment that speaks BGP."""

    vlan: VID = 0
    ip: CIDR | None = None


class ExternalAttachmentNeighbor(Spec):
    asn: ASN | None = None
    ip: IP | None = None


class ExternalAttachmentStatic(ExternalAttachmentSwitch):
    """The switch's side of an attachment with static routes."""

    remote_ip: IP | None = Field(None, alias="remoteIP")
    proxy: bool = False


class InboundACL(Spec):
    statements: list[JsonObject] = []


class ExternalAttachmentSpec(Spec):
    KIND = "ExternalAttachment"

    external: Text
    connection: Text
    switch: ExternalAttachmentSwitch = ExternalAttachmentSwitch()
    neighbor: ExternalAttachmentNeighbor = ExternalAttachmentNeighbor()
    static: ExternalAttachmentStatic | None = None
    inbound_acl: InboundACL = Field(InboundACL(), alias="inboundACL")


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
