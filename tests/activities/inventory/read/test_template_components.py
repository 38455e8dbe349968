"""What is on our own devices that the project has not made: NetBox's own is ours, people's is not."""

from collections.abc import Iterator

import pytest

from activities.netbox.client import NetBox, Row
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.prune.policy import MIN_ABSENT_SYNCS
from fabrics.inventory.report.report import FindingType
from tests.support.fabrics.objects import live_state
from tests.support.inventory.small_fabric import FRAME, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory

INTERFACES, TEMPLATES = "dcim/interfaces", "dcim/interface-templates"
WIRED = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    vpc("v", 1001, "10.0.1.0/24"),
    attachment("v-c", "v/a", "c"),
)
PORT = "Switch/default/leaf-1#E1/1"


@pytest.fixture
def templates(make_mirror: MakeInventory, admin: NetBox) -> Iterator[None]:
    """The type of the switches has templates for two ports that they have, for one more, and for other parts."""
    make_mirror().sync(*FRAME)
    [type_] = admin.list_rows("dcim/device-types", slug="vs")
    made = [
        admin.create(
            TEMPLATES, {"device_type": type_["id"], "name": name, "type": "25gbase-x-sfp28"}
        )
        for name in ("M1", "E1/1", "Ethernet9")
    ]
    at = {"component_type": "dcim.interfacetemplate", "component_id": made[1]["id"]}
    parts = [
        (path, admin.create(path, {"device_type": type_["id"], "name": name, **more})["id"])
        for path, name, more in (
            ("dcim/power-port-templates", "PSU1", {}),
            ("dcim/console-port-templates", "Console", {}),
            ("dcim/module-bay-templates", "Bay1", {}),
            ("dcim/inventory-item-templates", "Optic", at),
        )
    ]
    yield
    for path, number in reversed([*((TEMPLATES, each["id"]) for each in made), *parts]):
        admin.delete(path, number)


def ports(mirror: FabricInventory, device: str) -> dict[str, Row]:
    """All interfaces of a device, whoever made them."""
    key = mirror.one(Model.DEVICE, f"Switch/default/{device}")["id"]
    return {row["name"]: row for row in mirror.admin.list_rows(INTERFACES, device_id=key)}


@pytest.mark.usefixtures("templates")
def test_what_netbox_makes_with_a_device_is_the_fabrics(mirror: FabricInventory) -> None:
    report = mirror.sync(*WIRED).report
    assert report.problems == {}
    found = ports(mirror, "leaf-1")
    assert set(found) == {"M1", "E1/1", "Ethernet9"}
    port = mirror.one(Model.INTERFACE, PORT)
    assert port["id"] == found["E1/1"]["id"]
    assert [tag["slug"] for tag in port["tags"]] == [TAG_SLUG]
    assert port["type"]["value"] == "25gbase-x-sfp28"  # the fabric knows of no other
    assert [vlan["vid"] for vlan in port["tagged_vlans"]] == [1001]
    assert port["cable"]
    assert found["M1"]["mgmt_only"]
    before = mirror.latest()
    again = mirror.sync(*WIRED)
    assert (again.report.problems, again.report.has_changes, again.has_pending_work) == (
        {},
        False,
        False,
    )
    assert mirror.changelog(before) == []
    assert found["Ethernet9"]["tags"] == []  # nobody asked for it


def test_what_a_person_makes_is_in_the_way_even_at_once(mirror: FabricInventory) -> None:
    mirror.sync(*FRAME)
    device = mirror.one(Model.DEVICE, "Switch/default/leaf-1")
    port = {"device": device["id"], "name": "E1/1", "type": "other", "description": "mine"}
    theirs = mirror.admin.create(INTERFACES, port)
    assert mirror.sync(*WIRED).report.problems[FindingType.CONFLICT] == 1
    assert ports(mirror, "leaf-1")["E1/1"]["tags"] == []
    mirror.admin.delete(INTERFACES, theirs["id"])
    assert mirror.sync(*WIRED).report.problems == {}


@pytest.mark.usefixtures("templates")
def test_what_netbox_has_made_is_found_later_too(mirror: FabricInventory) -> None:
    """A worker that ends before it could mark them leaves them to the next."""
    mirror.sync(*FRAME)
    marked = mirror.one(Model.INTERFACE, "Switch/default/leaf-2#M1")
    marks = {"hh_fabric": None, "hh_key": None}
    mirror.edit(Model.INTERFACE, marked, tags=[], custom_fields=marks)
    assert mirror.sync(*FRAME).report.problems == {}
    assert mirror.one(Model.INTERFACE, "Switch/default/leaf-2#M1")["id"] == marked["id"]


@pytest.mark.usefixtures("templates")
def test_what_netbox_has_made_goes_with_its_device_unless_people_use_it(
    mirror: FabricInventory,
) -> None:
    mirror.sync(*WIRED)
    admin, device = mirror.admin, mirror.one(Model.DEVICE, "Switch/default/leaf-2")
    on = {"device": device["id"]}
    address = {"address": "192.0.2.9/24", "assigned_object_type": "dcim.interface"}
    [bay] = admin.list_rows("dcim/module-bays", device_id=device["id"])
    maker = admin.create("dcim/manufacturers", {"name": "Trial modules", "slug": "trial-modules"})
    type_ = admin.create("dcim/module-types", {"manufacturer": maker["id"], "model": "Trial"})
    module = on | {"module_bay": bay["id"], "module_type": type_["id"]}
    port = ports(mirror, "leaf-2")["Ethernet9"]["id"]
    theirs = [
        (path, admin.create(path, row)["id"])
        for path, row in (
            ("dcim/power-ports", on | {"name": "mine"}),
            ("dcim/modules", module),
            ("ipam/ip-addresses", address | {"assigned_object_id": port}),
        )
    ]
    left = [each for each in FRAME if each.kind.name != "Switch"]
    without = live_state(*left, served=("Switch", "Connection", "VPC", "VPCAttachment"))
    for _ in range(MIN_ABSENT_SYNCS):
        outcome = mirror.sync_live(without)
    [finding] = outcome.report.findings
    assert finding.what == "Switch/default/leaf-2"
    assert finding.why.endswith("interface Ethernet9, module bay Bay1, power port mine")
    devices = {row["name"]: row["status"]["value"] for row in mirror.own(Model.DEVICE)}
    assert devices == {"s-1": "active", "s-2": "active", "leaf-2": "decommissioning"}
    for path, number in theirs:
        admin.delete(path, number)
    assert mirror.sync_live(without).report.deleted == 1
    admin.delete("dcim/module-types", type_["id"])
    admin.delete("dcim/manufacturers", maker["id"])
