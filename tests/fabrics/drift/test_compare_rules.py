"""What webhooks never change is drift: markers, tri-states, maps and order."""

import pytest

from fabrics.resources.json_types import Json
from tests.support.fabrics.hydrated_specs import FLAP, GATEWAY, PEER, SUBNET, peering_with, vpc_with
from tests.support.fabrics.objects import compared, paths

DRIFT: dict[str, tuple[str, str, Json, list[str]]] = {
    "another peer, although its entry is empty": (
        "VPCPeering",
        "{permit: [{vpc-1: {}, vpc-2: {}}]}",
        {"permit": [{"vpc-1": {}, "vpc-3": {}}]},
        ["spec.permit[0].vpc-2", "spec.permit[0].vpc-3"],
    ),
    "an explicit false where a subnet may inherit": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, isolated: false}}}",
        vpc_with(),
        ["spec.subnets.a.isolated"],
    ),
    "a live false that Git leaves to the VPC": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001}}}",
        vpc_with(restricted=False),
        ["spec.subnets.a.restricted"],
    ),
    "link flap protection that is off": (
        "Switch",
        "{linkFlapErrDisable: {}}",
        {"vlanNamespaces": ["default"]},
        ["spec.linkFlapErrDisable"],
    ),
    "ports that never recover (0) against the default": (
        "Switch",
        "{linkFlapErrDisable: {recoveryInterval: 0}}",
        {"linkFlapErrDisable": FLAP, "vlanNamespaces": ["default"]},
        ["spec.linkFlapErrDisable.recoveryInterval"],
    ),
    "auto-negotiation off is not auto-negotiation unset": (
        "Switch",
        "{portAutoNegs: {E1/1: false}}",
        {"vlanNamespaces": ["default"]},
        ['spec.portAutoNegs["E1/1"]'],
    ),
    "ICMP type 0 is echo reply, not any": (
        "ExternalAttachment",
        "{inboundACL: {statements: [{seq: 1, icmpType: 0, icmpCode: 0}]}}",
        {"inboundACL": {"statements": [{"seq": 1}]}, "switch": {}, "neighbor": {}},
        ["spec.inboundACL.statements[0].icmpCode", "spec.inboundACL.statements[0].icmpType"],
    ),
    "an empty access list denies, none allows": (
        "ExternalAttachment",
        "{inboundACL: {}}",
        {"switch": {}, "neighbor": {}},
        ["spec.inboundACL"],
    ),
    "TCP filters without any flag": (
        "ExternalAttachment",
        "{inboundACL: {statements: [{seq: 1, tcpFilters: {}}]}}",
        {"inboundACL": {"statements": [{"seq": 1}]}},
        ["spec.inboundACL.statements[0].tcpFilters"],
    ),
    "static NAT is a marker without fields": (
        "GatewayPeering",
        "{peering: {vpc-1: {expose: [{nat: {static: {}}}]}, vpc-2: {}}}",
        peering_with(nat={}),
        ["spec.peering.vpc-1.expose[0].nat.static"],
    ),
    "an interface of a gateway is a map entry": (
        "Gateway",
        "{interfaces: {eth0: {}, eth1: {}}}",
        GATEWAY | {"interfaces": {"eth0": {}}},
        ["spec.interfaces.eth1"],
    ),
    "a static lease of the same address for another host": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001, "
        "dhcp: {static: {'0c:20:12:ff:00:00': {ip: 10.0.1.5}}}}}}",
        vpc_with(dhcp={"static": {"0c:20:12:ff:00:01": {"ip": "10.0.1.5"}}}),
        [
            'spec.subnets.a.dhcp.static["0c:20:12:ff:00:00"]',
            'spec.subnets.a.dhcp.static["0c:20:12:ff:00:01"]',
        ],
    ),
    "a default that the cluster lost": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001}}}",
        {"vlanNamespace": "default", "subnets": {"a": SUBNET}},
        ["spec.ipv4Namespace"],
    ),
    "the order of permits": (
        "VPC",
        "{subnets: {}, permit: [[a, b], [c, d]]}",
        {
            "ipv4Namespace": "default",
            "vlanNamespace": "default",
            "permit": [["c", "d"], ["a", "b"]],
        },
        ["spec.permit[0]", "spec.permit[1]"],
    ),
    "an access rule inserted before another": (
        "GatewayPeering",
        "{peering: {v: {}, w: {}}, acl: {rules: [{name: a, action: deny}, {name: b, action: deny}]}}",
        PEER
        | {
            "peering": {"v": {}, "w": {}},
            "acl": {
                "default": "deny-unless-exposed",
                "rules": [
                    {"name": name, "action": "deny", "scope": "flow"} for name in ("a", "new", "b")
                ],
            },
        },
        ["spec.acl.rules[1]"],
    ),
    "an address that Git states": (
        "Connection",
        "{fabric: {links: [{spine: {port: s/E1/1, ip: 172.30.128.0/31}, leaf: {port: l/E1/1}}]}}",
        {
            "fabric": {
                "links": [
                    {
                        "spine": {"port": "s/E1/1", "ip": "172.30.128.2/31"},
                        "leaf": {"port": "l/E1/1", "ip": "172.30.128.3/31"},
                    }
                ]
            }
        },
        ["spec.fabric.links[l/E1/1, s/E1/1].spine.ip"],
    ),
    "a link on another port": (
        "Connection",
        "{bundled: {links: [{server: {port: s/a}, switch: {port: l/E1/1}}]}}",
        {"bundled": {"links": [{"server": {"port": "s/a"}, "switch": {"port": "l/E1/2"}}]}},
        ["spec.bundled.links[s/a, l/E1/1]", "spec.bundled.links[s/a, l/E1/2]"],
    ),
    "second lanes are other ports": (
        "Connection",
        "{unbundled: {link: {switch: {port: leaf/E1/1/2}}}}",
        {"unbundled": {"link": {"switch": {"port": "leaf/E1/1"}}}},
        ["spec.unbundled.link.switch.port"],
    ),
    "a VLAN stated as text": (
        "VPC",
        "{subnets: {a: {subnet: 10.0.1.0/24, vlan: '1001'}}}",
        vpc_with(),
        ["spec.subnets.a.vlan"],
    ),
    "1 is not true": ("Server", "{profile: 1}", {"profile": True}, ["spec.profile"]),
    "an unknown field that Git states": (
        "Server",
        "{description: x, rack: {unit: 0}}",
        {"description": "x", "rack": {}},
        ["spec.rack.unit"],
    ),
    "BFD with its defaults is not BFD switched off": (
        "ExternalAttachment",
        "{bfd: {}}",
        {"switch": {}, "neighbor": {}},
        ["spec.bfd"],
    ),
    "a live timer of BFD": (
        "ExternalAttachment",
        "{bfd: {}}",
        {"bfd": {"minRX": 300}},
        ["spec.bfd.minRX"],
    ),
    "the AS number of an external": (
        "External",
        "{localASN: 64911}",
        {"ipv4Namespace": "default", "localASN": 64912},
        ["spec.localASN"],
    ),
    "a fabric that Git states": (
        "Connection",
        "{topology: {fabric: a}}",
        {"topology": {"fabric": "b"}},
        ["spec.topology.fabric"],
    ),
    "domains that Git states": (
        "Switch",
        "{topology: {domains: [a, b]}}",
        {"vlanNamespaces": ["default"], "topology": {"fabric": "b", "domains": ["a", "c"]}},
        ["spec.topology.domains"],
    ),
    "a domain of a fabric": (
        "Fabric",
        "{leafASNStart: 1, domains: {a: {spineASN: 2}, b: {}}}",
        {"leafASNStart": 1, "domains": {"a": {"spineASN": 3}}},
        ["spec.domains.a.spineASN", "spec.domains.b"],
    ),
    "a VLAN of an interconnect": (
        "VPCInterconnect",
        "{links: [{connection: c, vlan: 100}], local: {v: {subnets: [a]}}}",
        {
            "ipv4Namespace": "default",
            "links": [{"connection": "c", "vlan": 101}],
            "local": {"v": {"subnets": ["a", "b"]}},
        },
        ["spec.links[c, 100]", "spec.links[c, 101]", "spec.local.v.subnets"],
    ),
    "a struct where a text belongs": (
        "Switch",
        "{boot: x}",
        {"boot": {"mac": "0c:20:12:ff:00:00"}, "vlanNamespaces": ["default"]},
        ["spec.boot"],
    ),
}


@pytest.mark.parametrize("rule", DRIFT)
def test_other_changes_are_drift(rule: str) -> None:
    kind, git, cluster, expected = DRIFT[rule]
    assert paths(compared(kind, git, cluster)) == expected


def test_hydrated_fields_that_git_does_not_set_are_unmanaged() -> None:
    drift = compared(
        "Gateway",
        "{interfaces: {eth0: {}}}",
        GATEWAY
        | {
            "asn": 65534,
            "neighbors": [{"ip": "172.30.128.1"}],
            "interfaces": {"eth0": {"ips": ["172.30.128.0/31"], "mtu": 9036}},
        },
    )
    assert drift.entries == ()
    assert {field.path: field.live for field in drift.unmanaged} == {
        "spec.asn": 65534,
        "spec.interfaces.eth0.ips": ["172.30.128.0/31"],
        "spec.interfaces.eth0.mtu": 9036,
        "spec.neighbors": [{"ip": "172.30.128.1"}],
    }


NO_DRIFT: dict[str, tuple[str, str, Json]] = {
    "topology that the installer fills in": (
        "VPC",
        "{}",
        {
            "ipv4Namespace": "default",
            "vlanNamespace": "default",
            "topology": {"fabric": "default", "domains": ["default"]},
        },
    ),
    "the part of a topology that Git leaves open": (
        "External",
        "{topology: {fabric: b}}",
        {"ipv4Namespace": "default", "topology": {"fabric": "b", "domain": "default"}},
    ),
    "domains in another order": (
        "Switch",
        "{topology: {domains: [b, a]}}",
        {"vlanNamespaces": ["default"], "topology": {"fabric": "b", "domains": ["a", "b"]}},
    ),
    "an interconnect with what its webhook fills in and sorts": (
        "VPCInterconnect",
        "{links: [{connection: b, vlan: 1, bfd: {}}, {connection: a, vlan: 1}],"
        " local: {v: {subnets: [b, a]}}, remote: {prefixes: [10.0.0.0/8, 0.0.0.0/0]}}",
        {
            "ipv4Namespace": "default",
            "topology": {"fabric": "default", "domain": "default"},
            "links": [{"connection": "b", "vlan": 1, "bfd": {}}, {"connection": "a", "vlan": 1}],
            "local": {"v": {"subnets": ["a", "b"]}},
            "remote": {"prefixes": ["0.0.0.0/0", "10.0.0.0/8"]},
        },
    ),
    "a fabric whose BFD is not switched off": (
        "Fabric",
        "{leafASNStart: 1, disableBFD: false}",
        {"leafASNStart": 1},
    ),
}


@pytest.mark.parametrize("rule", NO_DRIFT)
def test_what_the_next_release_fills_in_is_no_drift(rule: str) -> None:
    drift = compared(*NO_DRIFT[rule])
    assert drift.entries == ()
    assert drift.unknown_fields == ()


UNKNOWN_FIELDS: dict[str, tuple[str, str, Json, list[str]]] = {
    "in a spec": ("Server", "{}", {"rack": {"unit": 3}}, ["spec.rack"]),
    "beside fields of a mapping that Git states": (
        "Server",
        "{rack: {row: {name: a}}}",
        {"rack": {"unit": 3, "row": {"name": "a", "side": "b"}}},
        ["spec.rack.row.side", "spec.rack.unit"],
    ),
    "in a topology": (
        "Connection",
        "{}",
        {"topology": {"fabric": "default", "pod": "p"}},
        ["spec.topology.pod"],
    ),
    "in each element of a list, of which two are alike": (
        "GatewayPeering",
        "{acl: {rules: [{name: a}, {name: b}, {name: a}]}}",
        {
            "gatewayGroup": "default",
            "acl": {
                "default": "deny-unless-exposed",
                "rules": [
                    {"name": "a", "scope": "flow", "new": 1},
                    {"name": "b", "scope": "flow", "new": 1},
                    {"name": "a", "scope": "flow"},
                ],
            },
        },
        ["spec.acl.rules[0].new", "spec.acl.rules[1].new"],
    ),
    "in elements of a set, whose order it changes": (
        "VLANNamespace",
        "{ranges: [{from: 1, to: 2}, {from: 3, to: 4}]}",
        {"ranges": [{"from": 3, "to": 4, "a": 1}, {"from": 1, "to": 2, "z": {"b": 1}}]},
        ["spec.ranges[0].z", "spec.ranges[1].a"],
    ),
    "in a link, although it looks like an end": (
        "Connection",
        "{bundled: {links: [{server: {port: s/a}, switch: {port: l/E1/1}}]}}",
        {
            "bundled": {
                "links": [
                    {"server": {"port": "s/a"}, "switch": {"port": "l/E1/1"}, "a": {"port": "x"}}
                ]
            }
        },
        ["spec.bundled.links[s/a, l/E1/1].a"],
    ),
}


@pytest.mark.parametrize("place", UNKNOWN_FIELDS)
def test_live_field_that_is_not_known_hides_no_equality(place: str) -> None:
    kind, git, cluster, expected = UNKNOWN_FIELDS[place]
    drift = compared(kind, git, cluster)
    assert drift.entries == ()
    assert [field.path for field in drift.unknown_fields] == expected
