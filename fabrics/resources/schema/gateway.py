"""The schemas of gateways and gateway peerings (`gateway.githedgehog.com`)."""

from collections.abc import Mapping

from fabrics.resources.schema.fields import (
    DURATION,
    FABRIC,
    FABRIC_AND_DOMAIN,
    HYDRATED,
    SCALAR,
    STRING_LIST,
)
from fabrics.resources.schema.types import AtomicList, ListMap, Map, Struct

_INTERFACE = Struct(
    {"ips": AtomicList(SCALAR, hydrated=True), "mtu": HYDRATED, "pci": SCALAR, "kernel": SCALAR}
)
_NEIGHBOR = Struct({"source": SCALAR, "ip": SCALAR, "asn": SCALAR})
_RATE_LIMIT = Struct({"burst": SCALAR, "replenishPerSecond": SCALAR}, keep_empty=True)

_GATEWAY = Struct(
    {
        **FABRIC_AND_DOMAIN,
        "protocolIP": HYDRATED,
        "vtepIP": HYDRATED,
        "vtepMAC": HYDRATED,
        "vtepMTU": HYDRATED,
        "asn": HYDRATED,
        "interfaces": Map(_INTERFACE),
        "neighbors": AtomicList(_NEIGHBOR, hydrated=True),
        "groups": ListMap(
            Struct({"name": SCALAR, "priority": SCALAR}), key=lambda group: str(group.get("name"))
        ),
        "workers": SCALAR,
        "logs": Struct({"default": SCALAR, "tags": Map(SCALAR), "rateLimit": _RATE_LIMIT}),
        "profiling": Struct({"enabled": SCALAR}),
        "flowTableCapacity": SCALAR,
    }
)

_ENDPOINTS = AtomicList(Struct({"cidr": SCALAR, "vpcSubnet": SCALAR, "ports": STRING_LIST}))

_NAT = Struct(
    {
        "masquerade": Struct({"idleTimeout": DURATION}, keep_empty=True),
        "portForward": Struct(
            {
                "idleTimeout": DURATION,
                "ports": AtomicList(Struct({"proto": SCALAR, "port": SCALAR, "as": SCALAR})),
            },
            keep_empty=True,
        ),
        "static": Struct(keep_empty=True),
    },
    keep_empty=True,
)

_EXPOSE = Struct(
    {
        "ips": AtomicList(Struct({"cidr": SCALAR, "not": SCALAR, "vpcSubnet": SCALAR})),
        "as": AtomicList(Struct({"cidr": SCALAR, "not": SCALAR})),
        "nat": _NAT,
        "default": SCALAR,
    }
)

_ACL_RULE = Struct(
    {
        "name": SCALAR,
        "from": SCALAR,
        "to": SCALAR,
        "action": SCALAR,
        "match": Struct({"src": _ENDPOINTS, "dst": _ENDPOINTS, "proto": SCALAR}),
        "scope": SCALAR,
        "log": SCALAR,
    }
)

_GATEWAY_PEERING = Struct(
    {
        **FABRIC,
        "gatewayGroup": SCALAR,
        "peering": Map(Struct({"expose": AtomicList(_EXPOSE)})),
        "acl": Struct({"default": SCALAR, "rules": AtomicList(_ACL_RULE)}, keep_empty=True),
    }
)

GATEWAY_SPECS: Mapping[str, Struct] = {
    "GatewayGroup": Struct(FABRIC_AND_DOMAIN),
    "Gateway": _GATEWAY,
    "GatewayPeering": _GATEWAY_PEERING,
}
