"""Components on our devices: those from templates are ours, those of people not."""

from collections.abc import Iterator, Mapping
from typing import override

import pytest

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.read.template_components import find_template_component_ids
from activities.netbox.client import NetBox, Row
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import FindingType
from tests.support.fabrics.objects import live_state
from tests.support.inventory.plans import switch
from tests.support.inventory.small_fabric import FRAME, RACK, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory

INTERFACES, TEMPLATES = "dcim/interfaces", "dcim/interface-templates"
WIRED = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    vpc("v", 1001, "10.0.1.0/24"),
    attachment("v-c", "v/a", "c"),
)
PORT = "Switch/default/leaf-1#E1/1"


class NetBoxWithChangelog(InventoryNetBox):
    """A NetBox that knows which request created which device or interface."""

    def __init__(self, requests: Mapping[tuple[Model, int], str]) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self.user_name = "worker"
        self._requests = requests

    @override
    def list_rows(self, path: str, **filters: object) -> Iterator[Row]:
        for (model, number), request in self._requests.items():
            created = {"changed_object_type": model, "changed_object_id": number}
            user = "alice" if number == 15 else "worker"
            entry = {"action": {"value": "create"}, "user_name": user, "request_id": request}
            yield created | entry


def test_only_components_that_came_with_their_device_are_from_templates() -> None:
    requests = {
        (Model.DEVICE, 1): "first",
        (Model.DEVICE, 2): "second",
        (Model.INTERFACE, 11): "first",
        (Model.INTERFACE, 12): "second",
        (Model.INTERFACE, 13): "by hand",
        (Model.INTERFACE, 14): "first",
        (Model.INTERFACE, 15): "first",
        (Model.INTERFACE, 31): "first",
    }
    places = {
        11: 1,
        12: 1,
        13: 1,
        14: 1,
        15: 1,
        31: 3,
    }  # no entry names 3; somebody else's names 15
    interfaces: list[Row] = [
        {"id": number, "device": {"id": device}, "tags": [], "custom_fields": {}}
        for number, device in places.items()
    ]
    interfaces[3]["tags"] = [{"slug": TAG_SLUG}]
    netbox = NetBoxWithChangelog(requests)
    assert find_template_component_ids(netbox, Model.INTERFACE, interfaces) == {11}


@pytest.fixture
def templates(make_inventory: MakeInventory, admin: NetBox) -> Iterator[None]:
    """Add templates to the switches' type: for two ports, another port and others."""
    make_inventory().sync(RACK[0])
    [type_] = admin.list_rows("dcim/device-types", slug="vs")
    templates = [
        admin.create(
            TEMPLATES, {"device_type": type_["id"], "name": name, "type": "25gbase-x-sfp28"}
        )
        for name in ("M1", "E1/1", "Ethernet9")
    ]
    at = {"component_type": "dcim.interfacetemplate", "component_id": templates[1]["id"]}
    others = [
        (path, admin.create(path, {"device_type": type_["id"], "name": name, **more})["id"])
        for path, name, more in (
            ("dcim/power-port-templates", "PSU1", {}),
            ("dcim/console-port-templates", "Console", {}),
            ("dcim/module-bay-templates", "Bay1", {}),
            ("dcim/inventory-item-templates", "Optic", at),
        )
    ]
    yield
    for path, object_id in reversed(
        [*((TEMPLATES, template["id"]) for template in templates), *others]
    ):
        admin.delete(path, object_id)


def ports(inventory: FabricInventory, device: str) -> dict[str, Row]:
    """Return all interfaces of a device by name, whoever made them."""
    key = inventory.get(Model.DEVICE, f"Switch/default/{device}")["id"]
    return {row["name"]: row for row in inventory.admin.list_rows(INTERFACES, device_id=key)}


@pytest.mark.usefixtures("templates")
def test_template_interfaces_are_taken_over(inventory: FabricInventory) -> None:
    report = inventory.sync(*WIRED).report
    assert report.problems == {}
    interfaces = ports(inventory, "leaf-1")
    assert set(interfaces) == {"M1", "E1/1", "Ethernet9"}
    port = inventory.get(Model.INTERFACE, PORT)
    assert port["id"] == interfaces["E1/1"]["id"]
    assert [tag["slug"] for tag in port["tags"]] == [TAG_SLUG]
    assert port["type"]["value"] == "25gbase-x-sfp28"  # the fabric does not know its type
    assert [vlan["vid"] for vlan in port["tagged_vlans"]] == [1001]
    assert port["cable"]
    assert interfaces["M1"]["mgmt_only"]
    before = inventory.latest_change()
    again = inventory.sync(*WIRED)
    assert (again.report.problems, again.report.has_changes, again.has_pending_work) == (
        {},
        False,
        False,
    )
    assert inventory.changes_since(before) == []
    assert interfaces["Ethernet9"]["tags"] == []  # no fabric has this port


@pytest.mark.usefixtures("templates")
def test_template_interface_of_divided_port_becomes_its_first_lane(
    inventory: FabricInventory,
) -> None:
    live = (*RACK, switch("leaf-9", portBreakouts={"E1/1": "4x25G"}))
    outcome = inventory.sync(*live)
    assert (outcome.report.problems, outcome.has_pending_work) == ({}, False)
    interfaces = ports(inventory, "leaf-9")
    assert set(interfaces) == {"M1", *(f"E1/1/{lane}" for lane in (1, 2, 3, 4)), "Ethernet9"}
    first = inventory.get(Model.INTERFACE, "Switch/default/leaf-9#E1/1")
    assert first["id"] == interfaces["E1/1/1"]["id"] < interfaces["E1/1/2"]["id"]
    assert [tag["slug"] for tag in first["tags"]] == [TAG_SLUG]
    before = inventory.latest_change()
    assert not inventory.sync(*live).report.has_changes
    assert inventory.changes_since(before) == []


def test_hand_made_interface_is_conflict(inventory: FabricInventory) -> None:
    inventory.sync(*RACK)
    device = inventory.get(Model.DEVICE, "Switch/default/leaf-1")
    port = {"device": device["id"], "name": "E1/1", "type": "other", "description": "mine"}
    foreign = inventory.admin.create(INTERFACES, port)
    wired = (*RACK, cable("c", "s-1/e1", "leaf-1/E1/1"))
    assert inventory.sync(*wired).report.problems[FindingType.CONFLICT] == 1
    assert ports(inventory, "leaf-1")["E1/1"]["tags"] == []
    inventory.admin.delete(INTERFACES, foreign["id"])
    assert inventory.sync(*wired).report.problems == {}


@pytest.mark.usefixtures("templates")
def test_template_interfaces_are_taken_over_by_later_sync(inventory: FabricInventory) -> None:
    """If a worker ends before it could mark them, the next worker does."""
    inventory.sync(*RACK)
    marked = inventory.get(Model.INTERFACE, "Switch/default/leaf-2#M1")
    marks = {"hh_fabric": None, "hh_key": None}
    inventory.edit(Model.INTERFACE, marked, tags=[], custom_fields=marks)
    assert inventory.sync(*RACK).report.problems == {}
    assert inventory.get(Model.INTERFACE, "Switch/default/leaf-2#M1")["id"] == marked["id"]


@pytest.mark.usefixtures("templates")
def test_template_components_stay_only_if_used(
    inventory: FabricInventory,
) -> None:
    inventory.sync(*RACK)
    admin, device = inventory.admin, inventory.get(Model.DEVICE, "Switch/default/leaf-2")
    on = {"device": device["id"]}
    address = {"address": "192.0.2.9/24", "assigned_object_type": "dcim.interface"}
    [bay] = admin.list_rows("dcim/module-bays", device_id=device["id"])
    maker = admin.create("dcim/manufacturers", {"name": "Trial modules", "slug": "trial-modules"})
    type_ = admin.create("dcim/module-types", {"manufacturer": maker["id"], "model": "Trial"})
    module = on | {"module_bay": bay["id"], "module_type": type_["id"]}
    port = ports(inventory, "leaf-2")["Ethernet9"]["id"]
    foreign = [
        (path, admin.create(path, row)["id"])
        for path, row in (
            ("dcim/power-ports", on | {"name": "mine"}),
            ("dcim/modules", module),
            ("ipam/ip-addresses", address | {"assigned_object_id": port}),
        )
    ]
    remaining = [resource for resource in RACK if resource.kind.name != "Switch"]
    without_switches = live_state(*remaining, served=("Switch", "Connection"))
    [finding] = inventory.sync_to_deletion(without_switches).report.findings
    assert finding.what == "Switch/default/leaf-2"
    assert finding.why.endswith("interface Ethernet9, module bay Bay1, power port mine")
    devices = {row["name"]: row["status"]["value"] for row in inventory.objects(Model.DEVICE)}
    assert devices == {"s-1": "active", "s-2": "active", "leaf-2": "decommissioning"}
    for path, object_id in foreign:
        admin.delete(path, object_id)
    assert inventory.sync_live(without_switches).report.deleted == 1
    admin.delete("dcim/module-types", type_["id"])
    admin.delete("dcim/manufacturers", maker["id"])
