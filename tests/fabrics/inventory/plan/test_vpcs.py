"""Namespaces, VPCs, what is attached to them and who peers with them."""

import pytest

from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.ipam import VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import connection, keys, one, plan, server, skipped, switch

VLANS = live("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 1999}]})
LEAVES = [switch("leaf-01"), switch("leaf-02"), server("server-1"), server("server-2")]
SINGLE = connection("single", "unbundled", {"server": "server-1/e1", "switch": "leaf-01/E1/1"})
ESLAG = connection(
    "pair",
    "eslag",
    {"server": "server-2/e1", "switch": "leaf-01/E1/2"},
    {"server": "server-2/e2", "switch": "leaf-02/E1/2"},
)
PORT = "Switch/default/leaf-01#E1/1"


def vpc(name: str = "prod", /, **subnets: Json) -> Resource:
    return live("VPC", name, {"subnets": subnets})


def attachment(name: str, subnet: str, to: str = "single", *, native: bool = False) -> Resource:
    spec: Json = {"subnet": subnet, "connection": to, "nativeVLAN": native}
    return live("VPCAttachment", name, spec)


def subnet(number: int, **more: Json) -> Json:
    return {"subnet": f"10.0.{number}.0/24", "vlan": 1000 + number, **more}


def test_an_ipv4_namespace_is_a_vrf_with_containers() -> None:
    spec: Json = {"subnets": ["10.40.0.0/16", "10.8.0.0/20"]}
    made = plan(live("IPv4Namespace", "default", spec))
    vrf = one(made, VRF, "IPv4Namespace/default/default")
    assert vrf.name == "dc1:ipns:default"
    assert [
        (each.key, each.vrf, str(each.prefix), each.status)
        for each in made.objects
        if isinstance(each, Prefix)
    ] == [
        (f"IPv4Namespace/default/default#{network}", vrf.ref, network, "container")
        for network in ("10.40.0.0/16", "10.8.0.0/20")
    ]


def test_a_vlan_namespace_is_a_group_whose_ranges_do_not_overlap() -> None:
    ranges: Json = [
        {"from": 2000},
        {"from": 1100, "to": 1299},
        {"from": 1000, "to": 1150},
        {"from": 1300, "to": 1300},
    ]
    made = plan(live("VLANNamespace", "default", {"ranges": ranges}))
    group = one(made, VLANGroup, "VLANNamespace/default/default")
    assert (group.name, group.slug) == ("dc1:default", "dc1-default")
    assert group.vid_ranges == ((1000, 1299), (1300, 1300), (2000, 2000))


def test_a_subnet_is_a_prefix_with_vlan_gateway_and_dhcp() -> None:
    dhcp: Json = {
        "enable": True,
        "range": {"start": "10.0.1.2", "end": "10.0.1.255"},
        "static": {"3c:fd:fe:c8:41:10": {"ip": "10.0.1.20"}},
    }
    made = plan(VLANS, vpc(web=subnet(1, gateway="10.0.1.1", dhcp=dhcp, isolated=True)))
    vrf, vlan = one(made, VRF, "VPC/default/prod"), one(made, VLAN, "VPC/default/prod#web")
    prefix = one(made, Prefix, "VPC/default/prod#web")
    assert (vrf.name, vrf.details["vlanNamespace"]) == ("dc1:vpc:prod", "default")
    assert (vlan.vid, vlan.name, vlan.group.key) == (
        1001,
        "prod/web",
        "VLANNamespace/default/default",
    )
    assert (str(prefix.prefix), prefix.vrf, prefix.vlan) == ("10.0.1.0/24", vrf.ref, vlan.ref)
    assert (prefix.description, prefix.details) == ("prod/web", {"isolated": True})
    gateway = one(made, IPAddress, "VPC/default/prod#web/gateway")
    assert (str(gateway.address), gateway.role, gateway.vrf) == ("10.0.1.1/24", "anycast", vrf.ref)
    lease = one(made, IPAddress, "VPC/default/prod#web/3C:FD:FE:C8:41:10")
    assert (str(lease.address), lease.status) == ("10.0.1.20/24", "dhcp")
    pool = one(made, IPRange, "VPC/default/prod#web/dhcp")
    assert (str(pool.start_address), str(pool.end_address)) == ("10.0.1.2/24", "10.0.1.254/24")
    assert skipped(made) == {}


def test_host_bits_of_a_subnet_mean_nothing() -> None:
    made = plan(vpc(a={"subnet": "10.0.6.7/24", "hostBGP": True}))
    prefix = one(made, Prefix, "VPC/default/prod#a")
    assert (str(prefix.prefix), prefix.details) == ("10.0.6.0/24", {"hostBGP": True})
    assert keys(made, VLAN) == keys(made, IPAddress) == keys(made, IPRange) == []


@pytest.mark.parametrize(
    ("second", "part", "reason"),
    [
        (
            subnet(2, vlan=3000),
            "b/vlan",
            "has the VLAN 3000, which is not in the VLANNamespace default",
        ),
        (
            subnet(2, vlan=1001),
            "b/vlan",
            "needs the VLAN 1001 of VLANNamespace/default/default, which VPC/default/prod#a has",
        ),
        (
            subnet(2, subnet="10.0.1.9/24", vlan=0),
            "b",
            "needs the prefix 10.0.1.0/24 of VPC/default/prod, which VPC/default/prod#a has",
        ),
        (
            subnet(2, subnet="0.0.0.0/0"),
            "b",
            "is the default route 0.0.0.0/0, which NetBox takes for no prefix",
        ),
        (
            subnet(2, gateway="10.9.9.9"),
            "b/gateway",
            "has the address 10.9.9.9, which is not in 10.0.2.0/24",
        ),
        (
            subnet(2, dhcp={"enable": True, "range": {"start": "10.0.2.9", "end": "10.0.2.3"}}),
            "b/dhcp",
            "has the DHCP range 10.0.2.9 to 10.0.2.3, which ends before it starts",
        ),
        (
            subnet(2, subnet="10.0.0.0/16", dhcp={"enable": True}),
            "b/dhcp",
            "has a DHCP range that overlaps with that of VPC/default/prod#a/dhcp",
        ),
        (
            subnet(2, dhcp={"static": {"3c:fd:fe:c8:41:10": {"ip": "10.9.9.9"}}}),
            "b/3C:FD:FE:C8:41:10",
            "has the address 10.9.9.9, which is not in 10.0.2.0/24",
        ),
    ],
)
def test_a_part_that_netbox_would_refuse_is_skipped_alone(
    second: Json, part: str, reason: str
) -> None:
    made = plan(VLANS, vpc(a=subnet(1, dhcp={"enable": True}), b=second))
    assert skipped(made) == {f"VPC/default/prod#{part}": reason}
    assert "VPC/default/prod#a" in keys(made, VLAN)
    assert "VPC/default/prod#a/dhcp" in keys(made, IPRange)


def test_attachments_add_up_on_a_port() -> None:
    made = plan(
        VLANS,
        *LEAVES,
        SINGLE,
        vpc(a=subnet(1), b=subnet(2), default=subnet(3)),
        attachment("one", "prod/a"),
        attachment("two", "prod/b"),
        attachment("three", "prod", native=True),
    )
    port = one(made, Interface, PORT)
    assert port.mode == "tagged"
    assert [each.key for each in port.tagged_vlans] == ["VPC/default/prod#a", "VPC/default/prod#b"]
    assert port.untagged_vlan == one(made, VLAN, "VPC/default/prod#default").ref
    assert skipped(made) == {}


def test_a_native_vlan_alone_makes_an_access_port() -> None:
    made = plan(VLANS, *LEAVES, SINGLE, vpc(a=subnet(1)), attachment("one", "prod/a", native=True))
    port = one(made, Interface, PORT)
    assert (port.mode, port.tagged_vlans) == ("access", ())
    assert port.untagged_vlan == one(made, VLAN, "VPC/default/prod#a").ref


def test_a_subnet_of_bgp_speakers_without_a_vlan_is_the_vrf_of_the_port() -> None:
    free = vpc(a={"subnet": "10.0.9.0/24", "hostBGP": True})
    other = vpc("other", a={"subnet": "10.0.8.0/24", "hostBGP": True})
    attached = [attachment(f"to-{name}", f"{name}/a") for name in ("other", "prod")]
    made = plan(VLANS, *LEAVES, SINGLE, free, attached[1])
    port = one(made, Interface, PORT)
    assert (port.vrf, port.mode) == (one(made, VRF, "VPC/default/prod").ref, None)
    assert skipped(made) == {}
    key = f"VPCAttachment/default/to-prod#{PORT}"
    made = plan(VLANS, *LEAVES, SINGLE, free, other, *attached)
    assert skipped(made) == {key: f"would be the second VPC of {PORT}"}


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        ("10.1.0.0/31", {"p2pLink": "10.1.0.0/31"}),
        ("10.1.0.1/31", {"p2pLink": "10.1.0.0/31"}),
        ("?", {}),
    ],
)
def test_a_network_for_two_is_a_detail_of_the_port(stated: str, shown: Json) -> None:
    link: Json = {"fabric.githedgehog.com/p2p-link": stated}
    spec: Json = {"subnet": "prod/a", "connection": "single"}
    attached = live("VPCAttachment", "x", spec, annotations=link)
    made = plan(VLANS, *LEAVES, SINGLE, vpc(a=subnet(1)), attached)
    assert one(made, Interface, PORT).details == shown
    assert keys(made, IPAddress) == []


def test_a_bundle_has_its_vlans_on_the_lag_of_every_switch() -> None:
    made = plan(VLANS, *LEAVES, ESLAG, vpc(a=subnet(1)), attachment("one", "prod/a", "pair"))
    tagged = {
        each.key for each in made.objects if isinstance(each, Interface) and each.tagged_vlans
    }
    assert tagged == {f"Switch/default/leaf-0{n}#lag:E1/2" for n in (1, 2)}


@pytest.mark.parametrize(
    ("wanted", "part", "reason"),
    [
        (
            attachment("x", "prod/b", native=True),
            f"#{PORT}",
            f"would be the second untagged VLAN of {PORT}",
        ),
        (attachment("x", "prod/z"), "", "names the subnet prod/z, which is not there"),
        (attachment("x", "test/a"), "", "names the VPC test, which is not there"),
        (attachment("x", "prod/none"), "", "names the subnet prod/none, which has no VLAN"),
        (attachment("x", "prod/a", "gone"), "", "names the Connection gone, which is not there"),
        (
            attachment("x", "prod/a", "out"),
            "",
            "names the Connection out, which leads to no server",
        ),
        (
            attachment("x", "prod/a", "new"),
            "",
            "names the Connection new, which leads to no server",
        ),
        (
            attachment("x", "prod/a", "lost"),
            "",
            "names the Connection lost, which ends on no switch",
        ),
    ],
)
def test_an_attachment_that_cannot_be_is_skipped(wanted: Resource, part: str, reason: str) -> None:
    made = plan(
        VLANS,
        *LEAVES,
        SINGLE,
        connection("out", "external", {"switch": "leaf-01/E1/9"}),
        connection("lost", "bundled"),
        live("Connection", "new", {"quantum": {}}),
        vpc(a=subnet(1), b=subnet(2), none={"subnet": "10.0.9.0/24"}),
        attachment("a", "prod/a", native=True),
        wanted,
    )
    assert skipped(made) == {
        "Connection/default/lost": "has no links",
        "Connection/default/new": "is of the type quantum, which is not known",
        f"VPCAttachment/default/x{part}": reason,
    }


EXTERNALS = [
    live("External", "bgp", {"inboundCommunity": "1:1", "outboundCommunity": "1:2"}),
    live("External", "static", {"static": {"prefixes": ["192.0.2.0/24", "0.0.0.0/0"]}}),
    connection("uplink", "external", {"switch": "leaf-01/E1/48"}),
    switch("leaf-01"),
]
UPLINK = "Switch/default/leaf-01#E1/48"


def external(name: str, to: str, **more: Json) -> Resource:
    return live("ExternalAttachment", name, {"external": to, "connection": "uplink", **more})


def test_an_external_is_a_vrf_with_its_static_routes() -> None:
    made = plan(*EXTERNALS)
    assert one(made, VRF, "External/default/bgp").name == "dc1:ext:bgp"
    assert one(made, VRF, "External/default/bgp").details["outboundCommunity"] == "1:2"
    static = one(made, VRF, "External/default/static")
    assert static.details["prefixes"] == ["0.0.0.0/0", "192.0.2.0/24"]
    assert keys(made, Prefix) == ["External/default/static#192.0.2.0/24"]
    assert list(skipped(made)) == ["External/default/static#0.0.0.0/0"]


def test_an_attachment_to_an_external_is_a_subinterface() -> None:
    far: Json = {"asn": 64102, "ip": "100.1.10.6"}
    acl: Json = {"statements": [{"seq": 1, "action": "deny"}]}
    made = plan(
        *EXTERNALS,
        external(
            "a", "bgp", switch={"vlan": 10, "ip": "100.1.10.1/24"}, neighbor=far, inboundACL=acl
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
    assert first.details == {"neighbor": far, "inboundACL": [{"seq": 1, "action": "deny"}]}
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


def test_an_attachment_without_a_vlan_has_the_port_to_itself() -> None:
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
        ("gone", "uplink", "names the External gone, which is not there"),
        ("bgp", "gone", "names the Connection gone, which is not there"),
        ("bgp", "loop", "names the Connection loop, which is not external"),
    ],
)
def test_an_external_attachment_that_cannot_be_is_skipped(to: str, at: str, reason: str) -> None:
    loop = connection("loop", "vpcLoopback", {"switch1": "leaf-01/E1/1", "switch2": "leaf-01/E1/2"})
    made = plan(*EXTERNALS, loop, external("x", to, connection=at, switch={"vlan": 10}))
    assert skipped(made)["ExternalAttachment/default/x"] == reason


def test_peerings_are_told_on_both_sides() -> None:
    expose: Json = {"expose": [{"ips": [{"vpcSubnet": "a"}]}]}
    made = plan(
        *(vpc(name, a={"subnet": "10.0.0.0/24"}) for name in ("one", "two")),
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
    between = {"key": "VPCPeering/default/p", "permit": [{"one": ["a"], "two": []}]}
    outwards = {"key": "ExternalPeering/default/p", "subnets": ["a"], "prefixes": ["0.0.0.0/0"]}
    through = {
        "key": "GatewayPeering/default/p",
        "gatewayGroup": "default",
        "peering": {"two": expose, "ext.world": {"expose": []}},
    }
    told = {
        each.name: each.details.get("peerings") for each in made.objects if isinstance(each, VRF)
    }
    assert told["dc1:vpc:one"] == [between, outwards]
    assert told["dc1:vpc:two"] == [between, through]
    assert told["dc1:ext:world"] == [outwards, through]
    assert skipped(made) == {
        "GatewayPeering/default/dangling": "names the External gone, which is not there",
        "VPCPeering/default/lonely": "does not name two sides",
    }
