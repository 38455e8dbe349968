"""Where NetBox shows a fabric's devices: in a site that its record names, or in one of their own."""

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
from tests.support.inventory.small_fabric import FRAME, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import CHANGES, FabricInventory, MakeInventory, narrowed

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


@pytest.fixture(scope="session")
def campus(admin: NetBox) -> Campus:
    """It is there before any record, and stays as long as the devices in it."""
    region = admin.create(REGIONS, {"name": "Trial campus", "slug": "trial-campus"})
    north, south = (
        admin.create(SITES, {"name": f"Trial {name}", "slug": name, "region": region["id"]})
        for name in ("north", "south")
    )
    room = {"name": "Trial room", "slug": "room", "site": north["id"], "status": "active"}
    return Campus(region, north, south, admin.create(LOCATIONS, room))


def places(mirror: FabricInventory) -> set[tuple[str, str]]:
    """The devices by name, and the site of each."""
    return {(row["name"], row["site"]["slug"]) for row in mirror.own(Model.DEVICE)}


def own_place(mirror: FabricInventory) -> set[tuple[str, str]]:
    """Where they are if the record names no site."""
    return {(name, mirror.fabric_id) for name in DEVICES}


def shared_place(mirror: FabricInventory, site: str) -> set[tuple[str, str]]:
    """Where they are if it names one."""
    return {(f"{mirror.fabric_id}-{name}", site) for name in DEVICES}


def choose(mirror: FabricInventory, **values: object) -> None:
    """Edit the record as a person does."""
    mirror.admin.update(CLUSTERS_PATH, mirror.record["id"], values)


def choose_site(mirror: FabricInventory, site: int | None) -> None:
    choose(mirror, custom_fields={"hh_site": site})


def writes(mirror: FabricInventory, since: int) -> Counter[tuple[str, str]]:
    """How often what was done to objects of which model of the inventory, since a row of the changelog."""
    fields = "id,action,changed_object_type"
    rows = mirror.admin.list_rows(CHANGES, fields=fields, id__gt=since)
    return Counter(
        (row["changed_object_type"], row["action"]["value"])
        for row in rows
        if row["id"] > since and row["changed_object_type"] in PATHS
    )


def settles(mirror: FabricInventory) -> None:
    """See that the next sync leaves it alone."""
    before = mirror.latest()
    assert not mirror.sync(*SMALL).report.has_changes
    assert mirror.changelog(before) == []


@pytest.mark.parametrize(
    ("scope", "site"),
    [("dcim.site", "north"), ("dcim.location", "north"), ("dcim.region", ""), (None, "")],
)
def test_the_scope_of_the_record_says_where_devices_stand(
    campus: Campus, mirror: FabricInventory, scope: str | None, site: str
) -> None:
    numbers = {
        "dcim.site": campus.north["id"],
        "dcim.location": campus.room["id"],
        "dcim.region": campus.region["id"],
        None: None,
    }
    choose(mirror, scope_type=scope, scope_id=numbers[scope])
    assert mirror.sync(*SMALL).report.problems == {}
    assert places(mirror) == (shared_place(mirror, site) if site else own_place(mirror))
    assert len(mirror.own(Model.SITE)) == (0 if site else 1)
    settles(mirror)


def test_a_site_that_was_chosen_wins_over_the_scope(
    campus: Campus, mirror: FabricInventory
) -> None:
    choose(mirror, scope_type="dcim.location", scope_id=campus.room["id"])
    choose_site(mirror, campus.south["id"])
    mirror.sync(*SMALL)
    assert places(mirror) == shared_place(mirror, "south")
    choose_site(mirror, None)
    mirror.sync(*SMALL)
    assert places(mirror) == shared_place(mirror, "north")


def test_another_site_moves_the_devices_and_nothing_else(
    campus: Campus, mirror: FabricInventory
) -> None:
    mirror.sync(*SMALL)
    ids, site = mirror.ids(), (Model.SITE, f"Fabric/default/{mirror.fabric_id}#site")

    choose_site(mirror, campus.north["id"])
    before = mirror.latest()
    outcome = mirror.sync(*SMALL)
    assert (outcome.report.updated, outcome.report.problems) == (len(DEVICES), {})
    assert writes(mirror, before) == {(Model.DEVICE, "update"): len(DEVICES)}
    assert places(mirror) == shared_place(mirror, "north")
    assert mirror.ids() == ids, "its own site waits as all that is absent does"

    choose_site(mirror, campus.south["id"])
    before = mirror.latest()
    assert mirror.sync(*SMALL).report.problems == {}
    assert writes(mirror, before) == {(Model.DEVICE, "update"): len(DEVICES)}
    assert places(mirror) == shared_place(mirror, "south")

    before = mirror.latest()
    outcome = mirror.sync(*SMALL)
    assert (outcome.report.deleted, outcome.report.problems) == (1, {})
    assert writes(mirror, before) == {(Model.SITE, "delete"): 1}
    settles(mirror)

    choose_site(mirror, None)
    outcome = mirror.sync(*SMALL)
    assert (outcome.report.created, outcome.report.updated) == (1, len(DEVICES))
    assert places(mirror) == own_place(mirror)
    again = mirror.ids()
    assert again.pop(site) != ids.pop(site)
    assert again == ids
    settles(mirror)


def test_devices_leave_their_racks_when_they_leave_the_site_and_only_then(
    campus: Campus, mirror: FabricInventory
) -> None:
    """A rack is in one site: NetBox refuses any other for what stands in it."""
    mirror.sync(LEAF)
    [site] = mirror.own(Model.SITE)
    cage = {"name": "Cage", "slug": "cage", "site": site["id"], "status": "active"}
    at = {"site": site["id"], "location": mirror.admin.create(LOCATIONS, cage)["id"]}
    at |= {"rack": mirror.admin.create("dcim/racks", {"name": "R1", **at})["id"]}
    place = at | {"position": 7, "face": "front"}
    leaf = "Switch/default/leaf-1"
    mirror.edit(Model.DEVICE, mirror.one(Model.DEVICE, leaf), serial="mistyped", **place)
    assert mirror.sync(LEAF).report.updated == 1
    row = mirror.one(Model.DEVICE, leaf)
    assert {name: row[name]["id"] for name in at} == at
    assert (row["position"], row["face"]["value"]) == (7, "front")

    choose_site(mirror, campus.north["id"])
    assert mirror.sync(LEAF).report.problems == {}
    row = mirror.one(Model.DEVICE, leaf)
    assert row["site"]["slug"] == "north"
    assert [row[name] for name in ("location", "rack", "position", "face")] == [None] * 4
    assert not mirror.sync(LEAF).report.has_changes


def test_a_site_of_its_own_is_kept_when_devices_come_back_in_time(
    campus: Campus, mirror: FabricInventory
) -> None:
    mirror.sync(*SMALL)
    ids = mirror.ids()
    for site in (campus.north["id"], None):
        choose_site(mirror, site)
        assert mirror.sync(*SMALL).report.problems == {}
    assert places(mirror) == own_place(mirror)
    assert mirror.ids() == ids
    settles(mirror)


def test_its_own_site_may_be_named_as_well(mirror: FabricInventory) -> None:
    mirror.sync(*SMALL)
    [site] = mirror.own(Model.SITE)
    choose_site(mirror, site["id"])
    settles(mirror)
    choose_site(mirror, None)
    choose(mirror, scope_type="dcim.site", scope_id=site["id"])
    settles(mirror)
    assert places(mirror) == own_place(mirror)


def test_a_site_that_may_not_be_seen_is_an_error_and_nothing_moves(
    campus: Campus, mirror: FabricInventory
) -> None:
    choose_site(mirror, campus.north["id"])
    mirror.sync(LEAF)
    before = mirror.latest()
    [grant] = [each for each in INVENTORY_GRANTS if each.name == "inventory"]
    with narrowed(mirror.admin, grant, tags__slug=TAG_SLUG):
        with pytest.raises(PermanentError, match=r"does not show .* the site Trial north that"):
            mirror.sync(LEAF)
        choose(mirror, scope_type="dcim.site", scope_id=campus.north["id"])
        choose_site(mirror, None)
        with pytest.raises(PermanentError, match=r"does not show .* the site Trial north that"):
            mirror.sync(LEAF)
    assert writes(mirror, before) == {}
    assert not mirror.sync(LEAF).report.has_changes


def test_a_namesake_has_a_site_of_another_name(make_mirror: MakeInventory) -> None:
    """NetBox takes two clusters of one name, but not two sites."""
    one, other = make_mirror(), make_mirror()
    name = one.record["name"]
    choose(other, name=name)
    other.record["name"] = name
    for mirror, site in ((one, name), (other, f"{name} ({other.fabric_id})")):
        assert mirror.sync(LEAF).report.problems == {}
        assert [row["name"] for row in mirror.own(Model.SITE)] == [site]
        assert places(mirror) == {("leaf-1", mirror.fabric_id)}
    for mirror in (one, other):
        assert not mirror.sync(LEAF).report.has_changes


def test_a_site_of_its_own_stays_with_what_people_made_in_it(
    campus: Campus, mirror: FabricInventory
) -> None:
    """NetBox would delete all of it with the site."""
    mirror.sync(*SMALL)
    [site] = mirror.own(Model.SITE)
    choose_site(mirror, campus.north["id"])
    scope = {"scope_type": "dcim.site", "scope_id": site["id"]}
    theirs = {
        LOCATIONS: {"name": "Cage", "slug": "cage", "site": site["id"], "status": "active"},
        "ipam/prefixes": {"prefix": "192.0.2.0/24", **scope},
        "ipam/vlan-groups": {"name": "Trial", "slug": "trial", **scope},
        CLUSTERS_PATH: {"name": "Trial scoped", "type": mirror.record["type"]["id"], **scope},
    }
    made = {path: mirror.admin.create(path, values)["id"] for path, values in theirs.items()}
    for path, number in made.items():
        for _ in range(3):
            outcome = mirror.sync(*SMALL)
        assert outcome.report.problems == {FindingType.CONFLICT: 1}
        [finding] = outcome.report.findings
        assert finding.what == f"Fabric/default/{mirror.fabric_id}#site"
        assert "stays in NetBox: it still has" in finding.why
        mirror.admin.delete(path, number)
    assert mirror.sync(*SMALL).report.deleted == 1
    assert mirror.own(Model.SITE) == []


def test_two_fabrics_change_places_side_by_side(campus: Campus, make_mirror: MakeInventory) -> None:
    one, other = make_mirror(), make_mirror(hh_site=campus.north["id"])
    for mirror in (one, other):
        assert mirror.sync(*SMALL).report.problems == {}
    ids = {mirror.fabric_id: mirror.ids() for mirror in (one, other)}

    choose_site(one, campus.north["id"])
    assert one.sync(*SMALL).report.problems == {}
    assert places(one) == shared_place(one, "north")
    settles(other)
    assert places(other) == shared_place(other, "north")

    choose_site(one, None)
    one.sync(*SMALL)
    [own_site] = one.own(Model.SITE)
    choose_site(other, own_site["id"])
    assert other.sync(*SMALL).report.problems == {}
    assert places(other) == shared_place(other, own_site["slug"])
    assert places(one) == own_place(one)
    for mirror in (one, other):
        settles(mirror)
        assert mirror.ids() == ids[mirror.fabric_id]

    choose_site(one, campus.south["id"])
    for _ in range(3):
        outcome = one.sync(*SMALL)
    assert outcome.report.problems == {FindingType.CONFLICT: 1}, (
        "the other's devices are in its site"
    )
    assert places(other) == shared_place(other, own_site["slug"])
    choose_site(other, None)
    other.sync(*SMALL)
    assert one.sync(*SMALL).report.deleted == 1


def test_the_fleet_sees_that_a_record_names_another_place(
    campus: Campus, mirror: FabricInventory
) -> None:
    """By the hash of the configuration, however it reads the record."""
    hashes = []
    scope = {"scope_type": "dcim.location", "scope_id": campus.room["id"]}
    for values in ({}, scope, {"custom_fields": {"hh_site": campus.south["id"]}}):
        choose(mirror, **values)
        listed = next(
            row for row in mirror.admin.list_records() if row["id"] == mirror.record["id"]
        )
        alone, _ = mirror.admin.get_record(mirror.record["id"])
        assert FabricRecord.from_record(listed).config == FabricRecord.from_record(alone).config
        hashes.append(FabricRecord.from_record(listed).config.hash)
    assert len(set(hashes)) == 3
