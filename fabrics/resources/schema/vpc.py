"""The schemas of VPCs, attachments, peerings, externals (`vpc.githedgehog.com`)."""

from collections.abc import Mapping

from fabrics.resources import spellings
from fabrics.resources.json_types import Json
from fabrics.resources.schema.fields import (
    FABRIC,
    FABRIC_AND_DOMAIN,
    FABRIC_AND_DOMAINS,
    KEEP_EMPTY_SCALAR,
    SCALAR,
    STRING_LIST,
    STRING_SET,
)
from fabrics.resources.schema.types import AtomicList, ListMap, Map, Set, Struct

_DHCP = Struct(
    {
        "relay": SCALAR,
        "relayVPC": SCALAR,
        "enable": SCALAR,
        "range": Struct({"start": SCALAR, "end": SCALAR}),
        "options": Struct(
            {
                "pxeURL": SCALAR,
                "dnsServers": STRING_SET,
                "timeServers": STRING_SET,
                "interfaceMTU": SCALAR,
                "leaseTimeSeconds": SCALAR,
                "disableDefaultRoute": SCALAR,
                "advertisedRoutes": Set(Struct({"destination": SCALAR, "gateway": SCALAR})),
            }
        ),
        "static": Map(Struct({"ip": SCALAR}), canonicalize_key=spellings.canonicalize_mac),
    }
)

_SUBNET = Struct(
    {
        "subnet": SCALAR,
        "gateway": SCALAR,
        "dhcp": _DHCP,
        "vlan": SCALAR,
        "isolated": KEEP_EMPTY_SCALAR,
        "restricted": KEEP_EMPTY_SCALAR,
        "hostBGP": SCALAR,
        "hostBGPMinPrefixLen": SCALAR,
        "hostBGPMaxPrefixLen": SCALAR,
        "hostBGPExtraPrefixes": Map(Struct({"minPrefixLen": SCALAR, "maxPrefixLen": SCALAR})),
    }
)

_VPC = Struct(
    {
        **FABRIC_AND_DOMAINS,
        "mode": SCALAR,
        "subnets": Map(_SUBNET),
        "ipv4Namespace": SCALAR,
        "vlanNamespace": SCALAR,
        "defaultIsolated": SCALAR,
        "defaultRestricted": SCALAR,
        "permit": AtomicList(STRING_LIST),
        "staticRoutes": AtomicList(Struct({"prefix": SCALAR, "nextHops": STRING_LIST})),
    }
)

_TCP_FLAGS = ("ack", "fin", "psh", "rst", "syn", "urg")
_TCP_FILTERS = Struct(
    {"established": SCALAR}
    | {flag: SCALAR for flag in _TCP_FLAGS}
    | {f"not{flag.capitalize()}": SCALAR for flag in _TCP_FLAGS},
    keep_empty=True,
)

_ACL_STATEMENT = Struct(
    {
        "seq": SCALAR,
        "action": SCALAR,
        "protocol": SCALAR,
        "srcPrefix": SCALAR,
        "dstPrefix": SCALAR,
        "portRangeBegin": SCALAR,
        "portRangeEnd": SCALAR,
        "tcpFilters": _TCP_FILTERS,
        "icmpType": KEEP_EMPTY_SCALAR,
        "icmpCode": KEEP_EMPTY_SCALAR,
    }
)

_INBOUND_ACL = Struct({"statements": AtomicList(_ACL_STATEMENT)}, keep_empty=True)

_BFD = Struct(
    {"minRX": SCALAR, "minTX": SCALAR, "multiplier": SCALAR, "passive": SCALAR}, keep_empty=True
)

_EXTERNAL_ATTACHMENT = Struct(
    {
        **FABRIC,
        "external": SCALAR,
        "connection": SCALAR,
        "switch": Struct({"vlan": SCALAR, "ip": SCALAR}),
        "neighbor": Struct({"asn": SCALAR, "ip": SCALAR}),
        "static": Struct(
            {"remoteIP": SCALAR, "vlan": SCALAR, "ip": SCALAR, "proxy": SCALAR}, keep_empty=True
        ),
        "bfd": _BFD,
        "inboundACL": _INBOUND_ACL,
    }
)

_PEERED_VPC = Struct({"name": SCALAR, "subnets": STRING_SET})
_PEERED_EXTERNAL = Struct({"name": SCALAR, "prefixes": Set(Struct({"prefix": SCALAR}))})

_INTERCONNECT_LINK = Struct(
    {
        "connection": SCALAR,
        "vlan": SCALAR,
        "remoteASN": SCALAR,
        "bfd": _BFD,
        "inboundACL": _INBOUND_ACL,
    }
)


def _get_interconnect_link_key(link: Mapping[str, Json]) -> str:
    """Return connection and VLAN: Hedgehog names a link's ExternalAttachment by them."""
    return f"{link.get('connection')}, {link.get('vlan')}"


_VPC_INTERCONNECT = Struct(
    {
        **FABRIC_AND_DOMAIN,
        "ipv4Namespace": SCALAR,
        "links": ListMap(_INTERCONNECT_LINK, key=_get_interconnect_link_key),
        "local": Map(Struct({"subnets": STRING_SET})),
        "remote": Struct({"prefixes": STRING_SET}),
    }
)

VPC_SPECS: Mapping[str, Struct] = {
    "IPv4Namespace": Struct({**FABRIC, "subnets": STRING_SET}),
    "VPC": _VPC,
    "VPCAttachment": Struct(
        {**FABRIC, "subnet": SCALAR, "connection": SCALAR, "nativeVLAN": SCALAR}
    ),
    "VPCPeering": Struct(
        {**FABRIC, "remote": SCALAR, "permit": AtomicList(Map(Struct({"subnets": STRING_LIST})))}
    ),
    "External": Struct(
        {
            **FABRIC_AND_DOMAIN,
            "ipv4Namespace": SCALAR,
            "inboundCommunity": SCALAR,
            "outboundCommunity": SCALAR,
            "localASN": SCALAR,
            "static": Struct({"prefixes": STRING_LIST}, keep_empty=True),
        }
    ),
    "ExternalAttachment": _EXTERNAL_ATTACHMENT,
    "ExternalPeering": Struct(
        {**FABRIC, "permit": Struct({"vpc": _PEERED_VPC, "external": _PEERED_EXTERNAL})}
    ),
    "VPCInterconnect": _VPC_INTERCONNECT,
}
