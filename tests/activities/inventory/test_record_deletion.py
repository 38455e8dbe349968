"""A record can always be deleted; what syncs made of its fabric does not keep people from it, and stays."""

from activities.inventory.netbox.endpoints import PATHS
from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from fabrics.inventory.model.planned import Model
from tests.support.inventory.small_fabric import FRAME, attachment, cable, vpc
from tests.support.netbox.browser import Browser, cluster_page
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory

SMALL = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    vpc("v", 1001, "10.0.1.0/24"),
    attachment("v-c", "v/a", "c"),
)


def is_there(admin: NetBox, record: Row) -> bool:
    return record["id"] in [row["id"] for row in admin.list_rows(CLUSTERS_PATH, id=record["id"])]


def test_a_record_is_deleted_in_its_form_and_the_inventory_stays_for_another(
    browser: Browser, make_mirror: MakeInventory
) -> None:
    mirror = make_mirror()
    mirror.sync(*SMALL)
    ids = mirror.ids()
    for row in mirror.own(Model.DEVICE):  # people may, syncs do not
        mirror.edit(Model.DEVICE, row, cluster=mirror.record["id"])
    assert not mirror.sync(*SMALL).report.has_changes

    assert "leaf-1" not in browser.delete(mirror.record)
    assert not is_there(mirror.admin, mirror.record)
    assert mirror.ids() == ids
    assert {row["cluster"] for row in mirror.own(Model.DEVICE)} == {None}

    successor = make_mirror(hh_fabric_id=mirror.fabric_id)
    assert successor.record["name"] != mirror.record["name"]
    outcome = successor.sync(*SMALL)
    assert (outcome.report.created, outcome.report.problems) == (0, {})
    assert successor.ids() == ids
    assert (
        successor.one(Model.SITE, f"Fabric/default/{mirror.fabric_id}#site")["name"]
        == (successor.record["name"])
    )


def test_only_what_people_put_into_the_cluster_holds_it(
    browser: Browser, mirror: FabricInventory
) -> None:
    """NetBox says so itself, before it asks."""
    mirror.sync(*SMALL)
    row = {"name": "Trial machine", "cluster": mirror.record["id"]}
    theirs = mirror.admin.create("virtualization/virtual-machines", row)
    said = browser.page(f"{cluster_page(mirror.record)}delete/")
    assert "Unable to delete" in said
    assert "Trial machine" in said
    assert is_there(mirror.admin, mirror.record)
    mirror.admin.delete("virtualization/virtual-machines", theirs["id"])
    browser.delete(mirror.record)
    assert not is_there(mirror.admin, mirror.record)
    assert len(list(mirror.admin.list_rows(PATHS[Model.DEVICE], site=mirror.fabric_id))) == 4
