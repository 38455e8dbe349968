"""A fabric's inventory in NetBox, written by the user of workers."""

import pytest

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox, Method
from activities.inventory.netbox.endpoints import INVENTORY_ITEMS, PATHS
from activities.netbox.client import Row
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.plan import builder
from fabrics.inventory.prune.absence_encoding import MAX_ABSENCE_COUNTS_BYTES
from fabrics.inventory.report.report import FindingType
from tests.support.fabrics.objects import live_state
from tests.support.inventory.live_samples import parse_live_state
from tests.support.inventory.plans import connection
from tests.support.inventory.small_fabric import FRAME, NAMESPACES, RACK, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import (
    FabricInventory,
    MakeInventory,
    cable_ports,
    key_scenario,
    scenario,
)

CABLES = (cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-1/E1/2"))
WIRED = (*RACK, *CABLES)
SMALL = (
    *FRAME,
    *CABLES,
    vpc("v", 1001, "10.0.1.0/24"),
    vpc("w", 1002, "10.0.2.0/24"),
    attachment("v-c", "v/a", "c"),
)


@key_scenario
def test_objects_are_tagged_and_changelog_names_sync(inventory: FabricInventory) -> None:
    before = inventory.latest_change()
    inventory.sync(*SMALL)
    for model in OWNED_MODELS:
        for row in inventory.objects(model):
            assert [tag["slug"] for tag in row["tags"]] == [TAG_SLUG]
    # With a cable NetBox also writes to its ports, without any message.
    created = [row for row in inventory.changes_since(before) if row["action"]["value"] == "create"]
    messages = {row["message"] for row in created if row["changed_object_type"] in PATHS}
    assert messages == {f"Fabric Sync: sync 1 of {inventory.fabric_id}, commit {'4f' * 6}"}


def test_short_pages_lose_no_rows(inventory: FabricInventory, short_pages: int) -> None:
    networks = (*NAMESPACES, *(vpc(f"v{n}", 1000 + n, f"10.0.{n}.0/24") for n in range(3)))
    inventory.sync(*networks)
    models = (Model.VRF, Model.VLAN, Model.PREFIX)
    ids = [[row["id"] for row in inventory.objects(model)] for model in models]
    assert not inventory.sync(*networks).report.has_changes
    assert [[row["id"] for row in inventory.objects(model)] for model in models] == ids
    plan = inventory.plan(live_state(*networks))
    # VRF names may repeat, so a lost row would lead to a duplicate.
    assert short_pages < len(inventory.objects(Model.VRF)) == plan.counts[Model.VRF]


@key_scenario
def test_edited_owned_values_are_restored_in_one_write(
    inventory: FabricInventory,
) -> None:
    inventory.sync(*SMALL)
    vlan = inventory.get(Model.VLAN, "VPC/default/v#a")
    inventory.edit(Model.VLAN, vlan, name="mine")
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    inventory.edit(Model.INTERFACE, port, mode="q-in-q", qinq_svlan=vlan["id"])
    before = inventory.latest_change()
    assert inventory.sync(*SMALL).report.updated == 2
    assert inventory.get(Model.VLAN, "VPC/default/v#a")["name"] == "v/a"
    row = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert (row["mode"], row["qinq_svlan"]) == (port["mode"], None)
    changed = [row["changed_object_id"] for row in inventory.changes_since(before)]
    assert sorted(changed) == sorted([port["id"], vlan["id"]])


@scenario
def test_values_added_by_people_stay(inventory: FabricInventory) -> None:
    inventory.sync(*SMALL)
    keen = inventory.admin.create("extras/tags", {"name": "Keen", "slug": "keen"})
    device = inventory.get(Model.DEVICE, "Server/default/s-1")
    values = {"serial": "CN7", "asset_tag": "A7", "description": "Rack 7"}
    inventory.edit(Model.DEVICE, device, **values, tags=[{"slug": TAG_SLUG}, {"slug": "keen"}])
    vlan = inventory.get(Model.VLAN, "VPC/default/v#a")
    inventory.edit(Model.VLAN, vlan, description="for the lab")
    address = inventory.get(Model.IP_ADDRESS, "Switch/default/leaf-1#M1")
    inventory.edit(Model.IP_ADDRESS, address, description="jump host")
    leaf = inventory.get(Model.DEVICE, "Switch/default/leaf-1")
    inventory.edit(Model.DEVICE, leaf, oob_ip=address["id"])
    port = inventory.get(Model.INTERFACE, "Server/default/s-1#e1")
    inventory.edit(Model.INTERFACE, port, mode="access", untagged_vlan=vlan["id"])
    assert not inventory.sync(*SMALL).report.has_changes
    row = inventory.get(Model.DEVICE, "Server/default/s-1")
    assert {name: row[name] for name in values} == values
    assert {tag["slug"] for tag in row["tags"]} == {TAG_SLUG, "keen"}
    assert inventory.get(Model.VLAN, "VPC/default/v#a")["description"] == "for the lab"
    row = inventory.get(Model.IP_ADDRESS, "Switch/default/leaf-1#M1")
    assert row["description"] == "jump host"
    assert inventory.get(Model.DEVICE, "Switch/default/leaf-1")["oob_ip"]["id"] == address["id"]
    row = inventory.get(Model.INTERFACE, "Server/default/s-1#e1")
    assert (row["mode"]["value"], row["untagged_vlan"]["id"]) == ("access", vlan["id"])
    inventory.admin.delete("extras/tags", keen["id"])


@scenario
def test_changes_keep_ids(inventory: FabricInventory) -> None:
    inventory.sync(*SMALL)
    ids = inventory.ids()
    frame = (*FRAME, vpc("w", 1001, "10.0.2.0/24"), vpc("v", 1002, "10.0.1.0/24"))
    swapped = (cable("c", "s-1/e1", "leaf-1/E1/2"), cable("d", "s-2/e1", "leaf-1/E1/1"))
    outcome = inventory.sync(*frame, *swapped, attachment("v-c", "v/a", "c"))
    assert outcome.report.problems == {}
    assert inventory.ids() == ids
    assert inventory.get(Model.VLAN, "VPC/default/v#a")["vid"] == 1002
    ends = cable_ports(inventory.get(Model.CABLE, "Connection/default/c"))
    assert ends == {("s-1", "e1"), ("leaf-1", "E1/2")}
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/2")
    assert [vlan["vid"] for vlan in port["tagged_vlans"]] == [1002]
    renamed = (cable("new", "s-1/e1", "leaf-1/E1/2"), cable("d", "s-2/e1", "leaf-1/E1/1"))
    outcome = inventory.sync(*frame, *renamed, attachment("v-c", "v/a", "new"))
    assert outcome.report.updated == 1
    taken_over = inventory.get(Model.CABLE, "Connection/default/new")
    assert taken_over["id"] == ids[Model.CABLE, "Connection/default/c"]
    assert taken_over["label"] == "new"


@scenario
def test_absent_vpc_is_deleted_by_third_sync(inventory: FabricInventory) -> None:
    inventory.sync(*SMALL)
    remaining = [resource for resource in SMALL if resource.name not in ("v", "v-c")]
    for _ in range(2):
        outcome = inventory.sync(*remaining)
        assert outcome.has_pending_work
        assert outcome.report.deleted == 0
    assert inventory.sync(*remaining).report.deleted > 0
    assert not any("VPC/default/v" in key for _, key in inventory.ids())
    assert not inventory.sync(*remaining).has_pending_work


@scenario
def test_many_deletes_wait_for_confirmation(inventory: FabricInventory) -> None:
    cables = [cable(f"c{n}", f"s-1/e{n}", f"leaf-1/E1/{n}") for n in range(1, 13)]
    inventory.sync(*FRAME, *cables)
    without_cables = live_state(*FRAME, served=("Connection",))
    without_server = live_state(
        *(resource for resource in FRAME if resource.name != "s-2"), served=("Connection",)
    )
    for live in (without_cables, without_cables, without_server):
        outcome = inventory.sync_live(live)
    waiting = outcome.deletes_waiting
    assert waiting is not None
    assert waiting.counts["dcim.cable"] == 12
    assert len(inventory.objects(Model.CABLE)) == 12
    assert inventory.sync_live(without_server, confirmed="another").report.deleted == 0
    ports = [row for row in inventory.objects(Model.INTERFACE) if row["device"]["name"] == "s-1"]
    for port in ports:
        add_optic(inventory, port)
    assert inventory.sync_live(without_server, confirmed=waiting.digest).report.deleted == 12
    assert inventory.objects(Model.CABLE) == []
    assert inventory.get(Model.DEVICE, "Server/default/s-2")
    outcome = inventory.sync_live(without_server)
    assert outcome.report.problems == {FindingType.CONFLICT: 12}, "one for each port"
    assert outcome.deletes_waiting is None, "these are confirmed already"


def add_optic(inventory: FabricInventory, port: Row) -> None:
    """Add an inventory item to a port, as a person does."""
    at = {"component_type": Model.INTERFACE, "component_id": port["id"]}
    row = {"device": port["device"]["id"], "name": f"Optic {port['name']}"}
    inventory.admin.create(INVENTORY_ITEMS, row | at)


@scenario
def test_suddenly_empty_kind_changes_nothing(inventory: FabricInventory) -> None:
    inventory.sync(*SMALL)
    before = inventory.latest_change()
    live = parse_live_state([])
    outcome = inventory.sync_live(live, counts={"Switch": 2})
    assert "Switch" in outcome.withheld
    assert outcome.has_pending_work
    assert inventory.changes_since(before) == []


@scenario
def test_fabrics_with_same_device_names_share_site(make_inventory: MakeInventory) -> None:
    one = make_inventory()
    site = one.admin.create("dcim/sites", {"name": "Hall 7", "slug": "hall-7", "status": "active"})
    fabrics = [make_inventory(hh_site=site["id"]) for _ in range(2)]
    for inventory in fabrics:
        assert inventory.sync(*SMALL).report.problems == {}
    for inventory in fabrics:
        assert not inventory.sync(*SMALL).report.has_changes
        names = {row["name"] for row in inventory.objects(Model.DEVICE)}
        assert f"{inventory.fabric_id}-leaf-1" in names
        assert {row["site"]["slug"] for row in inventory.objects(Model.DEVICE)} == {"hall-7"}


@scenario
def test_fabric_changes_nothing_of_another_with_the_same_objects(
    make_inventory: MakeInventory,
) -> None:
    other, own = make_inventory(), make_inventory()
    other.sync(*SMALL)
    before, theirs = other.latest_change(), other.ids()
    own.sync(*SMALL)
    own.sync(*FRAME, *CABLES, vpc("v", 1003, "10.0.3.0/24"))
    without_networks = live_state(*FRAME, served=("Connection", "VPC", "VPCAttachment"))
    assert own.sync_to_deletion(without_networks).report.deleted > 0
    assert other.ids() == theirs
    changed = {
        (row["changed_object_type"], row["changed_object_id"]) for row in own.changes_since(before)
    }
    assert changed
    assert not changed & {(model, number) for (model, _), number in theirs.items()}


@key_scenario
def test_conflicting_objects_of_people_stay(inventory: FabricInventory) -> None:
    inventory.sync(*RACK)
    device = inventory.get(Model.DEVICE, "Switch/default/leaf-1")
    server = inventory.get(Model.DEVICE, "Server/default/s-1")
    ports = [
        inventory.admin.create(
            "dcim/interfaces", {"device": owner["id"], "name": name, "type": "other"}
        )
        for owner, name in ((device, "E1/1"), (server, "own"))
    ]
    outcome = inventory.sync(*WIRED)
    assert outcome.report.problems[FindingType.CONFLICT] == 1
    conflict = next(
        finding for finding in outcome.report.findings if finding.problem is FindingType.CONFLICT
    )
    assert conflict.what == "Switch/default/leaf-1#E1/1"
    assert "made by somebody else" in conflict.why
    assert [row["custom_fields"]["hh_key"] for row in inventory.objects(Model.CABLE)] == [
        "Connection/default/d"
    ]
    tagged = {"tags": [{"slug": TAG_SLUG}]}
    inventory.admin.update("dcim/interfaces", ports[0]["id"], tagged)
    assert inventory.sync(*WIRED).report.problems[FindingType.ADOPTABLE] == 1
    for row in ports:
        inventory.admin.delete("dcim/interfaces", row["id"])
    assert inventory.sync(*WIRED).report.problems == {}


@scenario
def test_tagged_object_is_adopted_only_on_request(inventory: FabricInventory) -> None:
    inventory.sync(*FRAME)
    device = inventory.get(Model.DEVICE, "Switch/default/leaf-1")
    offer = {"device": device["id"], "name": "E1/1", "type": "other", "tags": [{"slug": TAG_SLUG}]}
    offered = inventory.admin.create("dcim/interfaces", offer)
    assert inventory.sync(*SMALL).report.problems[FindingType.ADOPTABLE] == 1
    assert offered["id"] not in [row["id"] for row in inventory.objects(Model.INTERFACE)]
    outcome = inventory.sync(*SMALL, adopt=True)
    assert (outcome.report.adopted, outcome.has_pending_work) == (1, True)
    assert inventory.sync(*SMALL).report.problems == {}
    assert inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")["id"] == offered["id"]


@scenario
def test_device_with_foreign_port_is_decommissioned(inventory: FabricInventory) -> None:
    inventory.sync(*FRAME)
    device = inventory.get(Model.DEVICE, "Server/default/s-2")
    port = {"device": device["id"], "name": "own", "type": "other"}
    foreign = inventory.admin.create("dcim/interfaces", port)
    remaining = [resource for resource in FRAME if resource.name != "s-2"]
    for _ in range(3):
        outcome = inventory.sync(*remaining)
    assert outcome.report.problems == {FindingType.CONFLICT: 1}
    assert inventory.get(Model.DEVICE, "Server/default/s-2")["status"]["value"] == "decommissioning"
    before = inventory.latest_change()
    assert inventory.sync(*remaining).report.problems == {FindingType.CONFLICT: 1}
    assert inventory.changes_since(before) == []
    inventory.admin.delete("dcim/interfaces", foreign["id"])
    assert inventory.sync(*remaining).report.deleted == 1


@scenario
def test_interface_with_foreign_address_stays(inventory: FabricInventory) -> None:
    inventory.sync(*SMALL)
    port = inventory.get(Model.INTERFACE, "Server/default/s-2#e1")
    assignment = {"assigned_object_type": Model.INTERFACE, "assigned_object_id": port["id"]}
    foreign = inventory.admin.create("ipam/ip-addresses", {"address": "192.0.2.7/24", **assignment})
    remaining = [resource for resource in SMALL if resource.name not in ("d",)]
    for _ in range(3):
        outcome = inventory.sync(*remaining)
    assert inventory.get(Model.INTERFACE, "Server/default/s-2#e1")["id"] == port["id"]
    assert outcome.report.problems == {FindingType.CONFLICT: 1}
    inventory.admin.delete("ipam/ip-addresses", foreign["id"])
    inventory.sync(*remaining)


def test_netbox_refuses_changes_of_foreign_objects(
    inventory: FabricInventory, inventory_netbox: InventoryNetBox
) -> None:
    """The permissions of the user apply whatever the code does."""
    vrf = inventory.admin.create("ipam/vrfs", {"name": "Somebody else's"})
    methods: tuple[Method, ...] = ("PATCH", "DELETE")
    for method in methods:
        with pytest.raises(PermanentError):
            inventory_netbox.write(method, PATHS[Model.VRF], [{"id": vrf["id"], "name": "ours"}])
    [row] = inventory.admin.list_rows("ipam/vrfs", id=vrf["id"])
    assert row["name"] == "Somebody else's"
    inventory.admin.delete("ipam/vrfs", vrf["id"])


@key_scenario
def test_external_port_replaces_cable(inventory: FabricInventory) -> None:
    inventory.sync(*WIRED)
    external_port = connection("x", "external", {"switch": "leaf-1/E1/1"})
    moved = (*RACK, external_port, cable("c", "s-1/e1", "leaf-1/E1/3"))
    assert inventory.sync(*moved).report.problems == {}
    assert inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")["mark_connected"]


@scenario
def test_fabric_with_too_many_objects_changes_nothing(
    inventory: FabricInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.sync(*RACK)
    before = inventory.latest_change()
    monkeypatch.setattr(builder, "MAX_OBJECTS", 10)
    with pytest.raises(PermanentError, match="needs more than 10 objects in NetBox"):
        inventory.sync(*SMALL)
    assert inventory.changes_since(before) == []


@scenario
def test_pass_with_more_absence_counts_than_fit_a_message_changes_nothing(
    inventory: FabricInventory,
) -> None:
    inventory.sync(*RACK)
    before = inventory.latest_change()
    inventory.absence_counts = {f"14:{'x' * MAX_ABSENCE_COUNTS_BYTES}": 1}
    with pytest.raises(PermanentError, match="more absence counts than Fabric Sync makes"):
        inventory.sync(*SMALL)
    assert inventory.changes_since(before) == []
