"""Deletion of a record: the fabric's inventory does not prevent it, and stays."""

from activities.inventory.netbox.endpoints import PATHS
from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from fabrics.inventory.model.planned import Model
from tests.support.inventory.small_fabric import RACK, cable
from tests.support.netbox.browser import Browser, cluster_page
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory

SMALL = (*RACK, cable("c", "s-1/e1", "leaf-1/E1/1"))


def is_there(admin: NetBox, record: Row) -> bool:
    return record["id"] in [row["id"] for row in admin.list_rows(CLUSTERS_PATH, id=record["id"])]


def test_deleted_record_leaves_inventory_to_successor(
    browser: Browser, make_inventory: MakeInventory
) -> None:
    inventory = make_inventory()
    inventory.sync(*SMALL)
    ids = inventory.ids()
    for row in inventory.objects(Model.DEVICE):  # people may do that, syncs never do
        inventory.edit(Model.DEVICE, row, cluster=inventory.record["id"])
    assert not inventory.sync(*SMALL).report.has_changes

    assert "leaf-1" not in browser.delete(inventory.record)
    assert not is_there(inventory.admin, inventory.record)
    assert inventory.ids() == ids
    assert {row["cluster"] for row in inventory.objects(Model.DEVICE)} == {None}

    successor = make_inventory(hh_fabric_id=inventory.fabric_id)
    assert successor.record["name"] != inventory.record["name"]
    outcome = successor.sync(*SMALL)
    assert (outcome.report.created, outcome.report.problems) == (0, {})
    assert successor.ids() == ids
    assert (
        successor.get(Model.SITE, f"Fabric/default/{inventory.fabric_id}#site")["name"]
        == (successor.record["name"])
    )


def test_only_objects_in_cluster_prevent_record_deletion(
    browser: Browser, inventory: FabricInventory
) -> None:
    """NetBox refuses the deletion itself and names the object."""
    inventory.sync(*SMALL)
    row = {"name": "Trial machine", "cluster": inventory.record["id"]}
    machine = inventory.admin.create("virtualization/virtual-machines", row)
    page = browser.page(f"{cluster_page(inventory.record)}delete/")
    assert "Unable to delete" in page
    assert "Trial machine" in page
    assert is_there(inventory.admin, inventory.record)
    inventory.admin.delete("virtualization/virtual-machines", machine["id"])
    browser.delete(inventory.record)
    assert not is_there(inventory.admin, inventory.record)
    assert len(list(inventory.admin.list_rows(PATHS[Model.DEVICE], site=inventory.fabric_id))) == 4
