"""What people offer: it becomes the fabric's when somebody says so, and no sooner."""

import pytest

from activities.inventory.netbox.endpoints import PATHS
from activities.netbox.client import NetBox, Row
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import MAX_FINDINGS, Finding, FindingType, InventoryOutcome
from tests.support.inventory.plans import server, switch
from tests.support.inventory.small_fabric import FRAME, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, cable_ports, withdrawn

SMALL = (*FRAME, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-2/E1/1"))
OFFERED = {"tags": [{"slug": TAG_SLUG}]}


@pytest.fixture(scope="session")
def catalogue(admin: NetBox) -> Row:
    """What a device needs, as long as there are some."""
    maker = admin.create("dcim/manufacturers", {"name": "Trial maker", "slug": "trial-maker"})
    type_ = {"manufacturer": maker["id"], "model": "Trial", "slug": "trial-type"}
    return {
        "device_type": admin.create("dcim/device-types", type_)["id"],
        "role": admin.create("dcim/device-roles", {"name": "Trial", "slug": "trial-role"})["id"],
    }


def port(mirror: FabricInventory, device: Row, name: str, **values: object) -> Row:
    row = {"device": device["id"], "name": name, "type": "other"} | values
    return mirror.admin.create(PATHS[Model.INTERFACE], row)


def end(row: Row) -> list[Row]:
    """An interface, as an end of a cable."""
    return [{"object_type": str(Model.INTERFACE), "object_id": row["id"]}]


def adopt_all(mirror: FabricInventory) -> tuple[int, InventoryOutcome]:
    """How many objects are adopted, sync after sync, and what the last of these found."""
    total = 0
    while (outcome := mirror.sync(*SMALL, adopt=True)).report.adopted:
        total += outcome.report.adopted
    return total, outcome


def of(outcome: InventoryOutcome, problem: FindingType) -> list[Finding]:
    return [each for each in outcome.report.findings if each.problem is problem]


def test_a_fabric_that_was_documented_by_hand_is_adopted_as_it_stands(
    catalogue: Row, mirror: FabricInventory
) -> None:
    admin, id_ = mirror.admin, mirror.fabric_id
    site = admin.create(PATHS[Model.SITE], {"name": "By hand", "slug": id_} | OFFERED)
    leaf, server, unoffered = (
        admin.create(PATHS[Model.DEVICE], {"name": name, "site": site["id"], **catalogue, **tags})
        for name, tags in (("LEAF-1", OFFERED), ("s-1", OFFERED), ("s-2", {}))
    )
    ports = [port(mirror, leaf, "E1/1", **OFFERED), port(mirror, server, "e1", **OFFERED)]
    theirs = port(mirror, server, "ipmi")
    ends = dict(zip(("a_terminations", "b_terminations"), map(end, ports), strict=True))
    wire = admin.create(PATHS[Model.CABLE], ends | OFFERED)

    outcome = mirror.sync(*SMALL)
    assert [each.what for each in of(outcome, FindingType.ADOPTABLE)] == [
        f"Fabric/default/{id_}#site"
    ]
    assert mirror.own(Model.SITE) == []

    adopted, outcome = adopt_all(mirror)
    assert adopted == 6
    assert mirror.one(Model.SITE, f"Fabric/default/{id_}#site")["id"] == site["id"]
    switch = mirror.one(Model.DEVICE, "Switch/default/leaf-1")
    assert (switch["id"], switch["name"]) == (leaf["id"], "leaf-1")
    assert mirror.one(Model.DEVICE, "Server/default/s-1")["id"] == server["id"]
    shown = mirror.one(Model.CABLE, "Connection/default/c")
    assert shown["id"] == wire["id"]
    assert cable_ports(shown) == {("s-1", "e1"), ("leaf-1", "E1/1")}

    [conflict] = of(outcome, FindingType.CONFLICT)
    assert conflict.what == "Server/default/s-2"
    for model, row in ((Model.DEVICE, unoffered), (Model.INTERFACE, theirs)):
        [found] = admin.list_rows(PATHS[model], id=row["id"])
        assert (found["custom_fields"], found["tags"]) == (row["custom_fields"], [])
        assert found["last_updated"] == row["last_updated"]

    before = mirror.latest()
    assert not mirror.sync(*SMALL).report.has_changes
    assert mirror.changelog(before) == []
    admin.delete(PATHS[Model.DEVICE], unoffered["id"])


def test_all_that_is_in_the_way_is_counted_and_the_first_of_it_is_named(
    catalogue: Row, mirror: FabricInventory
) -> None:
    mirror.sync(server("first"))
    [site] = mirror.own(Model.SITE)
    names = [f"s-{number}" for number in range(1, 36)]
    theirs = [{"name": name.upper(), "site": site["id"], **catalogue} for name in names]
    devices = f"{mirror.admin.url}/api/{PATHS[Model.DEVICE]}/"
    mirror.admin._session.post(devices, json=theirs).raise_for_status()
    with mirror.requests() as sent:
        outcome = mirror.sync(server("first"), *map(server, names))
    assert outcome.report.problems == {FindingType.CONFLICT: len(names)}
    for finding in outcome.report.findings:
        name = finding.what.removeprefix("Server/default/").upper()
        assert finding.why.startswith(f"{name} (")
    assert 10 < len(outcome.report.findings) <= MAX_FINDINGS
    assert len([each for each in sent if "name__ie=" in each]) == 2


def test_what_cannot_be_adopted_is_said_and_holds_up_nothing(
    catalogue: Row, mirror: FabricInventory
) -> None:
    """NetBox refuses to change any device that lacks what somebody has made required."""
    mirror.sync(*(each for each in SMALL if each.key.kind.name.endswith("Namespace")))
    [site] = mirror.own(Model.SITE)
    device = {"name": "s-1", "site": site["id"], **catalogue, **OFFERED}
    mirror.admin.create(PATHS[Model.DEVICE], device)
    new = {"name": "trial_needed", "type": "text", "object_types": ["dcim.device"]}
    field = mirror.admin.create(CUSTOM_FIELDS, new | {"required": True})
    try:
        outcome = mirror.sync(*SMALL, adopt=True)
    finally:
        mirror.admin.delete(CUSTOM_FIELDS, field["id"])
    [finding] = (each for each in outcome.report.findings if each.what == "Server/default/s-1")
    assert finding.problem is FindingType.FAILED
    assert "could not be adopted: NetBox at" in finding.why
    assert "trial_needed" in finding.why
    assert outcome.report.adopted == 0
    adopted, outcome = adopt_all(mirror)
    assert (adopted, outcome.report.problems) == (1, {})


def test_what_may_not_be_adopted_is_said_and_holds_up_nothing(
    catalogue: Row, mirror: FabricInventory
) -> None:
    mirror.sync(server("s-2"))
    [site] = mirror.own(Model.SITE)
    device = {"name": "s-1", "site": site["id"], **catalogue, **OFFERED}
    made = mirror.admin.create(PATHS[Model.DEVICE], device)
    [grant] = [grant for grant in INVENTORY_GRANTS if "delete" in grant.actions]
    with withdrawn(mirror.admin, grant):
        outcome = mirror.sync(server("s-1"), server("s-2"), adopt=True)
    [finding] = outcome.report.findings
    assert finding.what == "Server/default/s-1"
    assert "could not be adopted: NetBox at" in finding.why
    assert "does not allow this user to change" in finding.why
    mirror.admin.delete(PATHS[Model.DEVICE], made["id"])


def test_a_site_with_the_fabrics_name_is_adopted_whatever_its_slug(mirror: FabricInventory) -> None:
    name, slug = mirror.record["name"], f"{mirror.fabric_id}-by-hand"
    site = mirror.admin.create(PATHS[Model.SITE], {"name": name, "slug": slug})
    outcome = mirror.sync(server("s-1"))
    [conflict] = of(outcome, FindingType.CONFLICT)
    assert conflict.what == f"Fabric/default/{mirror.fabric_id}#site"
    assert conflict.why.startswith(f"{name} (")
    mirror.edit(Model.SITE, site, **OFFERED)
    assert mirror.sync(server("s-1"), adopt=True).report.adopted == 1
    assert mirror.sync(server("s-1")).report.problems == {}
    [own] = mirror.own(Model.SITE)
    assert (own["id"], own["slug"]) == (site["id"], mirror.fabric_id)


def test_what_is_everybodys_is_no_fabrics_even_with_its_tag(mirror: FabricInventory) -> None:
    """The type of the switch is named like another, which has another slug."""
    new = {"name": "Trial", "slug": "trial"}
    maker = mirror.admin.create(PATHS[Model.MANUFACTURER], new)
    tagged = {"manufacturer": maker["id"], "model": "trial-7", "slug": "trial-seven", **OFFERED}
    type_ = mirror.admin.create(PATHS[Model.DEVICE_TYPE], tagged)
    outcome = mirror.sync(switch("leaf-1", profile="trial-7"), adopt=True)
    [conflict] = of(outcome, FindingType.CONFLICT)
    assert conflict.what == "trial-7"
    assert conflict.why.endswith("is in its place and was made by somebody else")
    assert outcome.report.problems == {FindingType.CONFLICT: 1, FindingType.FAILED: 2}
    mirror.admin.delete(PATHS[Model.DEVICE_TYPE], type_["id"])
    mirror.admin.delete(PATHS[Model.MANUFACTURER], maker["id"])


def test_what_is_in_the_way_of_a_change_is_named(mirror: FabricInventory) -> None:
    namespaces = [each for each in FRAME if each.kind.name.endswith("Namespace")]
    mirror.sync(*namespaces, vpc("v", 1001, "10.0.1.0/24"))
    group = mirror.one(Model.VLAN_GROUP, "VLANNamespace/default/default")["id"]
    row = {"group": group, "vid": 1003, "name": "by hand", **OFFERED}
    theirs = mirror.admin.create(PATHS[Model.VLAN], row)
    moved = (*namespaces, vpc("v", 1003, "10.0.1.0/24"))
    outcome = mirror.sync(*moved)
    [conflict] = outcome.report.findings
    assert (conflict.problem, conflict.what) == (FindingType.CONFLICT, "VPC/default/v#a")
    assert conflict.why.startswith("by hand (1003) (")
    mirror.admin.delete(PATHS[Model.VLAN], theirs["id"])
    assert mirror.sync(*moved).report.problems == {}
