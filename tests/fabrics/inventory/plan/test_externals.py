"""Externals, their attachments, and peerings."""

import pytest

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.ipam import VRF, IPAddress, Prefix
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import connection, keys, one, plan, skipped, switch

EXTERNALS = [
    live("External", "bgp", {"inboundCommunity": "1:1", "outboundCommunity": "1:2"}),
    live("External", "static", {"static": {"prefixes": ["192.0.2.0/24", "0.0.0.0/0"]}}),
    connection("uplink", "external", {"switch": "leaf-01/E1/48"}),
    switch("leaf-01"),
]


UPLINK = "Switch/default/leaf-01#E1/48"


def external(name: str, to: str, **more: Json) -> Resource:
    return live("ExternalAttachment", name, {"external": to, "connection": "uplink", **more})


def test_external_becomes_a_vrf_with_its_static_prefixes() -> None:
    made = plan(*EXTERNALS)
    assert one(made, VRF, "External/default/bgp").name == "dc1:ext:bgp"
    assert one(made, VRF, "External/default/bgp").details["outboundCommunity"] == "1:2"
    static = one(made, VRF, "External/default/static")
    assert static.details["prefixes"] == ["0.0.0.0/0", "192.0.2.0/24"]
    assert keys(made, Prefix) == ["External/default/static#192.0.2.0/24"]
    assert list(skipped(made)) == ["External/default/static#0.0.0.0/0"]


def test_external_attachment_becomes_a_subinterface() -> None:
    neighbor: Json = {"asn": 64102, "ip": "100.1.10.6"}
    acl: Json = {"statements": [{"seq": 1, "action": "deny"}]}
    made = plan(
        *EXTERNALS,
        external(
            "a",
            "bgp",
            switch={"vlan": 10, "ip": "100.1.10.1/24"},
            neighbor=neighbor,
            inboundACL=acl,
        ),
        external("b", "static", static={"vlan": 20, "remoteIP": "100.1.20.1", "proxy": True}),
    )
    first = one(made, Interface, "ExternalAttachment/default/a")
    assert (first.name, first.type, first.vrf) == (
        "E1/48.10",
        "virtual",
        one(made, VRF, "External/default/bgp").ref,
    )
    assert first.parent is not None
    assert first.parent.key == UPLINK
    assert first.details == {"neighbor": neighbor, "inboundACL": [{"seq": 1, "action": "deny"}]}
    address = one(made, IPAddress, "ExternalAttachment/default/a")
    assert (str(address.address), address.vrf, address.assigned_object) == (
        "100.1.10.1/24",
        first.vrf,
        first.ref,
    )
    second = one(made, Interface, "ExternalAttachment/default/b")
    assert second.details == {"remoteIP": "100.1.20.1", "proxy": True}
    assert keys(made, IPAddress) == ["ExternalAttachment/default/a"]
    order = keys(made, Interface)
    assert order.index(UPLINK) < order.index("ExternalAttachment/default/a")


def test_external_attachment_without_vlan_occupies_the_port() -> None:
    def untagged(name: str) -> Resource:
        return external(name, "bgp", switch={"ip": "100.1.10.1/24"})

    made = plan(*EXTERNALS, untagged("a"), untagged("b"))
    port = one(made, Interface, UPLINK)
    assert port.vrf == one(made, VRF, "External/default/bgp").ref
    assert one(made, IPAddress, UPLINK).assigned_object == port.ref
    assert "ExternalAttachment/default/b" in skipped(made)


@pytest.mark.parametrize(
    ("to", "at", "reason"),
    [
        ("gone", "uplink", "refers to the External gone, which does not exist"),
        ("bgp", "gone", "refers to the Connection gone, which does not exist"),
        ("bgp", "loop", "refers to the Connection loop, which is not external"),
    ],
)
def test_external_attachment_to_an_invalid_target_is_skipped(to: str, at: str, reason: str) -> None:
    loop = connection("loop", "vpcLoopback", {"switch1": "leaf-01/E1/1", "switch2": "leaf-01/E1/2"})
    made = plan(*EXTERNALS, loop, external("x", to, connection=at, switch={"vlan": 10}))
    assert skipped(made)["ExternalAttachment/default/x"] == reason


def test_peerings_are_listed_on_the_vrfs_of_all_sides() -> None:
    subnets: Json = {"a": {"subnet": "10.0.0.0/24"}}
    expose: Json = {"expose": [{"ips": [{"vpcSubnet": "a"}]}]}
    made = plan(
        *(live("VPC", name, {"subnets": subnets}) for name in ("one", "two")),
        live("External", "world"),
        live("VPCPeering", "p", {"permit": [{"one": {"subnets": ["a"]}, "two": {}}]}),
        live(
            "ExternalPeering",
            "p",
            {
                "permit": {
                    "vpc": {"name": "one", "subnets": ["a"]},
                    "external": {"name": "world", "prefixes": [{"prefix": "0.0.0.0/0"}]},
                }
            },
        ),
        live("GatewayPeering", "p", {"peering": {"two": expose, "ext.world": {"expose": []}}}),
        live("GatewayPeering", "dangling", {"peering": {"two": expose, "ext.gone": expose}}),
        live("VPCPeering", "lonely", {"permit": [{"one": {}}]}),
    )
    vpc_peering = {"key": "VPCPeering/default/p", "permit": [{"one": ["a"], "two": []}]}
    external_peering = {
        "key": "ExternalPeering/default/p",
        "subnets": ["a"],
        "prefixes": ["0.0.0.0/0"],
    }
    gateway_peering = {
        "key": "GatewayPeering/default/p",
        "gatewayGroup": "default",
        "peering": {"two": expose, "ext.world": {"expose": []}},
    }
    peerings = {
        vrf.name: vrf.details.get("peerings") for vrf in made.objects if isinstance(vrf, VRF)
    }
    assert peerings["dc1:vpc:one"] == [vpc_peering, external_peering]
    assert peerings["dc1:vpc:two"] == [vpc_peering, gateway_peering]
    assert peerings["dc1:ext:world"] == [external_peering, gateway_peering]
    assert skipped(made) == {
        "GatewayPeering/default/dangling": "refers to the External gone, which does not exist",
        "VPCPeering/default/lonely": "refers to fewer than two VPCs or externals",
    }
