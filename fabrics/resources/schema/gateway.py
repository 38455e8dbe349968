"""Gateways and the peerings that run through them (`gateway.githedgehog.com`)."""

from collections.abc import Mapping

from fabrics.resources.schema.fields import DURATION, HYDRATED, TEXTS, VALUE, spec
from fabrics.resources.schema.types import KeyedSet, Map, Sequence, Struct

_GATEWAY = spec(
    {
        "protocolIP": HYDRATED,
        "vtepIP": HYDRATED,
        "vtepMAC": HYDRATED,
        "vtepMTU": HYDRATED,
        "asn": HYDRATED,
        "interfaces": Map(
            Struct(
                {
                    "ips": Sequence(VALUE, hydrated=True),
                    "mtu": HYDRATED,
                    "pci": VALUE,
                    "kernel": VALUE,
                }
            )
        ),
        "neighbors": Sequence(Struct({"source": VALUE, "ip": VALUE, "asn": VALUE}), hydrated=True),
        "groups": KeyedSet(
            Struct({"name": VALUE, "priority": VALUE}), key=lambda group: str(group.get("name"))
        ),
        "workers": VALUE,
        "logs": Struct(
            {
                "default": VALUE,
                "tags": Map(VALUE),
                "rateLimit": Struct({"burst": VALUE, "replenishPerSecond": VALUE}, kept=True),
            }
        ),
        "profiling": Struct({"enabled": VALUE}),
        "flowTableCapacity": VALUE,
    }
)

_ENDPOINTS = Sequence(Struct({"cidr": VALUE, "vpcSubnet": VALUE, "ports": TEXTS}))

_NAT = Struct(
    {
        "masquerade": Struct({"idleTimeout": DURATION}, kept=True),
        "portForward": Struct(
            {
                "idleTimeout": DURATION,
                "ports": Sequence(Struct({"proto": VALUE, "port": VALUE, "as": VALUE})),
            },
            kept=True,
        ),
        "static": Struct(kept=True),
    },
    kept=True,
)

_GATEWAY_PEERING = spec(
    {
        "gatewayGroup": VALUE,
        "peering": Map(
            Struct(
                {
                    "expose": Sequence(
                        Struct(
                            {
                                "ips": Sequence(
                                    Struct({"cidr": VALUE, "not": VALUE, "vpcSubnet": VALUE})
                                ),
                                "as": Sequence(Struct({"cidr": VALUE, "not": VALUE})),
                                "nat": _NAT,
                                "default": VALUE,
                            }
                        )
                    )
                }
            )
        ),
        "acl": Struct(
            {
                "default": VALUE,
                "rules": Sequence(
                    Struct(
                        {
                            "name": VALUE,
                            "from": VALUE,
                            "to": VALUE,
                            "action": VALUE,
                            "match": Struct({"src": _ENDPOINTS, "dst": _ENDPOINTS, "proto": VALUE}),
                            "scope": VALUE,
                            "log": VALUE,
                        }
                    )
                ),
            },
            kept=True,
        ),
    }
)

GATEWAY_SPECS: Mapping[str, Struct] = {
    "GatewayGroup": spec({}),
    "Gateway": _GATEWAY,
    "GatewayPeering": _GATEWAY_PEERING,
}
