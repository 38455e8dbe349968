"""VPCs, what attaches to them and whom they peer with (`vpc.githedgehog.com`)."""

from collections.abc import Mapping

from fabrics.resources import canonical
from fabrics.resources.schema.fields import KEPT, TEXT_SET, TEXTS, VALUE, spec
from fabrics.resources.schema.types import Map, Sequence, Set, Struct

_DHCP = Struct(
    {
        "relay": VALUE,
        "relayVPC": VALUE,
        "enable": VALUE,
        "range": Struct({"start": VALUE, "end": VALUE}),
        "options": Struct(
            {
                "pxeURL": VALUE,
                "dnsServers": TEXT_SET,
                "timeServers": TEXT_SET,
                "interfaceMTU": VALUE,
                "leaseTimeSeconds": VALUE,
                "disableDefaultRoute": VALUE,
                "advertisedRoutes": Set(Struct({"destination": VALUE, "gateway": VALUE})),
            }
        ),
        "static": Map(Struct({"ip": VALUE}), key=canonical.mac),
    }
)

_VPC = spec(
    {
        "mode": VALUE,
        "subnets": Map(
            Struct(
                {
                    "subnet": VALUE,
                    "gateway": VALUE,
                    "dhcp": _DHCP,
                    "vlan": VALUE,
                    "isolated": KEPT,
                    "restricted": KEPT,
                    "hostBGP": VALUE,
                    "hostBGPMinPrefixLen": VALUE,
                    "hostBGPMaxPrefixLen": VALUE,
                    "hostBGPExtraPrefixes": Map(
                        Struct({"minPrefixLen": VALUE, "maxPrefixLen": VALUE})
                    ),
                }
            )
        ),
        "ipv4Namespace": VALUE,
        "vlanNamespace": VALUE,
        "defaultIsolated": VALUE,
        "defaultRestricted": VALUE,
        "permit": Sequence(TEXTS),
        "staticRoutes": Sequence(Struct({"prefix": VALUE, "nextHops": TEXTS})),
    }
)

_TCP_FLAGS = ("ack", "fin", "psh", "rst", "syn", "urg")
_TCP_FILTERS = Struct(
    {"established": VALUE}
    | {flag: VALUE for flag in _TCP_FLAGS}
    | {f"not{flag.capitalize()}": VALUE for flag in _TCP_FLAGS},
    kept=True,
)

_EXTERNAL_ATTACHMENT = spec(
    {
        "external": VALUE,
        "connection": VALUE,
        "switch": Struct({"vlan": VALUE, "ip": VALUE}),
        "neighbor": Struct({"asn": VALUE, "ip": VALUE}),
        "static": Struct(
            {"remoteIP": VALUE, "vlan": VALUE, "ip": VALUE, "proxy": VALUE}, kept=True
        ),
        "inboundACL": Struct(
            {
                "statements": Sequence(
                    Struct(
                        {
                            "seq": VALUE,
                            "action": VALUE,
                            "protocol": VALUE,
                            "srcPrefix": VALUE,
                            "dstPrefix": VALUE,
                            "portRangeBegin": VALUE,
                            "portRangeEnd": VALUE,
                            "tcpFilters": _TCP_FILTERS,
                            "icmpType": KEPT,
                            "icmpCode": KEPT,
                        }
                    )
                )
            },
            kept=True,
        ),
    }
)

VPC_SPECS: Mapping[str, Struct] = {
    "IPv4Namespace": spec({"subnets": TEXT_SET}),
    "VPC": _VPC,
    "VPCAttachment": spec({"subnet": VALUE, "connection": VALUE, "nativeVLAN": VALUE}),
    "VPCPeering": spec({"remote": VALUE, "permit": Sequence(Map(Struct({"subnets": TEXTS})))}),
    "External": spec(
        {
            "ipv4Namespace": VALUE,
            "inboundCommunity": VALUE,
            "outboundCommunity": VALUE,
            "static": Struct({"prefixes": TEXTS}, kept=True),
        }
    ),
    "ExternalAttachment": _EXTERNAL_ATTACHMENT,
    "ExternalPeering": spec(
        {
            "permit": Struct(
                {
                    "vpc": Struct({"name": VALUE, "subnets": TEXT_SET}),
                    "external": Struct({"name": VALUE, "prefixes": Set(Struct({"prefix": VALUE}))}),
                }
            )
        }
    ),
}
