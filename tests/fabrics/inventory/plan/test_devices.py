"""Switches, servers and gateways as devices with interfaces and addresses."""

from ipaddress import IPv4Interface

from fabrics.inventory.model.dcim import (
    Device,
    DeviceRole,
    Interface,
    MACAddress,
    Manufacturer,
    Site,
)
from fabrics.inventory.model.ipam import VRF, IPAddress
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model, Ref
from fabrics.resources.json_types import Json
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import connection, keys, one, plan, server, skipped, switch

LEAF: dict[str, Json] = {
    "description": "VS-01\n ESLAG 1",
    "asn": 65101,
    "boot": {"serial": "CN01", "mac": "0c:20:12:ff:00:00"},
    "groups": ["eslag-1"],
    "ip": "172.30.0.7/21",
    "protocolIP": "172.30.8.2/32",
    "redundancy": {"group": "eslag-1", "type": "eslag"},
    "vtepIP": "172.30.12.0/32",
}


def test_switch_becomes_a_device_with_the_fields_of_its_spec() -> None:
    made = plan(switch("leaf-01", **LEAF))
    device = one(made, Device, "Switch/default/leaf-01")
    assert device == Device(
        key="Switch/default/leaf-01",
        name="leaf-01",
        site=Ref(Model.SITE, "Fabric/default/dc1#site"),
        role=Ref(Model.DEVICE_ROLE, "hh-server-leaf"),
        device_type=Ref(Model.DEVICE_TYPE, "vs"),
        serial="CN01",
        description="VS-01 ESLAG 1",
        primary_ip4=Ref(Model.IP_ADDRESS, "Switch/default/leaf-01#M1"),
        details={
            "asn": 65101,
            "groups": ["eslag-1"],
            "redundancy": {"type": "eslag", "group": "eslag-1"},
        },
    )
    assert device.create_only_fields == {"drift", "nos_version", "oob_ip", "platform"}
    assert one(made, Site, "Fabric/default/dc1#site").name == "DC 1"
    assert one(made, DeviceRole, "hh-server-leaf").name == "Hedgehog server leaf"
    assert one(made, Manufacturer, "hedgehog").name == "Hedgehog"
    assert skipped(made) == {}


def test_switch_has_a_management_port_and_loopbacks() -> None:
    made = plan(switch("leaf-01", **LEAF))
    assert keys(made, Interface) == [
        "Switch/default/leaf-01#Loopback1",
        "Switch/default/leaf-01#Loopback2",
        "Switch/default/leaf-01#M1",
    ]
    underlay = one(made, VRF, "Fabric/default/dc1#underlay")
    assert underlay.name == "dc1:underlay"
    for port, address, role in (
        ("M1", "172.30.0.7/21", None),
        ("Loopback1", "172.30.8.2/32", "loopback"),
        ("Loopback2", "172.30.12.0/32", "loopback"),
    ):
        ip = one(made, IPAddress, f"Switch/default/leaf-01#{port}")
        assert (ip.address, ip.role, ip.vrf) == (IPv4Interface(address), role, underlay.ref)
        assert ip.assigned_object == Ref(Model.INTERFACE, f"Switch/default/leaf-01#{port}")
    management = one(made, Interface, "Switch/default/leaf-01#M1")
    mac = one(made, MACAddress, "Switch/default/leaf-01#M1")
    assert management.mgmt_only
    assert mac.mac_address == "0C:20:12:FF:00:00"
    assert (mac.assigned_object, management.primary_mac_address) == (management.ref, mac.ref)


def test_switch_without_addresses_and_serial_leaves_them_empty() -> None:
    made = plan(switch("leaf-01", boot={}, redundancy={}))
    device = one(made, Device, "Switch/default/leaf-01")
    assert (device.primary_ip4, device.serial, device.details) == (None, "", {})
    assert device.create_only_fields == {
        "drift",
        "description",
        "nos_version",
        "oob_ip",
        "platform",
        "primary_ip4",
        "serial",
    }
    assert keys(made, Interface) == ["Switch/default/leaf-01#M1"]
    assert keys(made, IPAddress) == keys(made, MACAddress) == []


def test_only_an_mclag_pair_shares_its_vtep_address() -> None:
    shared: dict[str, Json] = {"vtepIP": "172.30.12.0/32"}
    mclag: dict[str, Json] = {"redundancy": {"type": "mclag", "group": "a"}, **shared}
    pair = plan(switch("leaf-01", **mclag), switch("leaf-02", **mclag))
    assert keys(pair, IPAddress) == [f"Switch/default/leaf-0{n}#Loopback2" for n in (1, 2)]
    assert {address.role for address in pair.objects if isinstance(address, IPAddress)} == {
        "anycast"
    }
    others = plan(switch("leaf-01", **mclag), switch("leaf-02", **shared))
    assert keys(others, IPAddress) == ["Switch/default/leaf-01#Loopback2"]
    assert list(skipped(others)) == ["Switch/default/leaf-02#Loopback2"]


def test_server_has_the_ports_of_its_connections_and_a_create_only_type() -> None:
    made = plan(
        switch("leaf-01"),
        live("Server", "server-1", {"description": "rack 3"}),
        server("server-2"),
        connection("a", "unbundled", {"server": "server-1/enp2s1", "switch": "leaf-01/E1/1"}),
    )
    device = one(made, Device, "Server/default/server-1")
    assert (device.role.key, device.description) == ("hh-server", "rack 3")
    assert device.create_only_fields == {
        "drift",
        "device_type",
        "nos_version",
        "oob_ip",
        "platform",
        "primary_ip4",
        "serial",
    }
    assert "Server/default/server-1#enp2s1" in keys(made, Interface)
    assert not [key for key in keys(made, Interface) if key.startswith("Server/default/server-2")]


def test_gateway_has_its_interfaces_loopback_and_vtep() -> None:
    spec: Json = {
        "asn": 65534,
        "groups": [{"name": "default", "priority": 2}],
        "interfaces": {"enp2s1": {"ips": ["172.30.128.25/31", "172.30.128.27/31"], "mtu": 9100}},
        "neighbors": [{"source": "enp2s1", "ip": "172.30.128.24", "asn": 65100}],
        "protocolIP": "172.30.8.8/32",
        "vtepIP": "172.30.12.6/32",
        "vtepMAC": "CA:FE:BA:BE:01:01",
        "vtepMTU": 9036,
    }
    made = plan(live("Gateway", "gateway-1", spec, namespace="fab"))
    device = one(made, Device, "Gateway/default/gateway-1")
    assert device.details == {
        "asn": 65534,
        "groups": [{"name": "default", "priority": 2}],
        "neighbors": [{"source": "enp2s1", "ip": "172.30.128.24", "asn": 65100}],
    }
    mtus = {
        interface.name: interface.mtu
        for interface in made.objects
        if isinstance(interface, Interface)
    }
    assert mtus == {"enp2s1": 9100, "lo": None, "vtep": 9036}
    assert keys(made, IPAddress) == [
        "Gateway/default/gateway-1#enp2s1",
        "Gateway/default/gateway-1#enp2s1/172.30.128.27/31",
        "Gateway/default/gateway-1#lo",
        "Gateway/default/gateway-1#vtep",
    ]
    assert (
        one(made, MACAddress, "Gateway/default/gateway-1#vtep").mac_address == "CA:FE:BA:BE:01:01"
    )


def test_device_names_carry_the_fabric_id_in_a_shared_site() -> None:
    shared = FabricIdentity("dc1", "DC 1", shared_site="berlin")
    made = plan(switch("leaf-01"), server("s" * 80), fabric=shared)
    leaf = one(made, Device, "Switch/default/leaf-01")
    assert (leaf.name, leaf.site) == ("dc1-leaf-01", Ref(Model.SITE, "berlin"))
    long = one(made, Device, f"Server/default/{'s' * 80}").name
    assert len(long) == 64
    assert long.startswith("dc1-ssss")
    assert keys(made, Site) == []


def test_second_device_of_one_name_is_skipped() -> None:
    made = plan(
        switch("one"),
        server("one"),
        connection("a", "unbundled", {"server": "one/e1", "switch": "one/E1/1"}),
    )
    assert keys(made, Device) == ["Switch/default/one"]
    assert skipped(made) == {
        "Server/default/one": "needs the name one in Fabric/default/dc1#site,"
        " which Switch/default/one already uses",
        "Connection/default/a": "refers to the Server one, which does not exist",
    }


def test_network_and_broadcast_addresses_are_skipped() -> None:
    made = plan(
        switch("leaf-01", ip="172.30.0.0/21", protocolIP="172.30.7.255/21", vtepIP="0.0.0.1/0")
    )
    assert keys(made, IPAddress) == []
    assert one(made, Device, "Switch/default/leaf-01").primary_ip4 is None
    assert sorted(skipped(made)) == [
        "Switch/default/leaf-01#Loopback1",
        "Switch/default/leaf-01#Loopback2",
        "Switch/default/leaf-01#M1",
    ]


def test_underlay_shows_the_asns_and_domains_of_fabrics() -> None:
    asns: Json = {"spineASN": 4200000090, "gatewayASN": 4200000091}
    stated: Json = {
        "leafASNStart": 4200000000,
        "leafASNEnd": 4200000080,
        "disableBFD": True,
        "domains": {"default": asns, "east": {}},
    }
    made = plan(
        live("Fabric", "default"),
        live("Fabric", "fabric-a", stated),
        live("Fabric", "fabric-b", {"leafASNStart": "x", "leafASNEnd": 65200}),
    )
    assert one(made, VRF, "Fabric/default/dc1#underlay").details == {
        "fabrics": {"fabric-a": stated, "fabric-b": {"leafASNEnd": 65200}}
    }
    assert list(skipped(made)) == ["Fabric/default/fabric-b#leafASNStart"]


def test_fabric_that_states_nothing_changes_nothing() -> None:
    assert plan(switch("leaf-01"), live("Fabric", "default")) == plan(switch("leaf-01"))
