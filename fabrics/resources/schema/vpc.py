"""The schemas of VPCs, attachments, peerings, externals (`vpc.githedgehog.com`)."""

from collections.abc import Mapping

from fabrics.resources import spellings
from fabrics.resources.schema.fields import (
    KEEP_EMPTY_SCALAR,
    SCALAR,
    STRING_LIST,
    STRING_SET,
    define_spec,
)
from fabrics.resources.schema.types import AtomicList, Map, Set, Struct

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

_VPC = define_spec(
    {
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

_EXTERNAL_ATTACHMENT = define_spec(
    {
        "external": SCALAR,
        "connection": SCALAR,
        "switch": Struct({"vlan": SCALAR, "ip": SCALAR}),
        "neighbor": Struct({"asn": SCALAR, "ip": SCALAR}),
        "static": Struct(
            {"remoteIP": SCALAR, "vlan": SCALAR, "ip": SCALAR, "proxy": SCALAR}, keep_empty=True
        ),
        "inboundACL": Struct({"statements": AtomicList(_ACL_STATEMENT)}, keep_empty=True),
    }
)

_PEERED_VPC = Struct({"name": SCALAR, "subnets": STRING_SET})
_PEERED_EXTERNAL = Struct({"name": SCALAR, "prefixes": Set(Struct({"prefix": SCALAR}))})

VPC_SPECS: Mapping[str, Struct] = {
    "IPv4Namespace": define_spec({"subnets": STRING_SET}),
    "VPC": _VPC,
    "VPCAttachment": define_spec({"subnet": SCALAR, "connection": SCALAR, "nativeVLAN": SCALAR}),
    "VPCPeering": define_spec(
        {"remote": SCALAR, "permit": AtomicList(Map(Struct({"subnets": STRING_LIST})))}
    ),
    "External": define_spec(
        {
            "ipv4Namespace": SCALAR,
            "inboundCommunity": SCALAR,
            "outboundCommunity": SCALAR,
            "static": Struct({"prefixes": STRING_LIST}, keep_empty=True),
        }
    ),
    "VPCInterconnect": define_spec({}),
    "ExternalAttachment": _EXTERNAL_ATTACHMENT,
    "ExternalPeering": define_spec(
        {"permit": Struct({"vpc": _PEERED_VPC, "external": _PEERED_EXTERNAL})}
    ),
}
