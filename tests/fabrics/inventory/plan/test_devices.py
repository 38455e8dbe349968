"""Switches, servers and gateways as devices: what they are, their interfaces, their addresses."""

from ipaddress import IPv4Interface

from fabrics.inventory.model.dcim import (
    Cable,
    Device,
    DeviceRole,
    DeviceType,
    Interface,
    MACAddress,
    Manufacturer,
    Platform,
    Site,
)
from fabrics.inventory.model.ipam import VRF, IPAddress
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model, Ref
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE
from fabrics.resources.resource import Resource, resource_from_api
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import connection, keys, one, plan, server, skipped, switch

PORTS: dict[str, Json] = {
    "M1": {"management": True},
    "E1/1": {"group": "1"},
    "E1/2": {"group": "1"},
    "E1/3": {"profile": "QSFP28-100G"},
    "E1/4": {"profile": "OSFP-2x400G"},
    "E1/5": {"profile": "RJ45-2.5G"},
    "E1/6": {"profile": "QSFP28-100G"},
}


def profile(name: str, display: str = "Celestica DS3000") -> Resource:
    """A switch profile with one port of each sort."""
    spec: dict[str, Json] = {
        "displayName": display,
        "nosType": "sonic-bcm-base",
        "ports": PORTS,
        "portGroups": {"1": {"profile": "SFP28-25G"}},
        "portProfiles": {
            "SFP28-25G": {"speed": {"default": "25G", "supported": ["10G", "25G"]}},
            "QSFP28-100G": {"breakout": {"default": "1x100G"}},
            "OSFP-2x400G": {"breakout": {"default": "2x400G"}},
            "RJ45-2.5G": {"speed": {"default": "2.5G"}},
        },
    }
    return resource_from_api({"metadata": {"name": name}, "spec": spec}, SWITCH_PROFILE)


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


def test_a_switch_is_a_device_with_what_it_states() -> None:
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
    assert device.create_only_fields == {"oob_ip", "platform"}
    assert one(made, Site, "Fabric/default/dc1#site").name == "DC 1"
    assert one(made, DeviceRole, "hh-server-leaf").name == "Hedgehog server leaf"
    assert one(made, Manufacturer, "hedgehog").name == "Hedgehog"
    assert skipped(made) == {}


def test_a_switch_has_a_management_port_and_loopbacks() -> None:
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


def test_a_switch_without_numbers_has_none() -> None:
    made = plan(switch("leaf-01", boot={}, redundancy={}))
    device = one(made, Device, "Switch/default/leaf-01")
    assert (device.primary_ip4, device.serial, device.details) == (None, "", {})
    assert device.create_only_fields == {
        "description",
        "oob_ip",
        "platform",
        "primary_ip4",
        "serial",
    }
    assert keys(made, Interface) == ["Switch/default/leaf-01#M1"]
    assert keys(made, IPAddress) == keys(made, MACAddress) == []


def test_the_pair_of_an_mclag_shares_its_vtep_and_no_others_do() -> None:
    shared: dict[str, Json] = {"vtepIP": "172.30.12.0/32"}
    mclag: dict[str, Json] = {"redundancy": {"type": "mclag", "group": "a"}, **shared}
    pair = plan(switch("leaf-01", **mclag), switch("leaf-02", **mclag))
    assert keys(pair, IPAddress) == [f"Switch/default/leaf-0{n}#Loopback2" for n in (1, 2)]
    assert {each.role for each in pair.objects if isinstance(each, IPAddress)} == {"anycast"}
    others = plan(switch("leaf-01", **mclag), switch("leaf-02", **shared))
    assert keys(others, IPAddress) == ["Switch/default/leaf-01#Loopback2"]
    assert list(skipped(others)) == ["Switch/default/leaf-02#Loopback2"]


def test_a_profile_tells_ports_types_and_platform() -> None:
    made = plan(
        profile("celestica-ds3000"),
        switch(
            "leaf-01",
            profile="celestica-ds3000",
            portGroupSpeeds={"1": "SPEED_10G"},
            portSpeeds={"E1/2/1": "1G"},
            portBreakouts={"E1/3": "4x25G", "E1/6": "1x40G"},
        ),
    )
    ports = {
        each.name: (each.type, each.speed, each.mgmt_only)
        for each in made.objects
        if isinstance(each, Interface)
    }
    assert ports == {
        "E1/1": ("25gbase-x-sfp28", 10_000_000, False),
        "E1/2": ("25gbase-x-sfp28", 1_000_000, False),
        **{f"E1/3/{n}": ("25gbase-x-sfp28", 25_000_000, False) for n in (1, 2, 3, 4)},
        **{f"E1/4/{n}": ("400gbase-x-osfp", 400_000_000, False) for n in (1, 2)},
        "E1/5": ("2.5gbase-t", 2_500_000, False),
        "E1/6": ("100gbase-x-qsfp28", 40_000_000, False),
        "M1": ("other", None, True),
    }
    device = one(made, Device, "Switch/default/leaf-01")
    assert one(made, Platform, "sonic-bcm-base").ref == device.platform
    kind = one(made, DeviceType, "celestica-ds3000")
    assert (kind.model, kind.manufacturer.key) == ("Celestica DS3000", "celestica")


def test_the_same_hardware_is_the_same_type_whatever_runs_on_it() -> None:
    names = ("celestica-ds3000", "celestica-ds3000-clsp")
    made = plan(
        *map(profile, names),
        *(switch(f"leaf-0{n}", profile=name) for n, name in enumerate(names)),
    )
    types = {each.device_type.key for each in made.objects if isinstance(each, Device)}
    assert types == {"celestica-ds3000"}
    assert skipped(made) == {}


def test_without_a_profile_breakouts_and_connections_tell_the_ports() -> None:
    made = plan(
        switch("leaf-01", portBreakouts={"E1/5": "4x25G", "E1/6": "1x100G"}),
        server("server-1"),
        connection("a", "unbundled", {"server": "server-1/e1", "switch": "leaf-01/E1/5"}),
        connection("b", "unbundled", {"server": "server-1/e2", "switch": "leaf-01/E1/5/4"}),
        connection("c", "unbundled", {"server": "server-1/e3", "switch": "leaf-01/E1/6/1"}),
        connection("d", "unbundled", {"server": "server-1/e4", "switch": "leaf-01/E1/7/1"}),
        connection("e", "unbundled", {"server": "server-1/e5", "switch": "leaf-01/E1/7/2"}),
        connection("f", "unbundled", {"server": "server-1/e6", "switch": "leaf-01/E1/8"}),
    )
    ports = [key.partition("#")[2] for key in keys(made, Interface) if key.startswith("Switch")]
    assert ports == [
        "E1/5",
        *(f"E1/5/{n}" for n in (2, 3, 4)),
        "E1/6",
        "E1/7",
        "E1/7/2",
        "E1/8",
        "M1",
    ]
    first, second = (one(made, Interface, f"Switch/default/leaf-01#E1/{n}") for n in (5, 7))
    assert (first.name, first.speed, second.name) == ("E1/5/1", 25_000_000, "E1/7/1")
    assert one(made, Interface, "Switch/default/leaf-01#E1/8").create_only_fields >= {
        "type",
        "speed",
        "mtu",
    }
    assert skipped(made) == {}


def test_ports_that_a_switch_does_not_have_are_not_made_up() -> None:
    made = plan(
        profile("celestica-ds3000"),
        switch("leaf-01", profile="celestica-ds3000", portBreakouts={"E1/3": "2x50G"}),
        server("server-1"),
        connection("a", "unbundled", {"server": "server-1/e1", "switch": "leaf-01/E1/3/2"}),
        connection("b", "unbundled", {"server": "server-1/e2", "switch": "leaf-01/E1/3/3"}),
        connection("c", "unbundled", {"server": "server-1/e3", "switch": "leaf-01/E1/99"}),
    )
    assert keys(made, Cable) == ["Connection/default/a"]
    assert skipped(made) == {
        "Connection/default/b": "names the port leaf-01/E1/3/3, which is not there",
        "Connection/default/c": "names the port leaf-01/E1/99, which is not there",
    }


def test_servers_have_the_ports_of_their_connections_and_a_type_that_people_may_change() -> None:
    made = plan(
        switch("leaf-01"),
        live("Server", "server-1", {"description": "rack 3"}),
        server("server-2"),
        connection("a", "unbundled", {"server": "server-1/enp2s1", "switch": "leaf-01/E1/1"}),
    )
    device = one(made, Device, "Server/default/server-1")
    assert (device.role.key, device.description) == ("hh-server", "rack 3")
    assert device.create_only_fields == {
        "device_type",
        "oob_ip",
        "platform",
        "primary_ip4",
        "serial",
    }
    assert "Server/default/server-1#enp2s1" in keys(made, Interface)
    assert not [key for key in keys(made, Interface) if key.startswith("Server/default/server-2")]


def test_a_gateway_has_its_interfaces_loopback_and_vtep() -> None:
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
    mtus = {each.name: each.mtu for each in made.objects if isinstance(each, Interface)}
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


def test_names_tell_fabrics_apart_in_a_shared_site() -> None:
    shared = FabricIdentity("dc1", "DC 1", shared_site="berlin")
    made = plan(switch("leaf-01"), server("s" * 80), fabric=shared)
    leaf = one(made, Device, "Switch/default/leaf-01")
    assert (leaf.name, leaf.site) == ("dc1-leaf-01", Ref(Model.SITE, "berlin"))
    long = one(made, Device, f"Server/default/{'s' * 80}").name
    assert len(long) == 64
    assert long.startswith("dc1-ssss")
    assert keys(made, Site) == []


def test_two_devices_of_one_name_are_not_both_shown() -> None:
    made = plan(
        switch("one"),
        server("one"),
        connection("a", "unbundled", {"server": "one/e1", "switch": "one/E1/1"}),
    )
    assert keys(made, Device) == ["Switch/default/one"]
    assert skipped(made) == {
        "Server/default/one": "needs the name one in Fabric/default/dc1#site,"
        " which Switch/default/one has",
        "Connection/default/a": "names the Server one, which is not there",
    }


def test_an_address_that_no_host_can_have_is_left_out() -> None:
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
