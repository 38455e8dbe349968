"""The limits of the constrained user, enforced by NetBox itself."""

import pytest

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import OBJECT_CHANGES
from activities.netbox.client import CLUSTERS_PATH, JOURNAL_PATH, NetBox, Row
from activities.netbox.http import NotFound
from activities.setup.access import GRANTS, USER_ITEM
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.model.registry import SHARED_MODELS


def test_foreign_clusters_are_invisible(netbox: NetBox, foreign_cluster: Row) -> None:
    with pytest.raises(NotFound):
        netbox.get_record(foreign_cluster["id"])
    with pytest.raises(NotFound):
        netbox.patch_record(foreign_cluster["id"], {"hh_paused": True}, "*")
    assert foreign_cluster["id"] not in [row["id"] for row in netbox.list_rows(CLUSTERS_PATH)]
    assert foreign_cluster["id"] not in [row["id"] for row in netbox.list_records()]


def test_foreign_clusters_are_no_records_for_administrators(
    admin: NetBox, foreign_cluster: Row
) -> None:
    assert foreign_cluster["id"] not in [row["id"] for row in admin.list_records()]


def test_only_fabrics_can_be_created(netbox: NetBox, foreign_cluster: Row) -> None:
    with pytest.raises(PermanentError, match="does not allow"):
        netbox.create(CLUSTERS_PATH, {"name": "Trial", "type": foreign_cluster["type"]["id"]})


def test_fabric_cannot_be_deleted_or_change_type(
    netbox: NetBox, record: Row, foreign_cluster: Row
) -> None:
    with pytest.raises(PermanentError, match="does not allow"):
        netbox.delete(CLUSTERS_PATH, record["id"])
    with pytest.raises(PermanentError, match="does not allow"):
        netbox.update(CLUSTERS_PATH, record["id"], {"type": foreign_cluster["type"]["id"]})


@pytest.mark.parametrize("path", ["users/users", "users/permissions", "dcim/racks"])
def test_other_models_cannot_be_read(netbox: NetBox, path: str) -> None:
    with pytest.raises(PermanentError, match="does not allow"):
        list(netbox.list_rows(path))


@pytest.mark.parametrize("path", [CUSTOM_FIELDS, "extras/tags", "dcim/locations"])
def test_looked_up_models_cannot_be_changed(netbox: NetBox, path: str) -> None:
    next(netbox.list_rows(path), None)
    with pytest.raises(PermanentError, match="does not allow"):
        netbox.create(path, {"name": "trial", "slug": "trial"})


def test_user_has_exactly_the_declared_permissions(admin: NetBox) -> None:
    (user,) = (row for row in admin.list_rows(USER_ITEM.path) if USER_ITEM.matches(row))
    (group,) = user["groups"]
    assert user["permissions"] == []
    granted = {
        row["name"]: row
        for row in admin.list_rows("users/permissions")
        if group["id"] in [member["id"] for member in row["groups"]]
    }
    declared = (*GRANTS, *INVENTORY_GRANTS)
    assert granted.keys() == {grant.permission.key["name"] for grant in declared}
    for grant in declared:
        row = granted[grant.permission.key["name"]]
        assert row["actions"] == list(grant.actions)
        assert sorted(row["object_types"]) == sorted(grant.models.values())
        assert row["constraints"] == grant.constraints
        if row["constraints"] is None:
            may_add = {*grant.models.values()} <= {*SHARED_MODELS}
            assert {*row["actions"]} <= ({"view", "add"} if may_add else {"view"})


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("ipam/vrfs", {"name": "Trial"}),
        ("ipam/prefixes", {"prefix": "203.0.113.0/24"}),
        ("ipam/vlan-groups", {"name": "Trial", "slug": "trial-group"}),
        ("dcim/sites", {"name": "Trial", "slug": "trial-site"}),
    ],
)
def test_only_objects_with_our_tag_can_be_created(
    inventory_netbox: InventoryNetBox, admin: NetBox, path: str, row: Row
) -> None:
    with pytest.raises(PermanentError, match="does not allow this user to create"):
        inventory_netbox.create(path, row)
    with pytest.raises(PermanentError):
        inventory_netbox.write("POST", path, [row])
    assert not [found for found in admin.list_rows(path) if row.items() <= found.items()]
    tagged = row | {"tags": [{"slug": TAG_SLUG}]}
    with pytest.raises(PermanentError):  # all or none
        inventory_netbox.write("POST", path, [tagged, row])
    [created] = inventory_netbox.write("POST", path, [tagged])
    inventory_netbox.write("DELETE", path, [{"id": created["id"]}])


def test_only_changes_of_inventories_can_be_viewed(
    inventory_netbox: InventoryNetBox, admin: NetBox
) -> None:
    """Those of people, too: they show who says that an object is ours."""
    made = [
        ("ipam/vrfs", admin.create("ipam/vrfs", {"name": "Trial"})["id"]),
        ("dcim/regions", admin.create("dcim/regions", {"name": "Trial", "slug": "trial"})["id"]),
    ]
    fields = "id,changed_object_type,changed_object_id,user_name,postchange_data"
    visible = {
        (row["changed_object_type"], row["changed_object_id"]): row
        for _, number in made
        for row in inventory_netbox.list_rows(
            OBJECT_CHANGES, changed_object_id=number, fields=fields
        )
    }
    for path, number in made:
        admin.delete(path, number)
    assert visible["ipam.vrf", made[0][1]]["postchange_data"]["name"] == "Trial"
    assert ("dcim.region", made[1][1]) not in visible


def test_journals_of_other_models_are_refused(netbox: NetBox, admin: NetBox) -> None:
    site = admin.create("dcim/sites", {"name": "Trial site", "slug": "trial-site"})
    entry = {"assigned_object_type": "dcim.site", "assigned_object_id": site["id"]}
    foreign = admin.create(JOURNAL_PATH, entry | {"comments": "Mine."})
    try:
        assert foreign["id"] not in [row["id"] for row in netbox.list_rows(JOURNAL_PATH)]
        with pytest.raises(PermanentError, match="does not allow"):
            netbox.create(JOURNAL_PATH, entry | {"comments": "Ours."})
    finally:
        admin.delete("dcim/sites", site["id"])


def test_journal_entries_can_be_added_but_not_changed(netbox: NetBox, record: Row) -> None:
    netbox.add_journal_entry(record["id"], "It was so.")
    (entry,) = netbox.list_rows(JOURNAL_PATH, assigned_object_id=record["id"])
    with pytest.raises(PermanentError, match="does not allow"):
        netbox.update(JOURNAL_PATH, entry["id"], {"comments": "It was not."})
    with pytest.raises(PermanentError, match="does not allow"):
        netbox.delete(JOURNAL_PATH, entry["id"])
