"""A fabric changes, and NetBox follows: with the fewest writes that can say it, and ids that stay."""

from collections import Counter
from dataclasses import dataclass

from activities.inventory.netbox.endpoints import PATHS
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import FindingType, InventoryReport
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.plans import connection, server, switch
from tests.support.inventory.small_fabric import (
    FRAME,
    attachment,
    cable,
    outwards,
    pair,
    pools,
    vpc,
)
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory, cable_ports

type Ids = dict[tuple[Model, str], int]

CABLES = (cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))


@dataclass(frozen=True)
class Followed:
    """What became of a change: the ids before, and after all that is gone went; what was written, and to
    how many of each model."""

    before: Ids
    after: Ids
    report: InventoryReport
    writes: Counter[str]

    @property
    def lost(self) -> set[tuple[Model, str]]:
        """What has another id now, or none."""
        return {key for key, number in self.before.items() if self.after.get(key) != number}


def follow(
    mirror: FabricInventory, before: tuple[Resource, ...], after: tuple[Resource, ...]
) -> Followed:
    """Load the one, then the other; see that nothing is refused, and nothing written twice.

    `find_writes` are what the project itself wrote until NetBox showed the change; what is gone goes later.
    """
    assert mirror.sync(*before).report.problems == {}
    ids, start = mirror.ids(), mirror.latest()
    report = mirror.sync(*after).report
    assert report.problems == {}
    changed = [row for row in mirror.changelog(start) if row["message"]]
    writes = Counter(f"{row['action']['value']} {row['changed_object_type']}" for row in changed)
    settled = mirror.latest()
    again = mirror.sync(*after)
    assert (again.report.problems, again.report.has_changes) == ({}, False)
    assert mirror.changelog(settled) == []
    while (last := mirror.sync(*after)).has_pending_work:
        assert last.report.problems == {}
    assert not mirror.sync(*after).report.has_changes
    plan, left = mirror.plan(live_state(*after)), mirror.ids()
    assert {(e.MODEL, e.key) for e in plan.objects if not e.SHARED} <= left.keys()
    return Followed(ids, left, report, writes)


def bundle(name: str, *links: tuple[str, str]) -> Resource:
    return connection(name, "bundled", *({"server": a, "switch": b} for a, b in links))


def pool(name: str, start: int, end: int, *, subnet: str = "a") -> Resource:
    """A VPC with DHCP addresses from one host to another."""
    dhcp: dict[str, Json] = {
        "enable": True,
        "range": {"start": f"10.0.1.{start}", "end": f"10.0.1.{end}"},
    }
    spec: dict[str, Json] = {"subnet": "10.0.1.0/24", "vlan": 1001, "dhcp": dhcp}
    body: dict[str, Json] = {"ipv4Namespace": "default", "vlanNamespace": "default"}
    return live("VPC", name, {**body, "subnets": {subnet: spec}})


def subnets(name: str, **networks: tuple[str, int]) -> Resource:
    """A VPC with subnets that have a gateway and DHCP each; by name, network and VLAN."""
    made: dict[str, Json] = {}
    for subnet, (network, vlan) in networks.items():
        base = network.rpartition(".")[0]
        made[subnet] = {
            "subnet": network,
            "vlan": vlan,
            "gateway": f"{base}.1",
            "dhcp": {"enable": True, "range": {"start": f"{base}.10", "end": f"{base}.99"}},
        }
    body: dict[str, Json] = {"ipv4Namespace": "default", "vlanNamespace": "default"}
    return live("VPC", name, {**body, "subnets": made})


def test_a_rewired_connection(mirror: FabricInventory) -> None:
    moved = (cable("c", "s-1/e1", "leaf-2/E1/7"), CABLES[1])
    followed = follow(mirror, (*FRAME, *CABLES), (*FRAME, *moved))
    assert followed.lost == set()
    assert followed.writes == {"create dcim.interface": 1, "update dcim.cable": 1}
    ends = cable_ports(mirror.one(Model.CABLE, "Connection/default/c"))
    assert ends == {("s-1", "e1"), ("leaf-2", "E1/7")}


def test_two_connections_that_swap_ends(mirror: FabricInventory) -> None:
    swapped = (cable("c", "s-1/e1", "leaf-1/E1/2"), cable("d", "s-2/e1", "leaf-1/E1/1"))
    followed = follow(mirror, (*FRAME, *CABLES), (*FRAME, *swapped))
    assert followed.lost == set()
    assert (followed.report.created, followed.report.updated) == (0, 2)
    # One has to give way: NetBox takes no cable to a port that has another.
    assert followed.writes == {"update dcim.cable": 3}
    ends = cable_ports(mirror.one(Model.CABLE, "Connection/default/c"))
    assert ends == {("s-1", "e1"), ("leaf-1", "E1/2")}


def test_two_connections_that_swap_both_ends(mirror: FabricInventory) -> None:
    swapped = (cable("d", "s-1/e1", "leaf-1/E1/1"), cable("c", "s-2/e1", "leaf-1/E1/2"))
    followed = follow(mirror, (*FRAME, *CABLES), (*FRAME, *swapped))
    assert followed.writes == {"update dcim.cable": 2}  # they are the cables that they were
    assert sorted(followed.after.values()) == sorted(followed.before.values())
    row = mirror.one(Model.CABLE, "Connection/default/c")
    assert (row["label"], cable_ports(row)) == ("c", {("s-2", "e1"), ("leaf-1", "E1/2")})


def test_a_breakout_and_back(mirror: FabricInventory) -> None:
    whole = (*FRAME, switch("leaf-9", portBreakouts={"E1/5": "1x100G"}))
    divided = (*FRAME, switch("leaf-9", portBreakouts={"E1/5": "4x25G"}))
    wired = cable("c", "s-1/e1", "leaf-9/E1/5")
    followed = follow(mirror, (*whole, wired), (*divided, wired))
    assert followed.lost == set()
    assert followed.writes == {"create dcim.interface": 3, "update dcim.interface": 1}
    ends = cable_ports(mirror.one(Model.CABLE, "Connection/default/c"))
    assert ends == {("s-1", "e1"), ("leaf-9", "E1/5/1")}
    assert ports_of("leaf-9", mirror) == {"M1", "E1/5/1", "E1/5/2", "E1/5/3", "E1/5/4"}
    key = "Switch/default/leaf-9#E1/5"
    lane = mirror.one(Model.INTERFACE, key)
    assert (lane["type"]["value"], lane["speed"]) == ("25gbase-x-sfp28", 25_000_000)
    mirror.edit(Model.INTERFACE, lane, description="To the lab")
    back = follow(mirror, (*divided, wired), (*whole, wired))
    assert back.lost == {(Model.INTERFACE, f"{key}/{lane}") for lane in (2, 3, 4)}
    assert back.writes == {"update dcim.interface": 1}
    assert ports_of("leaf-9", mirror) == {"M1", "E1/5"}
    port = mirror.one(Model.INTERFACE, key)
    assert (port["type"]["value"], port["speed"]) == ("100gbase-x-qsfp28", 100_000_000)
    assert port["description"] == "To the lab"


def ports_of(device: str, mirror: FabricInventory) -> set[str]:
    rows = mirror.own(Model.INTERFACE)
    return {row["name"] for row in rows if row["device"]["name"] == device}


def test_the_vlan_of_a_subnet(mirror: FabricInventory) -> None:
    attached = (*FRAME, *CABLES, attachment("v-c", "v/a", "c"))
    followed = follow(
        mirror,
        (*attached, vpc("v", 1001, "10.0.1.0/24")),
        (*attached, vpc("v", 1999, "10.0.1.0/24")),
    )
    assert followed.lost == set()
    assert followed.writes == {"update ipam.vlan": 1}
    port = mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert [vlan["vid"] for vlan in port["tagged_vlans"]] == [1999]


def test_a_renamed_connection(mirror: FabricInventory) -> None:
    renamed = (cable("new", "s-1/e1", "leaf-1/E1/1"), CABLES[1])
    followed = follow(mirror, (*FRAME, *CABLES), (*FRAME, *renamed))
    assert followed.writes == {"update dcim.cable": 1}
    old, new = (Model.CABLE, "Connection/default/c"), (Model.CABLE, "Connection/default/new")
    assert followed.lost == {old}
    assert followed.after[new] == followed.before[old]
    assert mirror.one(*new)["label"] == "new"


def test_a_renamed_bundle(mirror: FabricInventory) -> None:
    links = (("s-1/e1", "leaf-1/E1/1"), ("s-1/e2", "leaf-1/E1/2"))
    given = (*FRAME, vpc("v", 1001, "10.0.1.0/24"))
    followed = follow(
        mirror,
        (*given, bundle("old", *links), attachment("x", "v/a", "old")),
        (*given, bundle("new", *links), attachment("x", "v/a", "new")),
    )
    assert {model for model, _ in followed.lost} == {Model.CABLE}
    assert followed.writes == {"update dcim.cable": 2, "update dcim.interface": 2}
    assert sorted(followed.after.values()) == sorted(followed.before.values())


def test_a_vpc_that_goes(mirror: FabricInventory) -> None:
    given = (*FRAME, *CABLES, vpc("w", 1002, "10.0.2.0/24"))
    followed = follow(
        mirror,
        (*given, subnets("v", a=("10.0.1.0/24", 1001)), attachment("v-c", "v/a", "c")),
        given,
    )
    assert followed.writes == {"update dcim.interface": 1}  # its VLAN is no longer on the port
    assert not any("VPC/default/v" in key for _, key in mirror.ids())


def test_dhcp_addresses_that_overlap_those_of_before(mirror: FabricInventory) -> None:
    followed = follow(mirror, (*FRAME, pool("v", 10, 99)), (*FRAME, pool("v", 50, 150)))
    assert followed.lost == set()
    assert followed.writes == {"update ipam.iprange": 1}


def test_dhcp_addresses_of_a_subnet_with_another_name(mirror: FabricInventory) -> None:
    followed = follow(mirror, (*FRAME, pool("v", 10, 99)), (*FRAME, pool("v", 50, 150, subnet="b")))
    assert sorted(followed.after.values()) == sorted(followed.before.values())
    assert followed.writes == {
        "update ipam.vlan": 1,
        "update ipam.prefix": 1,
        "update ipam.iprange": 1,
    }


def test_dhcp_addresses_that_swap(mirror: FabricInventory) -> None:
    one, other = ("10.0.1.0/24", 1001), ("10.0.2.0/24", 1002)
    followed = follow(
        mirror,
        (*FRAME, subnets("v", a=one, b=other)),
        (*FRAME, subnets("v", a=other, b=one)),
    )
    assert followed.report.created == 0
    assert sorted(followed.after.values()) == sorted(followed.before.values())
    shown = {row["description"]: row["start_address"] for row in mirror.own(Model.IP_RANGE)}
    assert shown == {"DHCP of v/a": "10.0.2.10/24", "DHCP of v/b": "10.0.1.10/24"}
    prefixes = {row["description"]: row for row in mirror.own(Model.PREFIX)}
    assert prefixes["v/a"]["prefix"] == "10.0.2.0/24"
    assert prefixes["v/a"]["vlan"]["vid"] == 1002


def test_dhcp_addresses_of_two_subnets_that_become_one(mirror: FabricInventory) -> None:
    followed = follow(
        mirror,
        (*FRAME, pools(a="10.0.0.0/24", b="10.0.1.0/24")),
        (*FRAME, pools(c="10.0.0.0/23")),
    )
    assert followed.writes == {"create ipam.prefix": 1, "update ipam.iprange": 2}
    [row] = mirror.own(Model.IP_RANGE)
    assert (row["start_address"], row["end_address"]) == ("10.0.0.1/23", "10.0.1.254/23")
    assert row["id"] in followed.before.values()


def test_a_pair_of_switches_that_no_longer_shares_its_addresses(mirror: FabricInventory) -> None:
    followed = follow(
        mirror,
        (
            *FRAME,
            *pair("mclag", 1, 1),
            *pair("mclag", 3, 3, first=6),
            *pair("mclag", 5, 5, first=4),
        ),
        (*FRAME, *pair("eslag", 1, 2), *pair("eslag", 4, 3, first=6), *pair("eslag", 5, first=4)),
    )
    assert {key.partition("#")[0] for _, key in followed.lost} == {"Switch/default/leaf-5"}
    # The address of the one that went is set aside.
    assert followed.writes == {"update dcim.device": 5, "update ipam.ipaddress": 6}


def test_two_vpcs_that_swap_vlans_and_prefixes(mirror: FabricInventory) -> None:
    one, other = ("10.0.1.0/24", 1001), ("10.0.2.0/24", 1002)
    attached = (*FRAME, *CABLES, attachment("v-c", "v/a", "c"))
    followed = follow(
        mirror,
        (*attached, subnets("v", a=one), subnets("w", a=other)),
        (*attached, subnets("v", a=other), subnets("w", a=one)),
    )
    assert followed.lost == set()
    assert followed.report.created == 0
    port = mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert [vlan["vid"] for vlan in port["tagged_vlans"]] == [1002]
    assert mirror.one(Model.PREFIX, "VPC/default/v#a")["prefix"] == "10.0.2.0/24"


def test_a_server_that_becomes_bundled(mirror: FabricInventory) -> None:
    given = (*FRAME, vpc("v", 1001, "10.0.1.0/24"), attachment("v-c", "v/a", "c"))
    followed = follow(
        mirror,
        (*given, CABLES[0]),
        (*given, bundle("c", ("s-1/e1", "leaf-1/E1/1"), ("s-1/e2", "leaf-1/E1/2"))),
    )
    assert {model for model, _ in followed.lost} == {Model.CABLE}  # their keys tell links apart
    assert followed.writes == {
        "create dcim.interface": 4,  # two LAGs and two ports
        "update dcim.interface": 2,  # the first of both, into its LAG
        "create dcim.cable": 1,
        "update dcim.cable": 2,  # of a new cable NetBox tells both
    }
    assert (followed.report.created, followed.report.updated) == (5, 3)
    lag = mirror.one(Model.INTERFACE, "Switch/default/leaf-1#lag:E1/1")
    assert [vlan["vid"] for vlan in lag["tagged_vlans"]] == [1001]
    port = mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert (port["lag"]["id"], port["tagged_vlans"], port["mode"]) == (lag["id"], [], None)


def leaf(name: str) -> Resource:
    """A switch with an address and a MAC address of each sort."""
    return switch(
        name,
        ip="172.30.0.9/21",
        protocolIP="172.30.8.9/32",
        vtepIP="172.30.12.9/32",
        boot={"mac": "0c:20:12:fe:00:09", "serial": "CN9"},
    )


def test_a_switch_with_another_name(mirror: FabricInventory) -> None:
    mirror.sync(*FRAME, leaf("leaf-8"))
    device = mirror.one(Model.DEVICE, "Switch/default/leaf-8")
    mirror.edit(Model.DEVICE, device, oob_ip=device["primary_ip4"]["id"])
    followed = follow(
        mirror,
        (*FRAME, leaf("leaf-8"), cable("c", "s-1/e1", "leaf-8/E1/1"), *outwards("leaf-8")),
        (*FRAME, leaf("leaf-9"), cable("c", "s-1/e1", "leaf-9/E1/1"), *outwards("leaf-9")),
    )
    assert (Model.CABLE, "Connection/default/c") not in followed.lost
    leading = {"ExternalAttachment/default/a", "Connection/default/y#vlan"}
    assert {model for model, key in followed.lost if key in leading} == {Model.INTERFACE}
    device = mirror.one(Model.DEVICE, "Switch/default/leaf-9")
    assert device["primary_ip4"]["address"] == "172.30.0.9/21"
    port = mirror.one(Model.INTERFACE, "Switch/default/leaf-9#M1")
    assert port["primary_mac_address"]["mac_address"] == "0C:20:12:FE:00:09"
    assert not any("leaf-8" in key for _, key in mirror.ids())
    assert "leaf-8" not in {row["name"] for row in mirror.own(Model.DEVICE)}


def test_two_switches_whose_names_somebody_swapped(mirror: FabricInventory) -> None:
    given = (*FRAME, *outwards("leaf-1"))
    mirror.sync(*given)
    ids = mirror.ids()
    one, other = (mirror.one(Model.DEVICE, f"Switch/default/leaf-{n}") for n in (1, 2))
    for row, name in ((one, "meanwhile"), (other, "leaf-1"), (one, "leaf-2")):
        mirror.edit(Model.DEVICE, row, name=name)
    report = mirror.sync(*given).report
    assert (report.problems, report.created, mirror.ids()) == ({}, 0, ids)
    assert mirror.one(Model.DEVICE, "Switch/default/leaf-1")["name"] == "leaf-1"
    assert not mirror.sync(*given).has_pending_work


def test_a_subinterface_that_cannot_go_to_another_switch(mirror: FabricInventory) -> None:
    """The one that it had there does not hide that there is none on the new one."""
    mirror.sync(*FRAME, *outwards("leaf-1"))
    there = mirror.one(Model.DEVICE, "Switch/default/leaf-2")["id"]
    theirs = {"device": there, "name": "E1/9.100", "type": "virtual"}
    hand_made = mirror.admin.create(PATHS[Model.INTERFACE], theirs)
    for _ in range(2):
        report = mirror.sync(*FRAME, *outwards("leaf-2")).report
        assert report.problems == {FindingType.CONFLICT: 1, FindingType.FAILED: 1}
        assert {each.what for each in report.findings} == {"ExternalAttachment/default/a"}
    mirror.admin.delete(PATHS[Model.INTERFACE], hand_made["id"])
    assert mirror.sync(*FRAME, *outwards("leaf-2")).report.problems == {}


def test_two_switches_that_swap_addresses(mirror: FabricInventory) -> None:
    def pair(first: int, second: int) -> tuple[Resource, ...]:
        numbers = {"leaf-8": first, "leaf-9": second}
        return tuple(
            switch(
                name,
                ip=f"172.30.0.{number}/21",
                protocolIP=f"172.30.8.{number}/32",
                boot={"mac": f"0c:20:12:fe:00:0{number}"},
            )
            for name, number in numbers.items()
        )

    followed = follow(mirror, (*FRAME, *pair(8, 9)), (*FRAME, *pair(9, 8)))
    assert followed.report.created == followed.report.deleted == 0
    shown = {row["name"]: row["primary_ip4"] for row in mirror.own(Model.DEVICE)}
    assert shown["leaf-8"]["address"] == "172.30.0.9/21"
    assert shown["leaf-9"]["address"] == "172.30.0.8/21"


def test_a_server_that_is_replaced_by_another(mirror: FabricInventory) -> None:
    left = tuple(each for each in FRAME if each.name != "s-1")
    followed = follow(
        mirror,
        (*FRAME, *CABLES),
        (*left, server("s-9"), cable("c", "s-9/e1", "leaf-1/E1/1"), CABLES[1]),
    )
    assert followed.writes == {
        "create dcim.device": 1,
        "create dcim.interface": 1,
        "update dcim.cable": 1,
    }
    assert "s-1" not in {row["name"] for row in mirror.own(Model.DEVICE)}


def test_another_fabric_with_the_same_vpcs_is_left_alone(make_mirror: MakeInventory) -> None:
    one, other = make_mirror(), make_mirror()
    for mirror in (one, other):
        assert mirror.sync(*FRAME, vpc("v", 1001, "10.0.1.0/24")).report.problems == {}
    theirs = other.ids()
    before = one.latest()
    assert one.sync(*FRAME, vpc("v", 1002, "10.0.9.0/24")).report.problems == {}
    ours = {(str(model), number) for (model, _), number in one.ids().items()}
    changed = {
        (row["changed_object_type"], row["changed_object_id"]) for row in one.changelog(before)
    }
    assert changed <= ours
    assert other.ids() == theirs
    assert not other.sync(*FRAME, vpc("v", 1001, "10.0.1.0/24")).report.has_changes
