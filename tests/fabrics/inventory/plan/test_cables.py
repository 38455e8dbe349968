"""Connections of every type: cables, LAGs, addresses and external ports."""

import pytest

from fabrics.inventory.model.dcim import Cable, Interface
from fabrics.inventory.model.ipam import IPAddress
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE
from fabrics.resources.resource import Resource, resource_from_api
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import (
    cabled,
    connection,
    keys,
    one,
    plan,
    server,
    skipped,
    switch,
)

SWITCHES = [switch(f"leaf-0{n}") for n in (1, 2)]
DEVICES = [*SWITCHES, switch("spine-01", role="spine"), server("server-1"), live("Gateway", "gw-1")]
LEAF, OTHER, SERVER = "Switch/default/leaf-01", "Switch/default/leaf-02", "Server/default/server-1"


def bundle(kind: str, name: str = "a", **body: Json) -> Resource:
    """Return a connection with two links: to both leaves, or to one if `bundled`."""
    second = "leaf-01/E1/2" if kind == "bundled" else "leaf-02/E1/1"
    return connection(
        name,
        kind,
        {"server": "server-1/enp2s1", "switch": "leaf-01/E1/1"},
        {"server": "server-1/enp2s2", "switch": second},
        **body,
    )


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("unbundled", {"server": "server-1/e1", "switch": "leaf-01/E1/1"}),
        ("fabric", {"spine": "spine-01/E1/1", "leaf": "leaf-01/E1/1"}),
        ("mesh", {"leaf1": "leaf-01/E1/1", "leaf2": "leaf-02/E1/1"}),
        ("gateway", {"switch": "spine-01/E1/1", "gateway": "gw-1/e1"}),
        ("vpcLoopback", {"switch1": "leaf-01/E1/1", "switch2": "leaf-01/E1/2"}),
    ],
)
def test_every_link_becomes_a_cable(kind: str, ends: dict[str, str]) -> None:
    made = plan(*DEVICES, connection("a", kind, ends))
    part = "" if kind == "unbundled" else f"#{next(iter(ends.values()))}"
    ports = [(port.partition("/")[0], port.partition("/")[2]) for port in ends.values()]
    assert cabled(made) == {f"Connection/default/a{part}": frozenset(ports)}
    assert one(made, Cable, f"Connection/default/a{part}").label == "a"
    interfaces = [
        one(made, Interface, end.key) for end in one(made, Cable, keys(made, Cable)[0]).terminations
    ]
    default_mtu = 9100 if kind in ("fabric", "mesh", "gateway") else None
    assert [(port.lag, port.mtu) for port in interfaces] == [(None, default_mtu)] * 2
    assert skipped(made) == {}


def test_mclag_domain_cables_are_described_by_their_purpose() -> None:
    def link(port: str) -> Json:
        return {f"switch{n}": {"port": f"leaf-0{n}/{port}"} for n in (1, 2)}

    body: Json = {"peerLinks": [link("E1/1"), link("E1/2")], "sessionLinks": [link("E1/3")]}
    made = plan(*DEVICES, live("Connection", "a", {"mclagDomain": body}))
    purposes = {cable.key: cable.description for cable in made.objects if isinstance(cable, Cable)}
    assert purposes == {
        "Connection/default/a#leaf-01/E1/1": "peer link",
        "Connection/default/a#leaf-01/E1/2": "peer link",
        "Connection/default/a#leaf-01/E1/3": "session link",
    }


@pytest.mark.parametrize("kind", ["bundled", "mclag", "eslag"])
def test_bundled_links_become_lags_on_both_sides(kind: str) -> None:
    made = plan(*DEVICES, bundle(kind, mtu=9036))
    lags = {
        lag.key: lag for lag in made.objects if isinstance(lag, Interface) and lag.type == "lag"
    }
    expected = {f"{LEAF}#lag:E1/1", f"{SERVER}#lag:enp2s1"}
    assert lags.keys() == (expected if kind == "bundled" else {*expected, f"{OTHER}#lag:E1/1"})
    assert {lag.name for lag in lags.values()} == {"a"}
    for lag in lags.values():
        on_switch = lag.device.key.startswith("Switch")
        assert lag.mtu == (9036 if on_switch else None)
    members = {
        port.key: port.lag.key for port in made.objects if isinstance(port, Interface) and port.lag
    }
    second = f"{LEAF}#E1/2" if kind == "bundled" else f"{OTHER}#E1/1"
    assert members == {
        f"{SERVER}#enp2s1": f"{SERVER}#lag:enp2s1",
        f"{SERVER}#enp2s2": f"{SERVER}#lag:enp2s1",
        f"{LEAF}#E1/1": f"{LEAF}#lag:E1/1",
        second: f"{LEAF}#lag:E1/1" if kind == "bundled" else f"{OTHER}#lag:E1/1",
    }
    assert len(cabled(made)) == 2


def test_renamed_bundle_keeps_the_keys_of_its_lags() -> None:
    before, after = plan(*DEVICES, bundle("eslag", "a")), plan(*DEVICES, bundle("eslag", "b" * 80))
    assert keys(before, Interface) == keys(after, Interface)
    name = one(after, Interface, f"{LEAF}#lag:E1/1").name
    assert len(name) == 64
    assert name.startswith("bbb")


def test_plan_does_not_depend_on_the_order_of_links() -> None:
    links = [{"spine": f"spine-01/E1/{n}", "leaf": f"leaf-01/E1/{n}"} for n in (1, 2, 10)]
    forward, backward = (
        plan(*DEVICES, connection("a", "fabric", *order)) for order in (links, links[::-1])
    )
    assert forward == backward
    assert keys(forward, Cable)[0] == "Connection/default/a#spine-01/E1/1"


def test_both_ends_of_a_link_get_their_addresses_and_mtus() -> None:
    link: Json = {
        "switch": {"port": "spine-01/E1/1", "ip": "172.30.128.24/31"},
        "gateway": {"port": "gw-1/e1", "ip": "172.30.128.25/31"},
    }
    interface: Json = {"ips": ["172.30.128.25/31"], "mtu": 9000}
    gateway = live("Gateway", "gw-1", {"interfaces": {"e1": interface}})
    made = plan(DEVICES[2], gateway, live("Connection", "a", {"gateway": {"links": [link]}}))
    addresses = {
        address.key: str(address.address)
        for address in made.objects
        if isinstance(address, IPAddress)
    }
    assert addresses == {
        "Gateway/default/gw-1#e1": "172.30.128.25/31",
        "Switch/default/spine-01#E1/1": "172.30.128.24/31",
    }
    assert {key: one(made, Interface, key).mtu for key in addresses} == {
        "Gateway/default/gw-1#e1": 9000,
        "Switch/default/spine-01#E1/1": 9100,
    }
    assert skipped(made) == {}


def test_external_connection_marks_its_port_as_connected() -> None:
    made = plan(*DEVICES, connection("a", "external", {"switch": "leaf-01/E1/1"}))
    port = one(made, Interface, f"{LEAF}#E1/1")
    assert (port.mark_connected, port.details) == (True, {"connection": "a"})
    assert cabled(made) == {}


@pytest.mark.parametrize(("vlan", "key"), [(30, "Connection/default/a#vlan"), (0, f"{LEAF}#E1/1")])
def test_static_external_has_its_address_in_its_vpc(vlan: int, key: str) -> None:
    end: dict[str, Json] = {
        "port": "leaf-01/E1/1",
        "ip": "203.0.113.2/30",
        "nextHop": "203.0.113.1",
        "subnets": ["192.0.2.0/24"],
        "vlan": vlan,
    }
    vpc = live("VPC", "prod")
    for within in ("prod", ""):
        body: Json = {"link": {"switch": end}, "withinVPC": within}
        made = plan(*DEVICES, vpc, live("Connection", "a", {"staticExternal": body}))
        vrf = "VPC/default/prod" if within else "Fabric/default/dc1#underlay"
        address, port = one(made, IPAddress, key), one(made, Interface, key)
        assert (address.vrf.key, str(address.address)) == (vrf, "203.0.113.2/30")
        assert (port.vrf.key if port.vrf else "") == ("VPC/default/prod" if within else "")
        details = {"nextHop": "203.0.113.1", "subnets": ["192.0.2.0/24"]}
        assert port.details == (details if vlan else {"connection": "a", **details})
        assert port.name == ("E1/1.30" if vlan else "E1/1")
        assert one(made, Interface, f"{LEAF}#E1/1").mark_connected
    body = {"link": {"switch": end}, "withinVPC": "nowhere"}
    made = plan(*DEVICES, vpc, live("Connection", "a", {"staticExternal": body}))
    assert skipped(made) == {
        "Connection/default/a": "refers to the VPC nowhere, which does not exist"
    }


def test_link_to_a_missing_switch_is_skipped_alone() -> None:
    made = plan(
        *DEVICES,
        connection(
            "a",
            "eslag",
            {"server": "server-1/enp2s1", "switch": "leaf-01/E1/1"},
            {"server": "server-1/enp2s2", "switch": "leaf-09/E1/1"},
        ),
    )
    assert skipped(made) == {
        "Connection/default/a#server-1/enp2s2": "refers to the Switch leaf-09, which does not exist"
    }
    assert list(cabled(made)) == ["Connection/default/a#server-1/enp2s1"]
    assert one(made, Interface, f"{SERVER}#enp2s1").lag is not None
    assert one(made, Interface, f"{SERVER}#enp2s2").lag is None


def test_port_accepts_only_one_cable_or_external_connection() -> None:
    made = plan(
        *DEVICES,
        connection("a", "unbundled", {"server": "server-1/e1", "switch": "leaf-01/E1/1"}),
        connection("b", "unbundled", {"server": "server-1/e2", "switch": "leaf-01/E1/1/1"}),
        connection("c", "external", {"switch": "leaf-01/E1/1"}),
        connection("d", "mesh", {"leaf1": "leaf-01/E1/2", "leaf2": "leaf-01/E1/2"}),
        connection("e", "external", {"switch": "leaf-01/E1/3"}),
        connection("f", "external", {"switch": "leaf-01/E1/3"}),
        live("External", "isp"),
        live("ExternalAttachment", "g", {"external": "isp", "connection": "f"}),
    )
    assert list(cabled(made)) == ["Connection/default/a"]
    conflict = f"needs the cable of {LEAF}#E1/1, which Connection/default/a already uses"
    assert skipped(made) == {
        "Connection/default/b": conflict,
        "Connection/default/c": conflict,
        "Connection/default/d#leaf-01/E1/2": "would connect a port to itself",
        "Connection/default/f": f"needs {LEAF}#E1/3, which the Connection e already uses",
        "ExternalAttachment/default/g": "refers to the Connection f, which has no switch port",
    }
    assert not one(made, Interface, f"{LEAF}#E1/1").mark_connected


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"quantum": {"links": []}}, "has the unknown type quantum"),
        (
            {"quantum": {"links": 5}, "topology": {"fabric": "default"}, "paused": True},
            "has the unknown type quantum",
        ),
        ({}, "spec: does not have exactly one connection type"),
        ({"topology": {"fabric": "a"}}, "spec: does not have exactly one connection type"),
        ({"string": {}, "quantum": {}, "w": {}}, "has the unknown type quantum or string"),
        ({"fabric": {}, "mesh": {}}, "spec: does not have exactly one connection type"),
        (
            {"unbundled": {"link": {"server": {"port": "server-1/e1"}}}},
            "spec.unbundled.link.switch: field required",
        ),
        (
            {"external": {"link": {"switch": {"port": "leaf-01"}}}},
            "spec.external.link.switch.port: is 'leaf-01', not device/port",
        ),
    ],
)
def test_invalid_connection_is_skipped(spec: Json, reason: str) -> None:
    made = plan(*DEVICES, live("Connection", "a", spec))
    assert skipped(made) == {"Connection/default/a": reason}
    assert made.incomplete == {"Connection/default/a"}
    assert cabled(made) == {}


LINK: dict[str, Json] = {"spine": {"port": "spine-01/E1/1"}, "leaf": {"port": "leaf-01/E1/1"}}


@pytest.mark.parametrize(
    "spec",
    [
        {"fabric": {"links": [LINK]}, "topology": {"fabric": "default"}},
        {"fabric": {"links": [LINK]}, "paused": True, "names": ["a"], "shape": {"links": []}},
        {"fabric": {"links": [LINK], "optics": {"kind": "dac"}}},
        {"fabric": {"links": [{**LINK, "label": "a", "patchPanel": {"port": "p-1/7"}}]}},
        {"fabric": {"links": [{**LINK, "leaf": {"port": "leaf-01/E1/1", "mode": "auto"}}]}},
    ],
)
def test_unknown_part_of_a_connection_is_ignored(spec: dict[str, Json]) -> None:
    made = plan(*DEVICES, live("Connection", "a", spec))
    assert made == plan(*DEVICES, live("Connection", "a", {"fabric": {"links": [LINK]}}))
    assert len(cabled(made)) == 1
    assert skipped(made) == {}


def test_invalid_part_of_a_connection_is_skipped_alone() -> None:
    second: dict[str, Json] = {
        "spine": {"port": "spine-01/E1/2", "ip": "fd00::/127"},
        "leaf": {"port": "leaf-01/E1/2", "ip": "172.30.128.3/31"},
    }
    links: list[Json] = [LINK, {"spine": {"port": "spine-01/E1/9"}}, second]
    made = plan(*DEVICES, live("Connection", "a", {"fabric": {"links": links}}))
    assert list(cabled(made)) == [f"Connection/default/a#spine-01/E1/{n}" for n in (1, 2)]
    assert keys(made, IPAddress) == [f"{LEAF}#E1/2"]
    assert len(skipped(made)) == 2
    assert "Connection/default/a" in made.incomplete


def test_nothing_is_known_to_be_missing_from_what_cannot_be_read() -> None:
    ports: Json = {"ports": {"E1/1": {}}}
    profile = resource_from_api({"metadata": {"name": "unknown"}, "spec": ports}, SWITCH_PROFILE)
    attached: Json = {"connection": "a", "subnet": "v/gone"}
    outside: Json = {"connection": "a", "external": "isp"}
    made = plan(
        live("Switch", "leaf-01", {"role": "server-leaf", "asn": "x"}),
        profile,
        server("server-1"),
        live("Connection", "a", {"quantum": {"links": []}}),
        connection("b", "unbundled", {"server": "server-1/e1", "switch": "leaf-01/E1/7"}),
        live("External", "isp"),
        live("VPCAttachment", "c", attached),
        live("ExternalAttachment", "d", outside),
    )
    missing = {
        "Connection/default/b": "refers to the port leaf-01/E1/7, which cannot be read",
        "VPCAttachment/default/c": "refers to the Connection a, whose type is unknown",
        "ExternalAttachment/default/d": "refers to the Connection a, whose type is unknown",
    }
    assert skipped(made).items() >= missing.items()
    assert made.incomplete >= missing.keys()
