"""Namespaces, VPCs and their attachments."""

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


def test_ipv4_namespace_becomes_a_vrf_with_containers() -> None:
    spec: Json = {"subnets": ["10.40.0.0/16", "10.8.0.0/20"]}
    made = plan(live("IPv4Namespace", "default", spec))
    vrf = one(made, VRF, "IPv4Namespace/default/default")
    assert vrf.name == "dc1:ipns:default"
    assert [
        (prefix.key, prefix.vrf, str(prefix.prefix), prefix.status)
        for prefix in made.objects
        if isinstance(prefix, Prefix)
    ] == [
        (f"IPv4Namespace/default/default#{network}", vrf.ref, network, "container")
        for network in ("10.40.0.0/16", "10.8.0.0/20")
    ]


def test_vlan_namespace_becomes_a_group_with_merged_ranges() -> None:
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


def test_subnet_becomes_a_prefix_with_vlan_gateway_and_dhcp() -> None:
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


def test_host_bits_of_a_subnet_are_dropped() -> None:
    made = plan(vpc(a={"subnet": "10.0.6.7/24", "hostBGP": True}))
    prefix = one(made, Prefix, "VPC/default/prod#a")
    assert (str(prefix.prefix), prefix.details) == ("10.0.6.0/24", {"hostBGP": True})
    assert keys(made, VLAN) == keys(made, IPAddress) == keys(made, IPRange) == []


@pytest.mark.parametrize(
    ("network", "first", "last"),
    [
        ("10.0.1.0/29", "10.0.1.1", "10.0.1.6"),
        ("10.0.1.0/30", "10.0.1.1", "10.0.1.2"),
        ("10.0.1.0/31", "10.0.1.0", "10.0.1.1"),
        ("10.0.1.0/32", "10.0.1.0", "10.0.1.0"),
    ],
)
def test_dhcp_range_without_limits_has_all_hosts(network: str, first: str, last: str) -> None:
    made = plan(VLANS, vpc(a=subnet(1, subnet=network, dhcp={"enable": True})))
    pool = one(made, IPRange, "VPC/default/prod#a/dhcp")
    assert (str(pool.start_address.ip), str(pool.end_address.ip)) == (first, last)


@pytest.mark.parametrize(("vid", "is_in"), [(999, 0), (1000, 1), (1999, 1), (2000, 0)])
def test_vlan_range_includes_both_its_ends(vid: int, is_in: int) -> None:
    made = plan(VLANS, vpc(a=subnet(1, vlan=vid)))
    assert (len(keys(made, VLAN)), len(skipped(made))) == (is_in, 1 - is_in)


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
            "needs the VLAN 1001 of VLANNamespace/default/default, which VPC/default/prod#a already uses",
        ),
        (
            subnet(2, subnet="10.0.1.9/24", vlan=0),
            "b",
            "needs the prefix 10.0.1.0/24 of VPC/default/prod, which VPC/default/prod#a already uses",
        ),
        (
            subnet(2, subnet="0.0.0.0/0"),
            "b",
            "is the default route 0.0.0.0/0, which NetBox does not accept",
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
            "needs the addresses of a range of VPC/default/prod, which VPC/default/prod#a/dhcp"
            " already uses",
        ),
        (
            subnet(2, dhcp={"static": {"3c:fd:fe:c8:41:10": {"ip": "10.9.9.9"}}}),
            "b/3C:FD:FE:C8:41:10",
            "has the address 10.9.9.9, which is not in 10.0.2.0/24",
        ),
    ],
)
def test_part_that_netbox_would_refuse_is_skipped_alone(
    second: Json, part: str, reason: str
) -> None:
    made = plan(VLANS, vpc(a=subnet(1, dhcp={"enable": True}), b=second))
    assert skipped(made) == {f"VPC/default/prod#{part}": reason}
    assert "VPC/default/prod#a" in keys(made, VLAN)
    assert "VPC/default/prod#a/dhcp" in keys(made, IPRange)


def test_port_has_the_vlans_of_all_its_attachments() -> None:
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
    assert [vlan.key for vlan in port.tagged_vlans] == ["VPC/default/prod#a", "VPC/default/prod#b"]
    assert port.untagged_vlan == one(made, VLAN, "VPC/default/prod#default").ref
    assert skipped(made) == {}


def test_native_vlan_alone_makes_an_access_port() -> None:
    made = plan(VLANS, *LEAVES, SINGLE, vpc(a=subnet(1)), attachment("one", "prod/a", native=True))
    port = one(made, Interface, PORT)
    assert (port.mode, port.tagged_vlans) == ("access", ())
    assert port.untagged_vlan == one(made, VLAN, "VPC/default/prod#a").ref


def test_host_bgp_subnet_without_vlan_sets_the_vrf_of_the_port() -> None:
    prod = vpc(a={"subnet": "10.0.9.0/24", "hostBGP": True})
    other = vpc("other", a={"subnet": "10.0.8.0/24", "hostBGP": True})
    attached = [attachment(f"to-{name}", f"{name}/a") for name in ("other", "prod")]
    made = plan(VLANS, *LEAVES, SINGLE, prod, attached[1])
    port = one(made, Interface, PORT)
    assert (port.vrf, port.mode) == (one(made, VRF, "VPC/default/prod").ref, None)
    assert skipped(made) == {}
    key = f"VPCAttachment/default/to-prod#{PORT}"
    made = plan(VLANS, *LEAVES, SINGLE, prod, other, *attached)
    assert skipped(made) == {key: f"would add a second VPC to {PORT}"}


@pytest.mark.parametrize(
    ("stated", "details"),
    [
        ("10.1.0.0/31", {"p2pLink": "10.1.0.0/31"}),
        ("10.1.0.1/31", {"p2pLink": "10.1.0.0/31"}),
        ("?", {}),
    ],
)
def test_p2p_link_is_a_detail_of_the_port(stated: str, details: Json) -> None:
    link: Json = {"fabric.githedgehog.com/p2p-link": stated}
    spec: Json = {"subnet": "prod/a", "connection": "single"}
    attached = live("VPCAttachment", "x", spec, annotations=link)
    made = plan(VLANS, *LEAVES, SINGLE, vpc(a=subnet(1)), attached)
    assert one(made, Interface, PORT).details == details
    assert keys(made, IPAddress) == []


def test_bundle_has_its_vlans_on_the_lag_of_every_switch() -> None:
    made = plan(VLANS, *LEAVES, ESLAG, vpc(a=subnet(1)), attachment("one", "prod/a", "pair"))
    tagged = {
        port.key for port in made.objects if isinstance(port, Interface) and port.tagged_vlans
    }
    assert tagged == {f"Switch/default/leaf-0{n}#lag:E1/2" for n in (1, 2)}


@pytest.mark.parametrize(
    ("attached", "part", "reason"),
    [
        (
            attachment("x", "prod/b", native=True),
            f"#{PORT}",
            f"would add a second untagged VLAN to {PORT}",
        ),
        (attachment("x", "prod/z"), "", "refers to the subnet prod/z, which does not exist"),
        (attachment("x", "test/a"), "", "refers to the VPC test, which does not exist"),
        (attachment("x", "prod/none"), "", "refers to the subnet prod/none, which has no VLAN"),
        (
            attachment("x", "prod/a", "gone"),
            "",
            "refers to the Connection gone, which does not exist",
        ),
        (
            attachment("x", "prod/a", "out"),
            "",
            "refers to the Connection out, which does not connect servers",
        ),
        (
            attachment("x", "prod/a", "new"),
            "",
            "refers to the Connection new, whose type is unknown",
        ),
        (
            attachment("x", "prod/a", "lost"),
            "",
            "refers to the Connection lost, which has no switch port",
        ),
    ],
)
def test_attachment_with_a_conflict_or_missing_target_is_skipped(
    attached: Resource, part: str, reason: str
) -> None:
    made = plan(
        VLANS,
        *LEAVES,
        SINGLE,
        connection("out", "external", {"switch": "leaf-01/E1/9"}),
        connection("lost", "bundled"),
        live("Connection", "new", {"quantum": {}}),
        vpc(a=subnet(1), b=subnet(2), none={"subnet": "10.0.9.0/24"}),
        attachment("a", "prod/a", native=True),
        attached,
    )
    assert skipped(made) == {
        "Connection/default/lost": "has no links",
        "Connection/default/new": "has the unknown type quantum",
        f"VPCAttachment/default/x{part}": reason,
    }
