"""The ports of switches, from profiles, breakouts and connections."""

from fabrics.inventory.model.dcim import Cable, Device, DeviceType, Interface, Platform
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import SWITCH_PROFILE
from fabrics.resources.resource import Resource, resource_from_api
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


def profile(name: str, display_name: str = "Celestica DS3000") -> Resource:
    """Return a switch profile with ports of all kinds."""
    spec: dict[str, Json] = {
        "displayName": display_name,
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


def test_profile_gives_ports_device_type_and_platform() -> None:
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
        port.name: (port.type, port.speed, port.mgmt_only)
        for port in made.objects
        if isinstance(port, Interface)
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


def test_device_type_does_not_depend_on_operating_system() -> None:
    names = ("celestica-ds3000", "celestica-ds3000-clsp")
    made = plan(
        *map(profile, names),
        *(switch(f"leaf-0{n}", profile=name) for n, name in enumerate(names)),
    )
    types = {device.device_type.key for device in made.objects if isinstance(device, Device)}
    assert types == {"celestica-ds3000"}
    assert skipped(made) == {}


def test_without_profile_ports_follow_from_breakouts_and_connections() -> None:
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


def test_connection_to_a_port_that_the_switch_lacks_is_skipped() -> None:
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
        "Connection/default/b": "refers to the port leaf-01/E1/3/3, which does not exist",
        "Connection/default/c": "refers to the port leaf-01/E1/99, which does not exist",
    }
