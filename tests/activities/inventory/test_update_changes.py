"""Changes of a fabric: as few writes as possible, and objects keep their ids."""

from collections import Counter
from dataclasses import dataclass

from activities.inventory.netbox.endpoints import PATHS
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.report.report import FindingType, InventoryReport
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.plans import connection, server, switch
from tests.support.inventory.small_fabric import (
    FRAME,
    NAMESPACES,
    RACK,
    attachment,
    cable,
    external_ports,
    pair,
    pools,
    vpc,
)
from tests.support.netbox.fabric_inventory import (
    FabricInventory,
    MakeInventory,
    cable_ports,
    key_scenario,
    scenario,
)

type Ids = dict[tuple[Model, str], int]

CABLES = (cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))


@dataclass(frozen=True)
class ChangeResult:
    """The report of a change, writes by model, ids before and after all deletes."""

    before: Ids
    after: Ids
    report: InventoryReport
    writes: Counter[str]

    @property
    def lost(self) -> set[tuple[Model, str]]:
        """The objects that have another id now, or none."""
        return {key for key, number in self.before.items() if self.after.get(key) != number}


def sync_change(
    inventory: FabricInventory, before: tuple[Resource, ...], after: tuple[Resource, ...]
) -> ChangeResult:
    """Sync `before`, then `after`; assert that nothing is refused or written twice.

    `writes` counts what the project wrote in the sync of the change; deletes follow in later syncs.
    """
    assert inventory.sync(*before).report.problems == {}
    ids, start = inventory.ids(), inventory.latest_change()
    report = inventory.sync(*after).report
    assert report.problems == {}
    changed = [row for row in inventory.changes_since(start) if row["message"]]
    writes = Counter(f"{row['action']['value']} {row['changed_object_type']}" for row in changed)
    settled = inventory.latest_change()
    last = inventory.sync(*after)
    assert not last.report.has_changes
    assert inventory.changes_since(settled) == []
    if last.has_pending_work:
        while last.has_pending_work:
            assert last.report.problems == {}
            last = inventory.sync(*after)
        last = inventory.sync(*after)
    assert (last.report.problems, last.report.has_changes) == ({}, False)
    plan, remaining = inventory.plan(live_state(*after)), inventory.ids()
    planned = {(item.MODEL, item.key) for item in plan.objects if not item.SHARED}
    assert planned <= remaining.keys()
    return ChangeResult(ids, remaining, report, writes)


def bundle(name: str, *links: tuple[str, str]) -> Resource:
    return connection(name, "bundled", *({"server": a, "switch": b} for a, b in links))


def pool(name: str, start: int, end: int, *, subnet: str = "a") -> Resource:
    """Return a VPC with a DHCP range from one host number to another."""
    dhcp: dict[str, Json] = {
        "enable": True,
        "range": {"start": f"10.0.1.{start}", "end": f"10.0.1.{end}"},
    }
    spec: dict[str, Json] = {"subnet": "10.0.1.0/24", "vlan": 1001, "dhcp": dhcp}
    body: dict[str, Json] = {"ipv4Namespace": "default", "vlanNamespace": "default"}
    return live("VPC", name, {**body, "subnets": {subnet: spec}})


def subnets(name: str, **networks: tuple[str, int]) -> Resource:
    """Return a VPC with these subnets (network, VLAN), each with gateway and DHCP."""
    specs: dict[str, Json] = {}
    for subnet, (network, vlan) in networks.items():
        base = network.rpartition(".")[0]
        specs[subnet] = {
            "subnet": network,
            "vlan": vlan,
            "gateway": f"{base}.1",
            "dhcp": {"enable": True, "range": {"start": f"{base}.10", "end": f"{base}.99"}},
        }
    body: dict[str, Json] = {"ipv4Namespace": "default", "vlanNamespace": "default"}
    return live("VPC", name, {**body, "subnets": specs})


@scenario
def test_wider_namespace_changes_its_group(inventory: FabricInventory) -> None:
    inventory.sync(*NAMESPACES)
    group = inventory.get(Model.VLAN_GROUP, "VLANNamespace/default/default")
    wider = live("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 3999}]})
    assert inventory.sync(wider, *NAMESPACES[1:]).report.updated == 1
    changed = inventory.get(Model.VLAN_GROUP, "VLANNamespace/default/default")
    assert changed["id"] == group["id"]
    assert [tuple(ids) for ids in changed["vid_ranges"]] == [(1000, 3999)]


@scenario
def test_rewired_connection_updates_cable(inventory: FabricInventory) -> None:
    moved = (cable("c", "s-1/e1", "leaf-2/E1/7"), CABLES[1])
    result = sync_change(inventory, (*RACK, *CABLES), (*RACK, *moved))
    assert result.lost == set()
    assert result.writes == {"create dcim.interface": 1, "update dcim.cable": 1}
    ends = cable_ports(inventory.get(Model.CABLE, "Connection/default/c"))
    assert ends == {("s-1", "e1"), ("leaf-2", "E1/7")}


@key_scenario
def test_connections_swap_one_end(inventory: FabricInventory) -> None:
    swapped = (cable("c", "s-1/e1", "leaf-1/E1/2"), cable("d", "s-2/e1", "leaf-1/E1/1"))
    result = sync_change(inventory, (*RACK, *CABLES), (*RACK, *swapped))
    assert result.lost == set()
    assert (result.report.created, result.report.updated) == (0, 2)
    # One has to make room first: NetBox takes one cable per port.
    assert result.writes == {"update dcim.cable": 3}
    ends = cable_ports(inventory.get(Model.CABLE, "Connection/default/c"))
    assert ends == {("s-1", "e1"), ("leaf-1", "E1/2")}


@scenario
def test_connections_swap_both_ends(inventory: FabricInventory) -> None:
    swapped = (cable("d", "s-1/e1", "leaf-1/E1/1"), cable("c", "s-2/e1", "leaf-1/E1/2"))
    result = sync_change(inventory, (*RACK, *CABLES), (*RACK, *swapped))
    assert result.writes == {"update dcim.cable": 2}  # the same cables with other labels
    assert sorted(result.after.values()) == sorted(result.before.values())
    row = inventory.get(Model.CABLE, "Connection/default/c")
    assert (row["label"], cable_ports(row)) == ("c", {("s-2", "e1"), ("leaf-1", "E1/2")})


@scenario
def test_breakout_keeps_first_lane_and_its_edits(inventory: FabricInventory) -> None:
    whole = (*RACK, switch("leaf-9", portBreakouts={"E1/5": "1x100G"}))
    divided = (*RACK, switch("leaf-9", portBreakouts={"E1/5": "4x25G"}))
    wired = cable("c", "s-1/e1", "leaf-9/E1/5")
    result = sync_change(inventory, (*whole, wired), (*divided, wired))
    assert result.lost == set()
    assert result.writes == {"create dcim.interface": 3, "update dcim.interface": 1}
    ends = cable_ports(inventory.get(Model.CABLE, "Connection/default/c"))
    assert ends == {("s-1", "e1"), ("leaf-9", "E1/5/1")}
    assert ports_of("leaf-9", inventory) == {"M1", "E1/5/1", "E1/5/2", "E1/5/3", "E1/5/4"}
    key = "Switch/default/leaf-9#E1/5"
    lane = inventory.get(Model.INTERFACE, key)
    assert (lane["type"]["value"], lane["speed"]) == ("25gbase-x-sfp28", 25_000_000)
    inventory.edit(Model.INTERFACE, lane, description="To the lab")
    back = sync_change(inventory, (*divided, wired), (*whole, wired))
    assert back.lost == {(Model.INTERFACE, f"{key}/{lane}") for lane in (2, 3, 4)}
    assert back.writes == {"update dcim.interface": 1}
    assert ports_of("leaf-9", inventory) == {"M1", "E1/5"}
    port = inventory.get(Model.INTERFACE, key)
    assert (port["type"]["value"], port["speed"]) == ("100gbase-x-qsfp28", 100_000_000)
    assert port["description"] == "To the lab"


def ports_of(device: str, inventory: FabricInventory) -> set[str]:
    rows = inventory.objects(Model.INTERFACE)
    return {row["name"] for row in rows if row["device"]["name"] == device}


@scenario
def test_subnet_gets_other_vlan_id(inventory: FabricInventory) -> None:
    attached = (*FRAME, *CABLES, attachment("v-c", "v/a", "c"))
    result = sync_change(
        inventory,
        (*attached, vpc("v", 1001, "10.0.1.0/24")),
        (*attached, vpc("v", 1999, "10.0.1.0/24")),
    )
    assert result.lost == set()
    assert result.writes == {"update ipam.vlan": 1}
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert [vlan["vid"] for vlan in port["tagged_vlans"]] == [1999]


@scenario
def test_renamed_connection_keeps_cable(inventory: FabricInventory) -> None:
    renamed = (cable("new", "s-1/e1", "leaf-1/E1/1"), CABLES[1])
    result = sync_change(inventory, (*RACK, *CABLES), (*RACK, *renamed))
    assert result.writes == {"update dcim.cable": 1}
    old, new = (Model.CABLE, "Connection/default/c"), (Model.CABLE, "Connection/default/new")
    assert result.lost == {old}
    assert result.after[new] == result.before[old]
    assert inventory.get(*new)["label"] == "new"


@scenario
def test_renamed_bundle_keeps_lag(inventory: FabricInventory) -> None:
    links = (("s-1/e1", "leaf-1/E1/1"), ("s-1/e2", "leaf-1/E1/2"))
    given = (*FRAME, vpc("v", 1001, "10.0.1.0/24"))
    result = sync_change(
        inventory,
        (*given, bundle("old", *links), attachment("x", "v/a", "old")),
        (*given, bundle("new", *links), attachment("x", "v/a", "new")),
    )
    assert {model for model, _ in result.lost} == {Model.CABLE}
    assert result.writes == {"update dcim.cable": 2, "update dcim.interface": 2}
    assert sorted(result.after.values()) == sorted(result.before.values())


@scenario
def test_removed_vpc_is_deleted(inventory: FabricInventory) -> None:
    given = (*FRAME, *CABLES, vpc("w", 1002, "10.0.2.0/24"))
    result = sync_change(
        inventory,
        (*given, subnets("v", a=("10.0.1.0/24", 1001)), attachment("v-c", "v/a", "c")),
        given,
    )
    assert result.writes == {"update dcim.interface": 1}  # its VLAN is no longer on the port
    assert not any("VPC/default/v" in key for _, key in inventory.ids())


@scenario
def test_overlapping_dhcp_range_is_updated(inventory: FabricInventory) -> None:
    result = sync_change(inventory, (*FRAME, pool("v", 10, 99)), (*FRAME, pool("v", 50, 150)))
    assert result.lost == set()
    assert result.writes == {"update ipam.iprange": 1}


@scenario
def test_renamed_subnet_keeps_dhcp_range(inventory: FabricInventory) -> None:
    result = sync_change(
        inventory, (*FRAME, pool("v", 10, 99)), (*FRAME, pool("v", 50, 150, subnet="b"))
    )
    assert sorted(result.after.values()) == sorted(result.before.values())
    assert result.writes == {
        "update ipam.vlan": 1,
        "update ipam.prefix": 1,
        "update ipam.iprange": 1,
    }


@scenario
def test_subnets_swap_dhcp_ranges(inventory: FabricInventory) -> None:
    one, other = ("10.0.1.0/24", 1001), ("10.0.2.0/24", 1002)
    result = sync_change(
        inventory,
        (*FRAME, subnets("v", a=one, b=other)),
        (*FRAME, subnets("v", a=other, b=one)),
    )
    assert result.report.created == 0
    assert sorted(result.after.values()) == sorted(result.before.values())
    ranges = {row["description"]: row["start_address"] for row in inventory.objects(Model.IP_RANGE)}
    assert ranges == {"DHCP of v/a": "10.0.2.10/24", "DHCP of v/b": "10.0.1.10/24"}
    prefixes = {row["description"]: row for row in inventory.objects(Model.PREFIX)}
    assert prefixes["v/a"]["prefix"] == "10.0.2.0/24"
    assert prefixes["v/a"]["vlan"]["vid"] == 1002


@scenario
def test_merged_subnets_keep_one_dhcp_range(inventory: FabricInventory) -> None:
    result = sync_change(
        inventory,
        (*FRAME, pools(a="10.0.0.0/24", b="10.0.1.0/24")),
        (*FRAME, pools(c="10.0.0.0/23")),
    )
    assert result.writes == {"create ipam.prefix": 1, "update ipam.iprange": 2}
    [row] = inventory.objects(Model.IP_RANGE)
    assert (row["start_address"], row["end_address"]) == ("10.0.0.1/23", "10.0.1.254/23")
    assert row["id"] in result.before.values()


@scenario
def test_split_switch_pairs_keep_addresses(inventory: FabricInventory) -> None:
    result = sync_change(
        inventory,
        (
            *RACK,
            *pair("mclag", 1, 1),
            *pair("mclag", 3, 3, first=6),
            *pair("mclag", 5, 5, first=4),
        ),
        (*RACK, *pair("eslag", 1, 2), *pair("eslag", 4, 3, first=6), *pair("eslag", 5, first=4)),
    )
    assert {key.partition("#")[0] for _, key in result.lost} == {"Switch/default/leaf-5"}
    # One write releases the address of the switch that was removed.
    assert result.writes == {"update dcim.device": 5, "update ipam.ipaddress": 6}


@key_scenario
def test_vpcs_swap_vlans_and_prefixes(inventory: FabricInventory) -> None:
    one, other = ("10.0.1.0/24", 1001), ("10.0.2.0/24", 1002)
    attached = (*FRAME, *CABLES, attachment("v-c", "v/a", "c"))
    result = sync_change(
        inventory,
        (*attached, subnets("v", a=one), subnets("w", a=other)),
        (*attached, subnets("v", a=other), subnets("w", a=one)),
    )
    assert result.lost == set()
    assert result.report.created == 0
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert [vlan["vid"] for vlan in port["tagged_vlans"]] == [1002]
    assert inventory.get(Model.PREFIX, "VPC/default/v#a")["prefix"] == "10.0.2.0/24"


@scenario
def test_unbundled_server_becomes_bundled(inventory: FabricInventory) -> None:
    given = (*FRAME, vpc("v", 1001, "10.0.1.0/24"), attachment("v-c", "v/a", "c"))
    result = sync_change(
        inventory,
        (*given, CABLES[0]),
        (*given, bundle("c", ("s-1/e1", "leaf-1/E1/1"), ("s-1/e2", "leaf-1/E1/2"))),
    )
    # In a bundle, the keys of cables name the link.
    assert {model for model, _ in result.lost} == {Model.CABLE}
    assert result.writes == {
        "create dcim.interface": 4,  # two LAGs and two ports
        "update dcim.interface": 2,  # the first of both, into its LAG
        "create dcim.cable": 1,
        "update dcim.cable": 2,  # NetBox logs both ends of a new cable
    }
    assert (result.report.created, result.report.updated) == (5, 3)
    lag = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#lag:E1/1")
    assert [vlan["vid"] for vlan in lag["tagged_vlans"]] == [1001]
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert (port["lag"]["id"], port["tagged_vlans"], port["mode"]) == (lag["id"], [], None)


@key_scenario
def test_renamed_subnet_keeps_its_vlan_and_deletes_nothing(inventory: FabricInventory) -> None:
    network, given, start = ("10.0.1.0/24", 1001), (*FRAME, *CABLES), inventory.latest_change()
    result = sync_change(
        inventory,
        (*given, subnets("v", a=network), attachment("v-c", "v/a", "c")),
        (*given, subnets("v", b=network), attachment("v-c", "v/b", "c")),
    )
    vlans = {key: number for (model, key), number in result.after.items() if model is Model.VLAN}
    assert vlans == {"VPC/default/v#b": result.before[Model.VLAN, "VPC/default/v#a"]}
    assert result.writes == {
        "update ipam.vlan": 1,
        "update ipam.prefix": 1,
        "update ipam.iprange": 1,
        "update ipam.ipaddress": 1,
    }
    changes = inventory.changes_since(start)
    assert [row for row in changes if row["action"]["value"] == "delete"] == []
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert [vlan["id"] for vlan in port["tagged_vlans"]] == [*vlans.values()]


def leases(name: str, vlan: int, *hosts: int) -> Resource:
    """Return a VPC with a DHCP range, and in it a static lease for each host number."""
    number = vlan % 100
    dhcp: dict[str, Json] = {
        "enable": True,
        "range": {"start": f"10.0.{number}.10", "end": f"10.0.{number}.99"},
        "static": {
            f"0c:20:12:fe:02:0{place}": {"ip": f"10.0.{number}.{host}"}
            for place, host in enumerate(hosts)
        },
    }
    return vpc(name, vlan, f"10.0.{number}.0/24", dhcp=dhcp)


def test_new_address_in_populated_range_is_one_refusal(inventory: FabricInventory) -> None:
    """NetBox lets addresses move within such a range, and no new ones in."""
    inventory.sync(*NAMESPACES, leases("v", 1001, 20))
    ids = inventory.ids()
    [range_] = inventory.objects(Model.IP_RANGE)
    inventory.edit(Model.IP_RANGE, range_, mark_populated=True)
    assert inventory.sync(*NAMESPACES, leases("v", 1001, 21)).report.problems == {}
    assert inventory.ids() == ids

    live = (
        *NAMESPACES,
        leases("v", 1001, 21, 22),
        leases("w", 1002, 30),
        vpc("x", 1003, "10.0.3.0/24"),
    )
    for _ in range(2):
        with inventory.record_requests() as sent:
            report = inventory.sync(*live).report
        [finding] = report.findings
        assert (finding.problem, finding.what) == (
            FindingType.FAILED,
            "VPC/default/v#a/0C:20:12:FE:02:01",
        )
        assert "Cannot create IP address 10.0.1.22/24 inside range" in finding.why
        assert len([request for request in sent if request.startswith("POST /api/ipam/ip-a")]) <= 2
    assert len(sent) < 15
    planned = {(item.MODEL, item.key) for item in inventory.plan(live_state(*live)).objects}
    refused = {(Model.IP_ADDRESS, finding.what)}
    assert {key for key in planned if key[0] in OWNED_MODELS} - inventory.ids().keys() == refused


@scenario
def test_bundled_server_becomes_unbundled(inventory: FabricInventory) -> None:
    given = (*FRAME, vpc("v", 1001, "10.0.1.0/24"), attachment("v-c", "v/a", "c"))
    result = sync_change(
        inventory,
        (*given, bundle("c", ("s-1/e1", "leaf-1/E1/1"), ("s-1/e2", "leaf-1/E1/2"))),
        (*given, CABLES[0]),
    )
    assert {(model, key.partition("#")[2]) for model, key in result.lost} == {
        (Model.CABLE, "s-1/e1"),
        (Model.CABLE, "s-1/e2"),
        (Model.INTERFACE, "lag:E1/1"),
        (Model.INTERFACE, "lag:e1"),
        (Model.INTERFACE, "e2"),
    }
    ports = [
        inventory.get(Model.INTERFACE, key)
        for key in ("Switch/default/leaf-1#E1/1", "Switch/default/leaf-1#E1/2")
    ]
    shown = [(port["lag"], [vlan["vid"] for vlan in port["tagged_vlans"]]) for port in ports]
    assert shown == [(None, [1001]), (None, [])]


@key_scenario
def test_vlan_is_no_longer_native(inventory: FabricInventory) -> None:
    def attached(*, native: bool) -> tuple[Resource, ...]:
        spec: Json = {"subnet": "v/a", "connection": "c", "nativeVLAN": native}
        return (*FRAME, *CABLES, vpc("v", 1001, "10.0.1.0/24"), live("VPCAttachment", "x", spec))

    for native, mode in ((False, "tagged"), (True, "access")):
        result = sync_change(inventory, attached(native=not native), attached(native=native))
        assert result.writes == {"update dcim.interface": 1}
        port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
        tagged, untagged = port["tagged_vlans"], [port["untagged_vlan"]]
        shown = [[vlan["vid"] for vlan in vlans if vlan] for vlans in (tagged, untagged)]
        assert (port["mode"]["value"], shown) == (mode, [[], [1001]] if native else [[1001], []])


def leaf(name: str) -> Resource:
    """Return a switch with all types of addresses and a MAC address."""
    return switch(
        name,
        ip="172.30.0.9/21",
        protocolIP="172.30.8.9/32",
        vtepIP="172.30.12.9/32",
        boot={"mac": "0c:20:12:fe:00:09", "serial": "CN9"},
    )


@key_scenario
def test_renamed_switch_keeps_addresses_and_cables(inventory: FabricInventory) -> None:
    inventory.sync(*RACK, leaf("leaf-8"))
    device = inventory.get(Model.DEVICE, "Switch/default/leaf-8")
    inventory.edit(Model.DEVICE, device, oob_ip=device["primary_ip4"]["id"])
    result = sync_change(
        inventory,
        (*RACK, leaf("leaf-8"), cable("c", "s-1/e1", "leaf-8/E1/1"), *external_ports("leaf-8")),
        (*RACK, leaf("leaf-9"), cable("c", "s-1/e1", "leaf-9/E1/1"), *external_ports("leaf-9")),
    )
    assert (Model.CABLE, "Connection/default/c") not in result.lost
    leading = {"ExternalAttachment/default/a", "Connection/default/y#vlan"}
    assert {model for model, key in result.lost if key in leading} == {Model.INTERFACE}
    device = inventory.get(Model.DEVICE, "Switch/default/leaf-9")
    assert device["primary_ip4"]["address"] == "172.30.0.9/21"
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-9#M1")
    assert port["primary_mac_address"]["mac_address"] == "0C:20:12:FE:00:09"
    assert not any("leaf-8" in key for _, key in inventory.ids())
    assert "leaf-8" not in {row["name"] for row in inventory.objects(Model.DEVICE)}


@scenario
def test_address_that_a_switch_no_longer_has_stops_being_primary_at_once(
    inventory: FabricInventory,
) -> None:
    """Only the deletes of the addresses wait."""
    inventory.sync(*RACK, leaf("leaf-8"))
    bare = switch("leaf-8", boot={"serial": "CN9"})
    for has_changes in (True, False):
        assert inventory.sync(*RACK, bare).report.has_changes is has_changes
        device = inventory.get(Model.DEVICE, "Switch/default/leaf-8")
        port = inventory.get(Model.INTERFACE, "Switch/default/leaf-8#M1")
        assert (device["primary_ip4"], port["primary_mac_address"]) == (None, None)
        key = "Switch/default/leaf-8#M1"
        assert {(Model.IP_ADDRESS, key), (Model.MAC_ADDRESS, key)} <= set(inventory.ids())
    inventory.sync(*RACK, bare)
    assert (Model.IP_ADDRESS, "Switch/default/leaf-8#M1") not in inventory.ids()


@scenario
def test_swapped_device_names_are_restored(inventory: FabricInventory) -> None:
    given = (*RACK, *external_ports("leaf-1"))
    inventory.sync(*given)
    ids = inventory.ids()
    one, other = (inventory.get(Model.DEVICE, f"Switch/default/leaf-{n}") for n in (1, 2))
    for row, name in ((one, "meanwhile"), (other, "leaf-1"), (one, "leaf-2")):
        inventory.edit(Model.DEVICE, row, name=name)
    report = inventory.sync(*given).report
    assert (report.problems, report.created, inventory.ids()) == ({}, 0, ids)
    assert inventory.get(Model.DEVICE, "Switch/default/leaf-1")["name"] == "leaf-1"
    assert not inventory.sync(*given).has_pending_work


@scenario
def test_conflicting_subinterface_on_new_switch_is_reported(inventory: FabricInventory) -> None:
    """The old subinterface does not hide that the new switch has none."""
    inventory.sync(*RACK, *external_ports("leaf-1"))
    device_id = inventory.get(Model.DEVICE, "Switch/default/leaf-2")["id"]
    subinterface = {"device": device_id, "name": "E1/9.100", "type": "virtual"}
    hand_made = inventory.admin.create(PATHS[Model.INTERFACE], subinterface)
    for _ in range(2):
        report = inventory.sync(*RACK, *external_ports("leaf-2")).report
        assert report.problems == {FindingType.CONFLICT: 1, FindingType.WAITING: 1}
        assert {finding.what for finding in report.findings} == {"ExternalAttachment/default/a"}
    inventory.admin.delete(PATHS[Model.INTERFACE], hand_made["id"])
    assert inventory.sync(*RACK, *external_ports("leaf-2")).report.problems == {}


@key_scenario
def test_switches_swap_addresses(inventory: FabricInventory) -> None:
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

    result = sync_change(inventory, (*RACK, *pair(8, 9)), (*RACK, *pair(9, 8)))
    assert result.report.created == result.report.deleted == 0
    addresses = {row["name"]: row["primary_ip4"] for row in inventory.objects(Model.DEVICE)}
    assert addresses["leaf-8"]["address"] == "172.30.0.9/21"
    assert addresses["leaf-9"]["address"] == "172.30.0.8/21"


@scenario
def test_replaced_server_takes_over_cable(inventory: FabricInventory) -> None:
    remaining = tuple(resource for resource in RACK if resource.name != "s-1")
    result = sync_change(
        inventory,
        (*RACK, *CABLES),
        (*remaining, server("s-9"), cable("c", "s-9/e1", "leaf-1/E1/1"), CABLES[1]),
    )
    assert result.writes == {
        "create dcim.device": 1,
        "create dcim.interface": 1,
        "update dcim.cable": 1,
    }
    assert "s-1" not in {row["name"] for row in inventory.objects(Model.DEVICE)}


@scenario
def test_fabric_with_same_vpcs_stays_unchanged(make_inventory: MakeInventory) -> None:
    one, other = make_inventory(), make_inventory()
    for inventory in (one, other):
        assert inventory.sync(*FRAME, vpc("v", 1001, "10.0.1.0/24")).report.problems == {}
    other_ids = other.ids()
    before = one.latest_change()
    assert one.sync(*FRAME, vpc("v", 1002, "10.0.9.0/24")).report.problems == {}
    own_ids = {(str(model), number) for (model, _), number in one.ids().items()}
    changed = {
        (row["changed_object_type"], row["changed_object_id"]) for row in one.changes_since(before)
    }
    assert changed <= own_ids
    assert other.ids() == other_ids
    assert not other.sync(*FRAME, vpc("v", 1001, "10.0.1.0/24")).report.has_changes
