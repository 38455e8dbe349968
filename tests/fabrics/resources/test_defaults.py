"""Defaults that webhooks set are not drift: each rule once."""

import copy

import pytest

from fabrics.resources.defaults import (
    DEFAULTING_RULES,
    MAX_STRIPPED_FIELDS,
    apply_defaults,
    strip_defaults,
)
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import KINDS_BY_NAME, get_kind
from fabrics.resources.normalize import Content, normalize_desired, normalize_live
from tests.support.fabrics.hydrated_specs import (
    FLAP,
    GATEWAY,
    OPTIONS,
    PEER,
    peering_with,
    vpc_with,
)
from tests.support.fabrics.objects import compared

NO_DRIFT: dict[str, tuple[str, str, Json]] = {
    "a switch's empty structs and default VLAN namespace": (
        "Switch",
        "{role: spine}",
        {"role": "spine", "boot": {}, "redundancy": {}, "ecmp": {}, "vlanNamespaces": ["default"]},
    ),
    "a redundancy group joins the groups, which are sorted": (
        "Switch",
        "{groups: [z, b], redundancy: {group: a, type: eslag}, vlanNamespaces: [w, v]}",
        {
            "groups": ["a", "b", "z"],
            "redundancy": {"group": "a", "type": "eslag"},
            "vlanNamespaces": ["v", "w"],
        },
    ),
    "old speed names": (
        "Switch",
        "{portSpeeds: {E1/1: SPEED_25G}, portGroupSpeeds: {1: SPEED_10G}}",
        {
            "portSpeeds": {"E1/1": "25G"},
            "portGroupSpeeds": {"1": "10G"},
            "vlanNamespaces": ["default"],
        },
    ),
    "link flap protection that is only switched on": (
        "Switch",
        "{linkFlapErrDisable: {}}",
        {"linkFlapErrDisable": FLAP, "vlanNamespaces": ["default"]},
    ),
    "port locators, which switch themselves off": (
        "Switch",
        "{portLocators: {E1/1: 10m}}",
        {"portLocators": {"E1/2": "2026-08-05 18:45:47"}, "vlanNamespaces": ["default"]},
    ),
    "a range of one VLAN, and ranges in another order": (
        "VLANNamespace",
        "{ranges: [{from: 3000, to: 3100}, {from: 1000}]}",
        {"ranges": [{"from": 1000, "to": 1000}, {"from": 3000, "to": 3100}]},
    ),
    "subnets of an IPv4 namespace in another order": (
        "IPv4Namespace",
        "{subnets: [10.2.0.0/16, 10.10.0.0/16]}",
        {"subnets": ["10.10.0.0/16", "10.2.0.0/16"]},
    ),
    "a VPC's namespaces and gateway": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001}}}",
        vpc_with(),
    ),
    "host bits in a subnet": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.6.7/24, vlan: 1001}}}",
        vpc_with(subnet="10.0.6.7/24", gateway="10.0.6.1"),
    ),
    "no gateway for BGP-speaking hosts": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, hostBGP: true}}}",
        {
            "ipv4Namespace": "default",
            "vlanNamespace": "default",
            "subnets": {"a": {"subnet": "10.0.1.0/24", "hostBGP": True, "dhcp": {}}},
        },
    ),
    "a DHCP range up to the broadcast address": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true}}}}",
        vpc_with(dhcp={"enable": True, "range": {"start": "10.0.1.2", "end": "10.0.1.255"}}),
    ),
    "half a DHCP range": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, "
        "dhcp: {enable: true, range: {start: 10.0.1.9}}}}}",
        vpc_with(dhcp={"enable": True, "range": {"start": "10.0.1.9", "end": "10.0.1.255"}}),
    ),
    "range and options without a DHCP server": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: false, "
        "range: {start: 10.0.1.9}, options: {pxeURL: x}}}}}",
        vpc_with(),
    ),
    "empty DHCP options": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true, "
        "range: {start: 10.0.1.9, end: 10.0.1.20}, options: {interfaceMTU: 0}}}}}",
        vpc_with(dhcp={"enable": True, "range": {"start": "10.0.1.9", "end": "10.0.1.20"}}),
    ),
    "DHCP options get MTU and lease time once one is stated, even as an empty list": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true, "
        "range: {start: 10.0.1.9, end: 10.0.1.20}, options: {dnsServers: []}}}}}",
        vpc_with(
            dhcp={
                "enable": True,
                "range": {"start": "10.0.1.9", "end": "10.0.1.20"},
                "options": OPTIONS,
            }
        ),
    ),
    "DHCP servers and routes in another order": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true, "
        "range: {start: 10.0.1.9, end: 10.0.1.20}, options: {dnsServers: [9.9.9.9, 1.1.1.1], "
        "advertisedRoutes: [{destination: 10.9.0.0/16, gateway: 10.0.1.3}, "
        "{destination: 10.8.0.0/16, gateway: 10.0.1.2}]}}}}}",
        vpc_with(
            dhcp={
                "enable": True,
                "range": {"start": "10.0.1.9", "end": "10.0.1.20"},
                "options": OPTIONS
                | {
                    "dnsServers": ["1.1.1.1", "9.9.9.9"],
                    "advertisedRoutes": [
                        {"destination": "10.8.0.0/16", "gateway": "10.0.1.2"},
                        {"destination": "10.9.0.0/16", "gateway": "10.0.1.3"},
                    ],
                },
            }
        ),
    ),
    "MAC addresses of static leases": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true, "
        "range: {start: 10.0.1.9, end: 10.0.1.20}, "
        "static: {0C-20-12-FF-00-00: {ip: 10.0.1.5}}}}}}",
        vpc_with(
            dhcp={
                "enable": True,
                "range": {"start": "10.0.1.9", "end": "10.0.1.20"},
                "static": {"0c:20:12:ff:00:00": {"ip": "10.0.1.5"}},
            }
        ),
    ),
    "a VPC alone means its default subnet": (
        "VPCAttachment",
        "{subnet: vpc-1, connection: c, nativeVLAN: false}",
        {"subnet": "vpc-1/default", "connection": "c"},
    ),
    "an entry of a peering without a value": (
        "VPCPeering",
        "{permit: [{vpc-1: , vpc-2: {}}]}",
        {"permit": [{"vpc-1": {}, "vpc-2": {}}]},
    ),
    "an external's namespace": ("External", "{}", {"ipv4Namespace": "default"}),
    "the empty structs of an external attachment": (
        "ExternalAttachment",
        "{connection: c, static: {remoteIP: 1.2.3.4}}",
        {"connection": "c", "static": {"remoteIP": "1.2.3.4"}, "switch": {}, "neighbor": {}},
    ),
    "subnets and prefixes of an external peering in another order": (
        "ExternalPeering",
        "{permit: {vpc: {name: v, subnets: [b, a]}, "
        "external: {name: e, prefixes: [{prefix: 9.0.0.0/8}, {prefix: 10.0.0.0/8}]}}}",
        {
            "permit": {
                "vpc": {"name": "v", "subnets": ["a", "b"]},
                "external": {
                    "name": "e",
                    "prefixes": [{"prefix": "10.0.0.0/8"}, {"prefix": "9.0.0.0/8"}],
                },
            }
        },
    ),
    "a gateway's workers, logs and group": ("Gateway", "{}", GATEWAY),
    "a gateway's groups in another order": (
        "Gateway",
        "{groups: [{name: b, priority: 2}, {name: a}]}",
        GATEWAY | {"groups": [{"name": "a"}, {"name": "b", "priority": 2}]},
    ),
    "a gateway's rate limit that is only switched on": (
        "Gateway",
        "{logs: {rateLimit: {}}}",
        GATEWAY
        | {
            "logs": {
                "default": "info",
                "tags": {"all": "info"},
                "rateLimit": {"burst": 50, "replenishPerSecond": 5},
            }
        },
    ),
    "idle timeouts by default": (
        "GatewayPeering",
        "{peering: {vpc-1: {expose: [{nat: {masquerade: {}}}]}, vpc-2: {}}}",
        peering_with(nat={"masquerade": {"idleTimeout": "2m0s"}}),
    ),
    "another spelling of a duration": (
        "GatewayPeering",
        "{peering: {vpc-1: {expose: [{nat: {portForward: {idleTimeout: 90s}}}]}, vpc-2: {}}}",
        peering_with(nat={"portForward": {"idleTimeout": "1m30s"}}),
    ),
    "defaults of an access list": (
        "GatewayPeering",
        "{peering: {vpc-1: {}, vpc-2: {}}, acl: {rules: [{action: allow}]}}",
        PEER
        | {
            "peering": {"vpc-1": {}, "vpc-2": {}},
            "acl": {
                "default": "deny-unless-exposed",
                "rules": [{"action": "allow", "scope": "flow", "match": {}}],
            },
        },
    ),
    "two names of one port": (
        "Connection",
        "{unbundled: {link: {server: {port: s/eth0}, switch: {port: leaf/E1/1/1}}}}",
        {"unbundled": {"link": {"server": {"port": "s/eth0"}, "switch": {"port": "leaf/E1/1"}}}},
    ),
    "links in another order": (
        "Connection",
        "{bundled: {links: [{server: {port: s/a}, switch: {port: l/E1/1}}, "
        "{server: {port: s/b}, switch: {port: l/E1/2}}]}}",
        {
            "bundled": {
                "links": [
                    {"server": {"port": "s/b"}, "switch": {"port": "l/E1/2"}},
                    {"server": {"port": "s/a"}, "switch": {"port": "l/E1/1"}},
                ]
            }
        },
    ),
    "explicit nulls": ("Server", "{description: null, profile: ~}", {}),
    "topology that a newer release fills in": (
        "Server",
        "{description: x}",
        {"description": "x", "topology": {"fabric": "default"}},
    ),
}


@pytest.mark.parametrize("rule", NO_DRIFT)
def test_webhook_defaults_are_not_drift(rule: str) -> None:
    drift = compared(*NO_DRIFT[rule])
    assert drift.entries == ()


def test_rules_exist_only_for_compared_kinds() -> None:
    assert DEFAULTING_RULES.keys() <= KINDS_BY_NAME.keys()


@pytest.mark.parametrize("spec", [{}, {"subnets": {"a": {"dhcp": {"enable": True}}}}])
def test_defaults_do_not_change_the_given_spec(spec: dict[str, Json]) -> None:
    before = copy.deepcopy(spec)
    assert apply_defaults(get_kind("VPC"), spec) != before
    assert spec == before


@pytest.mark.parametrize("prefix", ["10.0.0.0", "10.0.0.0/255.255.255.0", "10.0.0.0/31", "x/24", 7])
def test_subnet_that_hedgehog_refuses_gets_no_defaults(prefix: Json) -> None:
    spec: dict[str, Json] = {"subnets": {"a": {"subnet": prefix, "dhcp": {"enable": True}}}}
    assert apply_defaults(get_kind("VPC"), spec)["subnets"] == spec["subnets"]


@pytest.mark.parametrize("group", ["a", ["a"], {"name": "a"}, 5, True])
@pytest.mark.parametrize("redundancy", [None, "group", ["group"], {}, {"group": "GROUP"}])
@pytest.mark.parametrize("groups", [None, "b", {"b": 1}, ["b"], [{"b": 1}, ["b"], None, 5]])
def test_unexpected_types_of_a_redundancy_group_are_no_failure(
    group: Json, redundancy: Json, groups: Json
) -> None:
    if redundancy == {"group": "GROUP"}:
        redundancy = {"group": group}
    spec: dict[str, Json] = {"redundancy": redundancy, "groups": groups}
    content = Content(apply_defaults(get_kind("Switch"), spec), {}, {})
    assert normalize_desired(get_kind("Switch"), content) == normalize_live(
        get_kind("Switch"), content
    )


@pytest.mark.parametrize("name", NO_DRIFT)
def test_stripped_spec_has_no_default_and_means_the_same(name: str) -> None:
    kind, _, stored = NO_DRIFT[name]
    assert isinstance(stored, dict)
    filled = apply_defaults(get_kind(kind), stored)
    stripped = strip_defaults(get_kind(kind), filled)
    assert apply_defaults(get_kind(kind), stripped) == filled
    assert strip_defaults(get_kind(kind), stripped) == stripped
    assert "vlanNamespaces" not in stripped or stripped["vlanNamespaces"] != ["default"]


def test_struct_with_very_many_fields_keeps_its_defaults() -> None:
    """To look for them would take the square of the number of fields."""
    many: dict[str, Json] = {f"x{number}": 1 for number in range(MAX_STRIPPED_FIELDS)}
    spec = many | {"vlanNamespaces": ["default"]}
    assert strip_defaults(get_kind("Switch"), spec) == spec
    assert "vlanNamespaces" not in strip_defaults(get_kind("Switch"), dict(list(spec.items())[2:]))
