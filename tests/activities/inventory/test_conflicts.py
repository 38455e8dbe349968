"""Conflicts with objects of people, and adoption on request of offered ones."""

from typing import cast

import pytest

from activities.inventory.conflicts import Conflict, build_findings
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.write.writer import WriteResult
from activities.netbox.client import NetBox, Row
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.report.report import MAX_FINDINGS, Finding, FindingType, InventoryOutcome
from fabrics.resources.kinds import SWITCH_PROFILE
from fabrics.resources.resource import resource_from_api
from tests.support.inventory.plans import server, switch
from tests.support.inventory.small_fabric import NAMESPACES, RACK, cable, vpc
from tests.support.netbox.fabric_inventory import (
    FabricInventory,
    cable_ports,
    grant_reduced,
    key_scenario,
    scenario,
)

SMALL = (*RACK, cable("c", "s-1/e1", "leaf-1/E1/1"), cable("d", "s-2/e1", "leaf-2/E1/1"))
OFFERED = {"tags": [{"slug": TAG_SLUG}]}


@pytest.fixture(scope="session")
def catalogue(admin: NetBox) -> Row:
    """A device type and a role of people, which stay as long as devices use them."""
    maker = admin.create("dcim/manufacturers", {"name": "Trial maker", "slug": "trial-maker"})
    type_ = {"manufacturer": maker["id"], "model": "Trial", "slug": "trial-type"}
    return {
        "device_type": admin.create("dcim/device-types", type_)["id"],
        "role": admin.create("dcim/device-roles", {"name": "Trial", "slug": "trial-role"})["id"],
    }


def create_port(inventory: FabricInventory, device: Row, name: str, **values: object) -> Row:
    row = {"device": device["id"], "name": name, "type": "other"} | values
    return inventory.admin.create(PATHS[Model.INTERFACE], row)


def termination(row: Row) -> list[Row]:
    """Return an interface as the termination of a cable."""
    return [{"object_type": str(Model.INTERFACE), "object_id": row["id"]}]


def adopt_all(inventory: FabricInventory) -> tuple[int, InventoryOutcome]:
    """Sync until nothing is adopted; return the count and the last outcome."""
    total = 0
    while (outcome := inventory.sync(*SMALL, adopt=True)).report.adopted:
        total += outcome.report.adopted
    return total, outcome


def findings_of(outcome: InventoryOutcome, problem: FindingType) -> list[Finding]:
    return [finding for finding in outcome.report.findings if finding.problem is problem]


def test_hand_made_fabric_is_adopted(catalogue: Row, inventory: FabricInventory) -> None:
    admin, id_ = inventory.admin, inventory.fabric_id
    site = admin.create(PATHS[Model.SITE], {"name": "By hand", "slug": id_} | OFFERED)
    leaf, server, unoffered_device = (
        admin.create(PATHS[Model.DEVICE], {"name": name, "site": site["id"], **catalogue, **tags})
        for name, tags in (("LEAF-1", OFFERED), ("s-1", OFFERED), ("s-2", {}))
    )
    ports = [
        create_port(inventory, leaf, "E1/1", **OFFERED),
        create_port(inventory, server, "e1", **OFFERED),
    ]
    unoffered_port = create_port(inventory, server, "ipmi")
    ends = dict(zip(("a_terminations", "b_terminations"), map(termination, ports), strict=True))
    wire = admin.create(PATHS[Model.CABLE], ends | OFFERED)

    outcome = inventory.sync(*SMALL)
    assert [finding.what for finding in findings_of(outcome, FindingType.ADOPTABLE)] == [
        f"Fabric/default/{id_}#site"
    ]
    assert inventory.objects(Model.SITE) == []

    adopted, outcome = adopt_all(inventory)
    assert adopted == 6
    assert inventory.get(Model.SITE, f"Fabric/default/{id_}#site")["id"] == site["id"]
    switch = inventory.get(Model.DEVICE, "Switch/default/leaf-1")
    assert (switch["id"], switch["name"]) == (leaf["id"], "leaf-1")
    assert inventory.get(Model.DEVICE, "Server/default/s-1")["id"] == server["id"]
    adopted_cable = inventory.get(Model.CABLE, "Connection/default/c")
    assert adopted_cable["id"] == wire["id"]
    assert cable_ports(adopted_cable) == {("s-1", "e1"), ("leaf-1", "E1/1")}

    [conflict] = findings_of(outcome, FindingType.CONFLICT)
    assert conflict.what == "Server/default/s-2"
    for model, row in ((Model.DEVICE, unoffered_device), (Model.INTERFACE, unoffered_port)):
        [unchanged] = admin.list_rows(PATHS[model], id=row["id"])
        assert (unchanged["custom_fields"], unchanged["tags"]) == (row["custom_fields"], [])
        assert unchanged["last_updated"] == row["last_updated"]

    before = inventory.latest_change()
    assert not inventory.sync(*SMALL).report.has_changes
    assert inventory.changes_since(before) == []
    admin.delete(PATHS[Model.DEVICE], unoffered_device["id"])


def test_all_conflicts_are_counted_and_the_first_named(
    catalogue: Row, inventory: FabricInventory
) -> None:
    inventory.sync(server("first"))
    [site] = inventory.objects(Model.SITE)
    names = [f"s-{number}" for number in range(1, 36)]
    devices = [{"name": name.upper(), "site": site["id"], **catalogue} for name in names]
    devices_url = f"{inventory.admin.url}/api/{PATHS[Model.DEVICE]}/"
    inventory.admin._session.post(devices_url, json=devices).raise_for_status()
    with inventory.record_requests() as sent:
        outcome = inventory.sync(server("first"), *map(server, names))
    assert outcome.report.problems == {FindingType.CONFLICT: len(names)}
    for finding in outcome.report.findings:
        name = finding.what.removeprefix("Server/default/").upper()
        assert finding.why.startswith(f"{name} (")
    assert 10 < len(outcome.report.findings) <= MAX_FINDINGS
    assert len([request for request in sent if "name__ie=" in request]) == 2


def test_refused_adoption_is_reported_and_delays_nothing(
    catalogue: Row, inventory: FabricInventory
) -> None:
    """NetBox refuses any change of a device without a value for a required field."""
    inventory.sync(SMALL[0])
    [site] = inventory.objects(Model.SITE)
    device = {"name": "s-1", "site": site["id"], **catalogue, **OFFERED}
    inventory.admin.create(PATHS[Model.DEVICE], device)
    new = {"name": "trial_needed", "type": "text", "object_types": ["dcim.device"]}
    field = inventory.admin.create(CUSTOM_FIELDS, new | {"required": True})
    try:
        outcome = inventory.sync(*SMALL, adopt=True)
    finally:
        inventory.admin.delete(CUSTOM_FIELDS, field["id"])
    [finding] = (f for f in outcome.report.findings if f.what == "Server/default/s-1")
    assert finding.problem is FindingType.FAILED
    assert "could not be adopted: NetBox at" in finding.why
    assert "trial_needed" in finding.why
    assert outcome.report.adopted == 0
    adopted, outcome = adopt_all(inventory)
    assert (adopted, outcome.report.problems) == (1, {})


def test_adoption_without_permission_is_reported(
    catalogue: Row, inventory: FabricInventory
) -> None:
    inventory.sync(server("s-2"))
    [site] = inventory.objects(Model.SITE)
    device = {"name": "s-1", "site": site["id"], **catalogue, **OFFERED}
    offered = inventory.admin.create(PATHS[Model.DEVICE], device)
    [grant] = [grant for grant in INVENTORY_GRANTS if "delete" in grant.actions]
    with grant_reduced(inventory.admin, grant, "add", "delete"):
        outcome = inventory.sync(server("s-1"), server("s-2"), adopt=True)
    [finding] = outcome.report.findings
    assert finding.what == "Server/default/s-1"
    assert "could not be adopted: NetBox at" in finding.why
    assert "does not allow this user to change" in finding.why
    inventory.admin.delete(PATHS[Model.DEVICE], offered["id"])


def test_site_with_name_of_fabric_is_adopted_despite_slug(
    inventory: FabricInventory,
) -> None:
    name, slug = inventory.record["name"], f"{inventory.fabric_id}-by-hand"
    site = inventory.admin.create(PATHS[Model.SITE], {"name": name, "slug": slug})
    outcome = inventory.sync(server("s-1"))
    [conflict] = findings_of(outcome, FindingType.CONFLICT)
    assert conflict.what == f"Fabric/default/{inventory.fabric_id}#site"
    assert conflict.why.startswith(f"{name} (")
    inventory.edit(Model.SITE, site, **OFFERED)
    assert inventory.sync(server("s-1"), adopt=True).report.adopted == 1
    assert inventory.sync(server("s-1")).report.problems == {}
    [own] = inventory.objects(Model.SITE)
    assert (own["id"], own["slug"]) == (site["id"], inventory.fabric_id)


@key_scenario
def test_catalogue_objects_of_people_are_used_whatever_their_slugs(
    inventory: FabricInventory,
) -> None:
    """Of one of two device types the slug is the same, of the other one the name."""
    create = inventory.admin.create
    maker = create(PATHS[Model.MANUFACTURER], {"name": "ZETA", "slug": "zeta-inc"})
    seven, eight = (
        create(PATHS[Model.DEVICE_TYPE], {"manufacturer": maker["id"], "model": name, "slug": slug})
        for name, slug in (("Number seven", "zeta-7"), ("ZETA 8", "eight"))
    )
    role = create(PATHS[Model.DEVICE_ROLE], {"name": "hedgehog Zeta LEAF", "slug": "zeta-role"})
    system = create(PATHS[Model.PLATFORM], {"name": "Zeta-OS", "slug": "zeta_os"})
    profile = {"displayName": "Zeta 8", "nosType": "zeta-os"}
    live = (
        resource_from_api({"metadata": {"name": "zeta-8"}, "spec": profile}, SWITCH_PROFILE),
        *(switch(f"leaf-{n}", profile=f"zeta-{n}", role="zeta-leaf") for n in (7, 8)),
    )
    assert inventory.sync(*live).report.problems == {}
    devices = {row["name"]: row for row in inventory.objects(Model.DEVICE)}
    assert [devices[f"leaf-{n}"]["device_type"]["id"] for n in (7, 8)] == [seven["id"], eight["id"]]
    assert {device["role"]["id"] for device in devices.values()} == {role["id"]}
    assert devices["leaf-8"]["platform"]["id"] == system["id"]
    makers = inventory.admin.list_rows(PATHS[Model.MANUFACTURER])
    assert [row["id"] for row in makers if row["name"].lower() == "zeta"] == [maker["id"]]
    before = inventory.latest_change()
    assert not inventory.sync(*live).has_pending_work
    assert inventory.changes_since(before) == []


def test_findings_name_the_model_of_catalogue_objects() -> None:
    maker, type_ = Ref(Model.MANUFACTURER, "dell"), Ref(Model.DEVICE_TYPE, "dell-s5248f-on")
    leaf = Ref(Model.DEVICE, "Switch/default/leaf-1")
    result = WriteResult({}, missing_references={type_: maker, leaf: type_})
    conflict = Conflict(maker, "NetBox says no.", None, is_new=True)
    findings = build_findings(cast(InventoryNetBox, None), [conflict], result)
    assert [(finding.problem, finding.what, finding.why) for finding in findings] == [
        ("failed", "manufacturer dell", "NetBox says no."),
        (
            "waiting",
            "device type dell-s5248f-on",
            "needs manufacturer dell, which is not in NetBox",
        ),
        (
            "waiting",
            "Switch/default/leaf-1",
            "needs device type dell-s5248f-on, which is not in NetBox",
        ),
    ]


@key_scenario
def test_whole_port_of_people_beside_its_lanes_is_conflict(inventory: FabricInventory) -> None:
    """NetBox refuses nothing, as the names differ."""
    live = (*RACK, switch("leaf-9", portBreakouts={"E1/5": "2x50G"}))
    inventory.sync(*live)
    device = inventory.get(Model.DEVICE, "Switch/default/leaf-9")
    others = [create_port(inventory, device, name) for name in ("E1/5", "E1/6")]
    for tags in ({}, OFFERED):
        inventory.edit(Model.INTERFACE, others[0], **tags)
        outcome = inventory.sync(*live, adopt=True)
        [conflict] = outcome.report.findings
        assert (conflict.problem, conflict.what) == (
            FindingType.CONFLICT,
            "Switch/default/leaf-9#E1/5",
        )
        assert conflict.why == (
            f"E1/5 ({inventory.netbox.url}/dcim/interfaces/{others[0]['id']}/) is the whole port beside"
            " its lanes and was made by somebody else"
        )
        assert outcome.report.adopted == 0
    inventory.admin.delete(PATHS[Model.INTERFACE], others[0]["id"])
    assert inventory.sync(*live).report.problems == {}


@scenario
def test_object_of_another_fabric_is_not_adopted(inventory: FabricInventory) -> None:
    """It has our tag, like an object that a person offers."""
    inventory.sync(*RACK)
    device = inventory.get(Model.DEVICE, "Switch/default/leaf-1")
    ownership = {FABRIC_FIELD: "another", KEY_FIELD: "Switch/default/spine#E1/1"}
    port = create_port(inventory, device, "E1/1", **OFFERED, custom_fields=ownership)
    outcome = inventory.sync(*SMALL, adopt=True)
    [conflict] = findings_of(outcome, FindingType.CONFLICT)
    assert conflict.what == "Switch/default/leaf-1#E1/1"
    assert conflict.why.endswith("is in its place and belongs to the fabric another")
    assert outcome.report.adopted == 0
    assert port["id"] not in [row["id"] for row in inventory.objects(Model.INTERFACE)]


def test_conflict_of_change_is_named(inventory: FabricInventory) -> None:
    inventory.sync(*NAMESPACES, vpc("v", 1001, "10.0.1.0/24"))
    group = inventory.get(Model.VLAN_GROUP, "VLANNamespace/default/default")["id"]
    row = {"group": group, "vid": 1003, "name": "by hand", **OFFERED}
    vlan = inventory.admin.create(PATHS[Model.VLAN], row)
    moved = (*NAMESPACES, vpc("v", 1003, "10.0.1.0/24"))
    outcome = inventory.sync(*moved)
    [conflict] = outcome.report.findings
    assert (conflict.problem, conflict.what) == (FindingType.CONFLICT, "VPC/default/v#a")
    assert conflict.why.startswith("by hand (1003) (")
    inventory.admin.delete(PATHS[Model.VLAN], vlan["id"])
    assert inventory.sync(*moved).report.problems == {}
