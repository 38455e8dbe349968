"""Specs as the cluster stores them, with the defaults that webhooks set."""

from fabrics.resources.json_types import Json

SUBNET: dict[str, Json] = {"subnet": "10.0.1.0/24", "gateway": "10.0.1.1", "vlan": 1001}
OPTIONS: dict[str, Json] = {
    "interfaceMTU": 9036,
    "leaseTimeSeconds": 3600,
    "dnsServers": [],
    "timeServers": [],
}
FLAP: dict[str, Json] = {"flapThreshold": 3, "samplingInterval": 30, "recoveryInterval": 300}
GATEWAY: dict[str, Json] = {
    "workers": 4,
    "groups": [{"name": "default"}],
    "logs": {"default": "info", "tags": {"all": "info"}},
    "profiling": {},
}
PEER: dict[str, Json] = {"gatewayGroup": "default"}


def vpc_with(**subnet: Json) -> Json:
    return {
        "ipv4Namespace": "default",
        "vlanNamespace": "default",
        "subnets": {"a": {"dhcp": {}, **SUBNET, **subnet}},
    }


def peering_with(**expose: Json) -> Json:
    return PEER | {"peering": {"vpc-1": {"expose": [expose]}, "vpc-2": {}}}
