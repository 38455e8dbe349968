"""Externals, their attachments, and peerings."""

import pytest
import yaml

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.ipam import VRF, IPAddress, Prefix
from fabrics.inventory.plan.plan import make_plan
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.inventory.live_samples import parse_live_state
from tests.support.inventory.plans import (
    DC1,
    cabled,
    connection,
    keys,
    one,
    plan,
    skipped,
    switch,
)
from tests.support.paths import HEDGEHOG

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


def test_attachments_by_bgp_and_by_static_routes_share_an_external() -> None:
    made = plan(
        switch("leaf-01"),
        connection("uplink", "external", {"switch": "leaf-01/E1/48"}),
        live("External", "isp", {"localASN": 64911, "static": {"prefixes": ["192.0.2.0/24"]}}),
        external("bgp", "isp", switch={"vlan": 10, "ip": "100.1.10.1/24"}, neighbor={"asn": 64102}),
        external("unnumbered", "isp", switch={"vlan": 20}, neighbor={}),
        external("static", "isp", static={"vlan": 30, "ip": "100.1.30.2/24"}, switch={}),
    )
    vrf = one(made, VRF, "External/default/isp")
    assert vrf.details == {
        "ipv4Namespace": "default",
        "localASN": 64911,
        "prefixes": ["192.0.2.0/24"],
    }
    attached = ("bgp", "unnumbered", "static")
    ports = [one(made, Interface, f"ExternalAttachment/default/{name}") for name in attached]
    assert [port.name for port in ports] == ["E1/48.10", "E1/48.20", "E1/48.30"]
    assert {port.vrf for port in ports} == {vrf.ref}
    assert keys(made, IPAddress) == [
        f"ExternalAttachment/default/{name}" for name in ("bgp", "static")
    ]
    assert skipped(made) == {}


@pytest.mark.parametrize(
    ("stated", "details"),
    [
        ({}, {}),
        ({"bfd": None}, {}),
        ({"bfd": {}}, {"bfd": {}}),
        ({"bfd": {"minRX": 300, "passive": False}}, {"bfd": {"minRX": 300, "passive": False}}),
        ({"bfd": {"minTX": 0, "secret": "x"}}, {"bfd": {"minTX": 0}}),
    ],
)
def test_bfd_with_its_defaults_differs_from_none(stated: dict[str, Json], details: Json) -> None:
    made = plan(*EXTERNALS, external("a", "bgp", switch={"vlan": 10}, **stated))
    assert one(made, Interface, "ExternalAttachment/default/a").details == details


def test_attachment_is_shown_where_its_bfd_is_of_another_type() -> None:
    made = plan(*EXTERNALS, external("a", "bgp", switch={"vlan": 10}, bfd=True))
    assert one(made, Interface, "ExternalAttachment/default/a").details == {}
    assert "ExternalAttachment/default/a#bfd" in skipped(made)


def load_next(name: str) -> list[dict[str, Json]]:
    """Return the manifests of a file for the release after 26.03."""
    text = (HEDGEHOG / "next" / name).read_bytes()
    return list(yaml.load_all(text, yaml.CSafeLoader))


@needs_samples
def test_one_port_under_two_names_has_one_cable() -> None:
    made = make_plan(parse_live_state(load_next("same-port-two-spellings.yaml")), DC1)
    assert cabled(made) == {
        "Connection/default/a-s1": frozenset({("s1", "eth1"), ("leaf-01", "E1/1")})
    }
    assert skipped(made) == {
        "Connection/default/b-fabric#spine-01/E1/1": "needs the cable of"
        " Switch/default/leaf-01#E1/1, which Connection/default/a-s1 already uses"
    }
    unnumbered = one(made, Interface, "ExternalAttachment/default/unnumb--c-ext--100")
    assert (unnumbered.name, unnumbered.details) == ("E1/5.100", {"bfd": {}})
    static = one(made, Interface, "ExternalAttachment/default/unnumb-static")
    assert (static.name, static.details) == ("E1/5.210", {"remoteIP": "100.6.210.6"})
    assert unnumbered.vrf == static.vrf == one(made, VRF, "External/default/unnumb").ref
    assert one(made, VRF, "External/default/unnumb").details["localASN"] == 64911


@needs_samples
def test_port_of_a_subnet_by_host_bgp_without_vlan_is_in_the_vrf_of_its_vpc() -> None:
    made = make_plan(parse_live_state(load_next("hostbgp-no-vlan.yaml")), DC1)
    port = one(made, Interface, "Switch/default/leaf-01#E1/9")
    assert (port.vrf, port.mode) == (one(made, VRF, "VPC/default/vtest").ref, None)
    assert one(made, Prefix, "VPC/default/vtest#hb").details == {"hostBGP": True}
    assert skipped(made) == {}
