"""The site of a fabric's devices: the record's, or the fabric's own."""

from collections import Counter
from dataclasses import dataclass

import pytest

from activities.errors import PermanentError
from activities.inventory.netbox.endpoints import PATHS
from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.fleet.reconcile import FabricRecord
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import FindingType
from tests.support.fabrics.objects import live_state
from tests.support.inventory.small_fabric import FRAME, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import (
    CHANGES,
    FabricInventory,
    MakeInventory,
    grant_constrained,
    key_scenario,
    scenario,
)

SMALL = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    vpc("v", 1001, "10.0.1.0/24"),
    attachment("v-c", "v/a", "c"),
)
LEAF = FRAME[0]
DEVICES = ("leaf-1", "leaf-2", "s-1", "s-2")
SITES, LOCATIONS, REGIONS = "dcim/sites", "dcim/locations", "dcim/regions"


@dataclass(frozen=True)
class Campus:
    """Two sites that people made, a location in the first, and the region of both."""

    region: Row
    north: Row
    south: Row
    room: Row


@pytest.fixture
def campus(make_inventory: MakeInventory) -> Campus:
    """Sites that exist before any record, and stay as long as the devices in them."""
    admin = make_inventory().admin
    region = ensure(admin, REGIONS, {"name": "Trial campus", "slug": "trial-campus"})
    north, south = (
        ensure(admin, SITES, {"name": f"Trial {name}", "slug": name, "region": region["id"]})
        for name in ("north", "south")
    )
    room = {"name": "Trial room", "slug": "room", "site": north["id"], "status": "active"}
    return Campus(region, north, south, ensure(admin, LOCATIONS, room))


def ensure(admin: NetBox, path: str, row: Row) -> Row:
    """Return the object with this slug; create it if an earlier test did not."""
    rows = (found for found in admin.list_rows(path, slug=row["slug"]))
    return next((found for found in rows if found["slug"] == row["slug"]), None) or admin.create(
        path, row
    )


def device_sites(inventory: FabricInventory) -> set[tuple[str, str]]:
    """Return the name and the site of each device."""
    return {(row["name"], row["site"]["slug"]) for row in inventory.objects(Model.DEVICE)}


def in_own_site(inventory: FabricInventory) -> set[tuple[str, str]]:
    """Return the expected names and sites if the record names no site."""
    return {(name, inventory.fabric_id) for name in DEVICES}


def in_shared_site(inventory: FabricInventory, site: str) -> set[tuple[str, str]]:
    """Return the expected names and sites if the record names one."""
    return {(f"{inventory.fabric_id}-{name}", site) for name in DEVICES}


def edit_record(inventory: FabricInventory, **values: object) -> None:
    """Edit the record as a person does."""
    inventory.admin.update(CLUSTERS_PATH, inventory.record["id"], values)


def choose_site(inventory: FabricInventory, site: int | None) -> None:
    edit_record(inventory, custom_fields={"hh_site": site})


def count_writes(inventory: FabricInventory, since: int) -> Counter[tuple[str, str]]:
    """Count the changes since a row of the changelog, by model and action."""
    fields = "id,action,changed_object_type"
    rows = inventory.admin.list_rows(CHANGES, fields=fields, id__gt=since)
    return Counter(
        (row["changed_object_type"], row["action"]["value"])
        for row in rows
        if row["id"] > since and row["changed_object_type"] in PATHS
    )


def assert_settled(inventory: FabricInventory) -> None:
    """Assert that the next sync changes nothing."""
    before = inventory.latest_change()
    assert not inventory.sync(*SMALL).report.has_changes
    assert inventory.changes_since(before) == []


@pytest.mark.parametrize(
    ("scope", "site"),
    [("dcim.site", "north"), ("dcim.location", "north"), ("dcim.region", ""), (None, "")],
)
@scenario
def test_cluster_scope_determines_site(
    campus: Campus, inventory: FabricInventory, scope: str | None, site: str
) -> None:
    scope_ids = {
        "dcim.site": campus.north["id"],
        "dcim.location": campus.room["id"],
        "dcim.region": campus.region["id"],
        None: None,
    }
    edit_record(inventory, scope_type=scope, scope_id=scope_ids[scope])
    assert inventory.sync(*SMALL).report.problems == {}
    assert device_sites(inventory) == (
        in_shared_site(inventory, site) if site else in_own_site(inventory)
    )
    assert len(inventory.objects(Model.SITE)) == (0 if site else 1)
    assert_settled(inventory)


@key_scenario
def test_chosen_site_overrides_scope(campus: Campus, inventory: FabricInventory) -> None:
    edit_record(inventory, scope_type="dcim.location", scope_id=campus.room["id"])
    choose_site(inventory, campus.south["id"])
    inventory.sync(*SMALL)
    assert device_sites(inventory) == in_shared_site(inventory, "south")
    choose_site(inventory, None)
    inventory.sync(*SMALL)
    assert device_sites(inventory) == in_shared_site(inventory, "north")


@scenario
def test_site_change_updates_only_devices(campus: Campus, inventory: FabricInventory) -> None:
    inventory.sync(*SMALL)
    ids, site = inventory.ids(), (Model.SITE, f"Fabric/default/{inventory.fabric_id}#site")

    choose_site(inventory, campus.north["id"])
    before = inventory.latest_change()
    outcome = inventory.sync(*SMALL)
    assert (outcome.report.updated, outcome.report.problems) == (len(DEVICES), {})
    assert count_writes(inventory, before) == {(Model.DEVICE, "update"): len(DEVICES)}
    assert device_sites(inventory) == in_shared_site(inventory, "north")
    assert inventory.ids() == ids, "its own site is deleted later, like all that is absent"

    choose_site(inventory, campus.south["id"])
    before = inventory.latest_change()
    assert inventory.sync(*SMALL).report.problems == {}
    assert count_writes(inventory, before) == {(Model.DEVICE, "update"): len(DEVICES)}
    assert device_sites(inventory) == in_shared_site(inventory, "south")

    before = inventory.latest_change()
    outcome = inventory.sync(*SMALL)
    assert (outcome.report.deleted, outcome.report.problems) == (1, {})
    assert count_writes(inventory, before) == {(Model.SITE, "delete"): 1}
    assert_settled(inventory)

    choose_site(inventory, None)
    outcome = inventory.sync(*SMALL)
    assert (outcome.report.created, outcome.report.updated) == (1, len(DEVICES))
    assert device_sites(inventory) == in_own_site(inventory)
    again = inventory.ids()
    assert again.pop(site) != ids.pop(site)
    assert again == ids
    assert_settled(inventory)


def test_rack_is_cleared_only_when_site_changes(campus: Campus, inventory: FabricInventory) -> None:
    """NetBox requires devices in a rack to be in the rack's site."""
    inventory.sync(LEAF)
    [site] = inventory.objects(Model.SITE)
    cage = {"name": "Cage", "slug": "cage", "site": site["id"], "status": "active"}
    location = {"site": site["id"], "location": inventory.admin.create(LOCATIONS, cage)["id"]}
    location |= {"rack": inventory.admin.create("dcim/racks", {"name": "R1", **location})["id"]}
    position = location | {"position": 7, "face": "front"}
    leaf = "Switch/default/leaf-1"
    inventory.edit(Model.DEVICE, inventory.get(Model.DEVICE, leaf), serial="mistyped", **position)
    assert inventory.sync(LEAF).report.updated == 1
    row = inventory.get(Model.DEVICE, leaf)
    assert {name: row[name]["id"] for name in location} == location
    assert (row["position"], row["face"]["value"]) == (7, "front")

    choose_site(inventory, campus.north["id"])
    assert inventory.sync(LEAF).report.problems == {}
    row = inventory.get(Model.DEVICE, leaf)
    assert row["site"]["slug"] == "north"
    assert [row[name] for name in ("location", "rack", "position", "face")] == [None] * 4
    assert not inventory.sync(LEAF).report.has_changes


@scenario
def test_own_site_stays_if_devices_return_in_time(
    campus: Campus, inventory: FabricInventory
) -> None:
    inventory.sync(*SMALL)
    ids = inventory.ids()
    for site in (campus.north["id"], None):
        choose_site(inventory, site)
        assert inventory.sync(*SMALL).report.problems == {}
    assert device_sites(inventory) == in_own_site(inventory)
    assert inventory.ids() == ids
    assert_settled(inventory)


@scenario
def test_own_site_may_be_chosen_explicitly(inventory: FabricInventory) -> None:
    inventory.sync(*SMALL)
    [site] = inventory.objects(Model.SITE)
    choose_site(inventory, site["id"])
    assert_settled(inventory)
    choose_site(inventory, None)
    edit_record(inventory, scope_type="dcim.site", scope_id=site["id"])
    assert_settled(inventory)
    assert device_sites(inventory) == in_own_site(inventory)


def test_invisible_site_fails_without_changes(campus: Campus, inventory: FabricInventory) -> None:
    choose_site(inventory, campus.north["id"])
    inventory.sync(LEAF)
    before = inventory.latest_change()
    [grant] = [grant for grant in INVENTORY_GRANTS if grant.name == "inventory"]
    with grant_constrained(inventory.admin, grant, tags__slug=TAG_SLUG):
        with pytest.raises(
            PermanentError, match=r"does not let .* view the site Trial north, which"
        ):
            inventory.sync(LEAF)
        edit_record(inventory, scope_type="dcim.site", scope_id=campus.north["id"])
        choose_site(inventory, None)
        with pytest.raises(
            PermanentError, match=r"does not let .* view the site Trial north, which"
        ):
            inventory.sync(LEAF)
    assert count_writes(inventory, before) == {}
    assert not inventory.sync(LEAF).report.has_changes


def test_fabric_with_same_name_gets_other_site_name(make_inventory: MakeInventory) -> None:
    """Site names are unique in NetBox, cluster names are not."""
    one, other = make_inventory(), make_inventory()
    name = one.record["name"]
    edit_record(other, name=name)
    other.record["name"] = name
    for inventory, site in ((one, name), (other, f"{name} ({other.fabric_id})")):
        assert inventory.sync(LEAF).report.problems == {}
        assert [row["name"] for row in inventory.objects(Model.SITE)] == [site]
        assert device_sites(inventory) == {("leaf-1", inventory.fabric_id)}
    for inventory in (one, other):
        assert not inventory.sync(LEAF).report.has_changes


def test_own_site_stays_while_it_contains_objects_of_people(
    campus: Campus, inventory: FabricInventory
) -> None:
    """NetBox would delete them with the site."""
    inventory.sync(LEAF)
    [site] = inventory.objects(Model.SITE)
    choose_site(inventory, campus.north["id"])
    scope = {"scope_type": "dcim.site", "scope_id": site["id"]}
    objects_by_path = {
        LOCATIONS: {"name": "Cage", "slug": "cage", "site": site["id"], "status": "active"},
        "ipam/prefixes": {"prefix": "192.0.2.0/24", **scope},
        "ipam/vlan-groups": {"name": "Trial", "slug": "trial", **scope},
        CLUSTERS_PATH: {"name": "Trial scoped", "type": inventory.record["type"]["id"], **scope},
    }
    ids = {
        path: inventory.admin.create(path, values)["id"] for path, values in objects_by_path.items()
    }
    outcome = inventory.sync_to_deletion(live_state(LEAF))
    while ids:
        [finding] = outcome.report.findings
        assert finding.problem is FindingType.CONFLICT
        assert finding.what == f"Fabric/default/{inventory.fabric_id}#site"
        assert finding.why.startswith("stays in NetBox: it still has ")
        assert len(finding.why.split(", ")) == len(ids), finding.why
        inventory.admin.delete(*ids.popitem())
        outcome = inventory.sync(LEAF)
    assert outcome.report.deleted == 1
    assert inventory.objects(Model.SITE) == []


@scenario
def test_two_fabrics_change_sites_side_by_side(
    campus: Campus, make_inventory: MakeInventory
) -> None:
    one, other = make_inventory(), make_inventory(hh_site=campus.north["id"])
    for inventory in (one, other):
        assert inventory.sync(*SMALL).report.problems == {}
    ids = {inventory.fabric_id: inventory.ids() for inventory in (one, other)}

    choose_site(one, campus.north["id"])
    assert one.sync(*SMALL).report.problems == {}
    assert device_sites(one) == in_shared_site(one, "north")
    assert_settled(other)
    assert device_sites(other) == in_shared_site(other, "north")

    choose_site(one, None)
    one.sync(*SMALL)
    [own_site] = one.objects(Model.SITE)
    choose_site(other, own_site["id"])
    assert other.sync(*SMALL).report.problems == {}
    assert device_sites(other) == in_shared_site(other, own_site["slug"])
    assert device_sites(one) == in_own_site(one)
    for inventory in (one, other):
        assert_settled(inventory)
        assert inventory.ids() == ids[inventory.fabric_id]

    choose_site(one, campus.south["id"])
    for _ in range(3):
        outcome = one.sync(*SMALL)
    assert outcome.report.problems == {FindingType.CONFLICT: 1}, (
        "devices of the other fabric are in its site"
    )
    assert device_sites(other) == in_shared_site(other, own_site["slug"])
    choose_site(other, None)
    other.sync(*SMALL)
    assert one.sync(*SMALL).report.deleted == 1


def test_site_changes_config_hash(campus: Campus, inventory: FabricInventory) -> None:
    """The fleet compares hashes, whichever way it reads the record."""
    hashes = []
    scope = {"scope_type": "dcim.location", "scope_id": campus.room["id"]}
    for values in ({}, scope, {"custom_fields": {"hh_site": campus.south["id"]}}):
        edit_record(inventory, **values)
        listed = next(
            row for row in inventory.admin.list_records() if row["id"] == inventory.record["id"]
        )
        alone, _ = inventory.admin.get_record(inventory.record["id"])
        assert FabricRecord.from_record(listed).config == FabricRecord.from_record(alone).config
        hashes.append(FabricRecord.from_record(listed).config.hash)
    assert len(set(hashes)) == 3
