"""What the fields of each compared kind mean, as of Hedgehog fabric v0.129 (release 26.03).

One row per field. A field that is missing here is still compared, as a whole; a field of a newer
release works, but a map among them should get its row, so that its empty entries count.
Sources: the custom resource definitions, the Go types in `githedgehog/fabric` (`api/**`, for what is
a pointer and so kept) and `githedgehog/fabricator` (`pkg/hhfab/hydrate.go`, for what is hydrated).
"""

from collections.abc import Mapping

from fabrics import canonical
from fabrics.kinds import Kind
from fabrics.shapes import KeyedSet, Map, Sequence, Set, Shape, Struct, Value
from fabrics.values import Json

VALUE = Value()
KEPT = Value(kept=True)
HYDRATED = Value(hydrated=True)
PORT = Value(canonical=canonical.port)
SPEED = Value(canonical=canonical.speed)
DURATION = Value(canonical=canonical.duration)
TEXTS = Sequence(VALUE)
TEXT_SET = Set(VALUE)


def _spec(fields: Mapping[str, Shape]) -> Struct:
    # Releases after 26.03 fill `topology` (which fabric and domain) into every object.
    return Struct({"topology": Shape(hydrated=True)} | dict(fields))


def _ends(link: Mapping[str, Json]) -> str:
    """A link is told from others by the ports that it joins."""
    ports = (end.get("port") for _, end in sorted(link.items()) if isinstance(end, dict))
    return ", ".join(str(port) for port in ports)


def _links(**ends: Struct) -> KeyedSet:
    return KeyedSet(Struct(ends), key=_ends)


_SWITCH = _spec(
    {
        "role": VALUE,
        "description": VALUE,
        "profile": VALUE,
        "groups": TEXT_SET,
        "redundancy": Struct({"group": VALUE, "type": VALUE}),
        "vlanNamespaces": TEXT_SET,
        "asn": HYDRATED,
        "ip": HYDRATED,
        "vtepIP": HYDRATED,
        "protocolIP": HYDRATED,
        "portGroupSpeeds": Map(SPEED),
        "portSpeeds": Map(SPEED, key=canonical.port),
        "portBreakouts": Map(VALUE),
        "portAutoNegs": Map(VALUE, key=canonical.port),
        "portFECs": Map(VALUE, key=canonical.port),
        "portLocators": Map(VALUE, ephemeral=True),  # LEDs that switch themselves off
        "boot": Struct({"serial": VALUE, "mac": VALUE}),
        "enableAllPorts": VALUE,
        "roce": VALUE,
        "ecmp": Struct({"roceQPN": VALUE}),
        "linkFlapErrDisable": Struct(
            {"flapThreshold": KEPT, "samplingInterval": KEPT, "recoveryInterval": KEPT},
            kept=True,
        ),
    }
)

_END = Struct({"port": PORT})
_ADDRESSED_END = Struct({"port": PORT, "ip": HYDRATED})
_SERVER_LINK = {"server": _END, "switch": _END}
_SERVER_LINKS = Struct(
    {"links": _links(**_SERVER_LINK), "mtu": VALUE, "fallback": VALUE}, kept=True
)
_SWITCH_LINKS = _links(switch1=_END, switch2=_END)

_CONNECTION = _spec(
    {
        "unbundled": Struct({"link": Struct(_SERVER_LINK), "mtu": VALUE}, kept=True),
        "bundled": _SERVER_LINKS,
        "mclag": _SERVER_LINKS,
        "eslag": _SERVER_LINKS,
        "mclagDomain": Struct(
            {"peerLinks": _SWITCH_LINKS, "sessionLinks": _SWITCH_LINKS}, kept=True
        ),
        "fabric": Struct({"links": _links(spine=_ADDRESSED_END, leaf=_ADDRESSED_END)}, kept=True),
        "mesh": Struct({"links": _links(leaf1=_ADDRESSED_END, leaf2=_ADDRESSED_END)}, kept=True),
        "gateway": Struct(
            {"links": _links(switch=_ADDRESSED_END, gateway=_ADDRESSED_END)}, kept=True
        ),
        "vpcLoopback": Struct({"links": _SWITCH_LINKS}, kept=True),
        "external": Struct({"link": Struct({"switch": _END})}, kept=True),
        "staticExternal": Struct(
            {
                "link": Struct(
                    {
                        "switch": Struct(
                            {
                                "port": PORT,
                                "ip": VALUE,
                                "nextHop": VALUE,
                                "subnets": TEXTS,
                                "vlan": VALUE,
                            }
                        )
                    }
                ),
                "withinVPC": VALUE,
            },
            kept=True,
        ),
    }
)

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

_VPC = _spec(
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

_EXTERNAL_ATTACHMENT = _spec(
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

_GATEWAY = _spec(
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

_GATEWAY_PEERING = _spec(
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

_SPECS: Mapping[str, Struct] = {
    "VLANNamespace": _spec({"ranges": Set(Struct({"from": VALUE, "to": VALUE}))}),
    "SwitchGroup": _spec({}),
    "Switch": _SWITCH,
    "Server": _spec({"description": VALUE, "profile": VALUE}),
    "Connection": _CONNECTION,
    "IPv4Namespace": _spec({"subnets": TEXT_SET}),
    "VPC": _VPC,
    "VPCAttachment": _spec({"subnet": VALUE, "connection": VALUE, "nativeVLAN": VALUE}),
    "VPCPeering": _spec({"remote": VALUE, "permit": Sequence(Map(Struct({"subnets": TEXTS})))}),
    "External": _spec(
        {
            "ipv4Namespace": VALUE,
            "inboundCommunity": VALUE,
            "outboundCommunity": VALUE,
            "static": Struct({"prefixes": TEXTS}, kept=True),
        }
    ),
    "ExternalAttachment": _EXTERNAL_ATTACHMENT,
    "ExternalPeering": _spec(
        {
            "permit": Struct(
                {
                    "vpc": Struct({"name": VALUE, "subnets": TEXT_SET}),
                    "external": Struct({"name": VALUE, "prefixes": Set(Struct({"prefix": VALUE}))}),
                }
            )
        }
    ),
    "GatewayGroup": _spec({}),
    "Gateway": _GATEWAY,
    "GatewayPeering": _GATEWAY_PEERING,
}


def spec_of(kind: Kind) -> Struct:
    """The shape of a kind's `spec`."""
    return _SPECS[kind.name]
