"""A fabric's inventory in the real NetBox, written by the user that workers are."""

import pytest

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox, Method
from activities.inventory.netbox.endpoints import INVENTORY_ITEMS, PATHS
from activities.netbox.client import Row
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.report.report import FindingType
from tests.support.fabrics.objects import live_state
from tests.support.inventory.live_samples import live_of
from tests.support.inventory.plans import connection
from tests.support.inventory.small_fabric import FRAME, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory, cable_ports

SMALL = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    cable("d", "s-2/e1", "leaf-1/E1/2"),
    vpc("v", 1001, "10.0.1.0/24"),
    vpc("w", 1002, "10.0.2.0/24"),
    attachment("v-c", "v/a", "c"),
)


def test_every_object_has_its_marks_and_says_why_it_was_written(mirror: FabricInventory) -> None:
    before = mirror.latest()
    mirror.sync(*SMALL)
    for model in OWNED_MODELS:
        for row in mirror.own(model):
            assert [tag["slug"] for tag in row["tags"]] == [TAG_SLUG]
    # A cable makes NetBox itself write to its ports, for which nobody can give a reason.
    created = [row for row in mirror.changelog(before) if row["action"]["value"] == "create"]
    messages = {row["message"] for row in created if row["changed_object_type"] in PATHS}
    assert messages == {f"Fabric Sync: sync 1 of {mirror.fabric_id}, commit {'4f' * 6}"}


def test_no_row_is_lost_where_netbox_gives_few_at_a_time(
    mirror: FabricInventory, short_pages: int
) -> None:
    mirror.sync(*SMALL)
    ids = mirror.ids()
    assert len(mirror.own(Model.VRF)) > short_pages
    assert not mirror.sync(*SMALL).report.has_changes
    assert mirror.ids() == ids
    plan = mirror.plan(live_state(*SMALL))
    assert len(mirror.own(Model.VRF)) == plan.counts[Model.VRF]  # NetBox takes two of one name


def test_what_a_person_changes_of_ours_is_put_right_with_one_write(mirror: FabricInventory) -> None:
    mirror.sync(*SMALL)
    vlan = mirror.one(Model.VLAN, "VPC/default/v#a")
    mirror.edit(Model.VLAN, vlan, name="mine")
    port = mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    mirror.edit(Model.INTERFACE, port, mode="q-in-q", qinq_svlan=vlan["id"])
    before = mirror.latest()
    assert mirror.sync(*SMALL).report.updated == 2
    assert mirror.one(Model.VLAN, "VPC/default/v#a")["name"] == "v/a"
    shown = mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    assert (shown["mode"], shown["qinq_svlan"]) == (port["mode"], None)
    changed = [row["changed_object_id"] for row in mirror.changelog(before)]
    assert sorted(changed) == sorted([port["id"], vlan["id"]])


def test_what_a_person_adds_stays(mirror: FabricInventory) -> None:
    mirror.sync(*SMALL)
    keen = mirror.admin.create("extras/tags", {"name": "Keen", "slug": "keen"})
    device = mirror.one(Model.DEVICE, "Server/default/s-1")
    values = {"serial": "CN7", "asset_tag": "A7", "description": "Rack 7"}
    mirror.edit(Model.DEVICE, device, **values, tags=[{"slug": TAG_SLUG}, {"slug": "keen"}])
    vlan = mirror.one(Model.VLAN, "VPC/default/v#a")
    mirror.edit(Model.VLAN, vlan, description="for the lab")
    address = mirror.one(Model.IP_ADDRESS, "Switch/default/leaf-1#M1")
    mirror.edit(Model.IP_ADDRESS, address, description="jump host")
    leaf = mirror.one(Model.DEVICE, "Switch/default/leaf-1")
    mirror.edit(Model.DEVICE, leaf, oob_ip=address["id"])
    port = mirror.one(Model.INTERFACE, "Server/default/s-1#e1")
    mirror.edit(Model.INTERFACE, port, mode="access", untagged_vlan=vlan["id"])
    assert not mirror.sync(*SMALL).report.has_changes
    shown = mirror.one(Model.DEVICE, "Server/default/s-1")
    assert {name: shown[name] for name in values} == values
    assert {tag["slug"] for tag in shown["tags"]} == {TAG_SLUG, "keen"}
    assert mirror.one(Model.VLAN, "VPC/default/v#a")["description"] == "for the lab"
    shown = mirror.one(Model.IP_ADDRESS, "Switch/default/leaf-1#M1")
    assert shown["description"] == "jump host"
    assert mirror.one(Model.DEVICE, "Switch/default/leaf-1")["oob_ip"]["id"] == address["id"]
    shown = mirror.one(Model.INTERFACE, "Server/default/s-1#e1")
    assert (shown["mode"]["value"], shown["untagged_vlan"]["id"]) == ("access", vlan["id"])
    mirror.admin.delete("extras/tags", keen["id"])


def test_netbox_follows_the_fabric_and_keeps_ids(mirror: FabricInventory) -> None:
    mirror.sync(*SMALL)
    ids = mirror.ids()
    frame = (*FRAME, vpc("w", 1001, "10.0.2.0/24"), vpc("v", 1002, "10.0.1.0/24"))
    swapped = (cable("c", "s-1/e1", "leaf-1/E1/2"), cable("d", "s-2/e1", "leaf-1/E1/1"))
    outcome = mirror.sync(*frame, *swapped, attachment("v-c", "v/a", "c"))
    assert outcome.report.problems == {}
    assert mirror.ids() == ids
    assert mirror.one(Model.VLAN, "VPC/default/v#a")["vid"] == 1002
    ends = cable_ports(mirror.one(Model.CABLE, "Connection/default/c"))
    assert ends == {("s-1", "e1"), ("leaf-1", "E1/2")}
    port = mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/2")
    assert [vlan["vid"] for vlan in port["tagged_vlans"]] == [1002]
    renamed = (cable("new", "s-1/e1", "leaf-1/E1/2"), cable("d", "s-2/e1", "leaf-1/E1/1"))
    outcome = mirror.sync(*frame, *renamed, attachment("v-c", "v/a", "new"))
    assert outcome.report.updated == 1
    taken_over = mirror.one(Model.CABLE, "Connection/default/new")
    assert taken_over["id"] == ids[Model.CABLE, "Connection/default/c"]
    assert taken_over["label"] == "new"


def test_a_vpc_that_went_goes_at_the_third_sync(mirror: FabricInventory) -> None:
    mirror.sync(*SMALL)
    left = [each for each in SMALL if each.name not in ("v", "v-c")]
    for _ in range(2):
        outcome = mirror.sync(*left)
        assert outcome.has_pending_work
        assert outcome.report.deleted == 0
    assert mirror.sync(*left).report.deleted > 0
    assert not any("VPC/default/v" in key for _, key in mirror.ids())
    assert not mirror.sync(*left).has_pending_work


def test_many_deletes_wait_for_somebody(mirror: FabricInventory) -> None:
    cables = [cable(f"c{n}", f"s-1/e{n}", f"leaf-1/E1/{n}") for n in range(1, 13)]
    mirror.sync(*FRAME, *cables)
    left = live_state(*FRAME, served=("Connection",))
    fewer = live_state(*(each for each in FRAME if each.name != "s-2"), served=("Connection",))
    for seen in (left, left, fewer):
        outcome = mirror.sync_live(seen)
    waiting = outcome.deletes_waiting
    assert waiting is not None
    assert waiting.counts["dcim.cable"] == 12
    assert len(mirror.own(Model.CABLE)) == 12
    assert mirror.sync_live(fewer, confirmed="another").report.deleted == 0
    ports = [row for row in mirror.own(Model.INTERFACE) if row["device"]["name"] == "s-1"]
    for port in ports:
        add_optic(mirror, port)
    assert mirror.sync_live(fewer, confirmed=waiting.digest).report.deleted == 12
    assert mirror.own(Model.CABLE) == []
    assert mirror.one(Model.DEVICE, "Server/default/s-2")
    outcome = mirror.sync_live(fewer)
    assert outcome.report.problems == {FindingType.CONFLICT: 12}, "one at each port"
    assert outcome.deletes_waiting is None, "these have been agreed to"


def add_optic(mirror: FabricInventory, port: Row) -> None:
    """What a person notes as part of a port."""
    at = {"component_type": Model.INTERFACE, "component_id": port["id"]}
    row = {"device": port["device"]["id"], "name": f"Optic {port['name']}"}
    mirror.admin.create(INVENTORY_ITEMS, row | at)


def test_a_kind_that_is_suddenly_empty_changes_nothing(mirror: FabricInventory) -> None:
    mirror.sync(*SMALL)
    before = mirror.latest()
    live = live_of([])
    outcome = mirror.sync_live(live, counts={"Switch": 2})
    assert "Switch" in outcome.withheld
    assert outcome.has_pending_work
    assert mirror.changelog(before) == []


def test_two_fabrics_with_the_same_names_live_in_one_site(make_mirror: MakeInventory) -> None:
    one = make_mirror()
    site = one.admin.create("dcim/sites", {"name": "Hall 7", "slug": "hall-7", "status": "active"})
    fabrics = [make_mirror(hh_site=site["id"]) for _ in range(2)]
    for mirror in fabrics:
        assert mirror.sync(*SMALL).report.problems == {}
    for mirror in fabrics:
        assert not mirror.sync(*SMALL).report.has_changes
        names = {row["name"] for row in mirror.own(Model.DEVICE)}
        assert f"{mirror.fabric_id}-leaf-1" in names
        assert {row["site"]["slug"] for row in mirror.own(Model.DEVICE)} == {"hall-7"}


def test_what_others_made_is_in_the_way_and_stays(mirror: FabricInventory) -> None:
    mirror.sync(*FRAME)
    device = mirror.one(Model.DEVICE, "Switch/default/leaf-1")
    server = mirror.one(Model.DEVICE, "Server/default/s-1")
    theirs = [
        mirror.admin.create(
            "dcim/interfaces", {"device": each["id"], "name": name, "type": "other"}
        )
        for each, name in ((device, "E1/1"), (server, "own"))
    ]
    outcome = mirror.sync(*SMALL)
    assert outcome.report.problems[FindingType.CONFLICT] == 1
    conflict = next(
        each for each in outcome.report.findings if each.problem is FindingType.CONFLICT
    )
    assert conflict.what == "Switch/default/leaf-1#E1/1"
    assert "made by somebody else" in conflict.why
    assert [row["custom_fields"]["hh_key"] for row in mirror.own(Model.CABLE)] == [
        "Connection/default/d"
    ]
    tagged = {"tags": [{"slug": TAG_SLUG}]}
    mirror.admin.update("dcim/interfaces", theirs[0]["id"], tagged)
    assert mirror.sync(*SMALL).report.problems[FindingType.ADOPTABLE] == 1
    for row in theirs:
        mirror.admin.delete("dcim/interfaces", row["id"])
    assert mirror.sync(*SMALL).report.problems == {}


def test_what_a_person_tagged_is_adopted_when_somebody_says_so(mirror: FabricInventory) -> None:
    mirror.sync(*FRAME)
    device = mirror.one(Model.DEVICE, "Switch/default/leaf-1")
    offer = {"device": device["id"], "name": "E1/1", "type": "other", "tags": [{"slug": TAG_SLUG}]}
    offered = mirror.admin.create("dcim/interfaces", offer)
    assert mirror.sync(*SMALL).report.problems[FindingType.ADOPTABLE] == 1
    assert offered["id"] not in [row["id"] for row in mirror.own(Model.INTERFACE)]
    outcome = mirror.sync(*SMALL, adopt=True)
    assert (outcome.report.adopted, outcome.has_pending_work) == (1, True)
    assert mirror.sync(*SMALL).report.problems == {}
    assert mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/1")["id"] == offered["id"]


def test_a_device_with_something_of_others_on_it_is_retired(mirror: FabricInventory) -> None:
    mirror.sync(*FRAME)
    device = mirror.one(Model.DEVICE, "Server/default/s-2")
    port = {"device": device["id"], "name": "own", "type": "other"}
    mine = mirror.admin.create("dcim/interfaces", port)
    left = [each for each in FRAME if each.name != "s-2"]
    for _ in range(3):
        outcome = mirror.sync(*left)
    assert outcome.report.problems == {FindingType.CONFLICT: 1}
    assert mirror.one(Model.DEVICE, "Server/default/s-2")["status"]["value"] == "decommissioning"
    before = mirror.latest()
    assert mirror.sync(*left).report.problems == {FindingType.CONFLICT: 1}
    assert mirror.changelog(before) == []
    mirror.admin.delete("dcim/interfaces", mine["id"])
    assert mirror.sync(*left).report.deleted == 1


def test_an_interface_with_an_address_of_others_stays(mirror: FabricInventory) -> None:
    mirror.sync(*SMALL)
    port = mirror.one(Model.INTERFACE, "Server/default/s-2#e1")
    held = {"assigned_object_type": Model.INTERFACE, "assigned_object_id": port["id"]}
    mine = mirror.admin.create("ipam/ip-addresses", {"address": "192.0.2.7/24", **held})
    left = [each for each in SMALL if each.name not in ("d",)]
    for _ in range(3):
        outcome = mirror.sync(*left)
    assert mirror.one(Model.INTERFACE, "Server/default/s-2#e1")["id"] == port["id"]
    assert outcome.report.problems == {FindingType.CONFLICT: 1}
    mirror.admin.delete("ipam/ip-addresses", mine["id"])
    mirror.sync(*left)


def test_nobody_elses_objects_can_be_changed(
    mirror: FabricInventory, inventory_netbox: InventoryNetBox
) -> None:
    """NetBox itself holds the user to it, whatever the code does."""
    vrf = mirror.admin.create("ipam/vrfs", {"name": "Somebody else's"})
    methods: tuple[Method, ...] = ("PATCH", "DELETE")
    for method in methods:
        with pytest.raises(PermanentError):
            inventory_netbox.write(method, PATHS[Model.VRF], [{"id": vrf["id"], "name": "ours"}])
    [row] = mirror.admin.list_rows("ipam/vrfs", id=vrf["id"])
    assert row["name"] == "Somebody else's"
    mirror.admin.delete("ipam/vrfs", vrf["id"])


def test_an_external_port_replaces_a_cable(mirror: FabricInventory) -> None:
    mirror.sync(*SMALL)
    outward = connection("x", "external", {"switch": "leaf-1/E1/1"})
    moved = (*FRAME, outward, cable("c", "s-1/e1", "leaf-1/E1/3"))
    assert mirror.sync(*moved).report.problems == {}
    assert mirror.one(Model.INTERFACE, "Switch/default/leaf-1#E1/1")["mark_connected"]
