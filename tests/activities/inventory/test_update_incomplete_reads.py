"""Incomplete reads of NetBox or the fabric: no duplicates, no deletes."""

from collections import Counter

import pytest

from activities.errors import PermanentError, TransientError
from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import Row
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.inventory.model.planned import Model
from fabrics.inventory.prune.policy import MIN_ABSENT_PASSES
from fabrics.inventory.report.report import FindingType
from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.plans import connection, switch
from tests.support.inventory.small_fabric import (
    FRAME,
    attachment,
    cable,
    external_ports,
    vpc,
)
from tests.support.netbox.fabric_inventory import FabricInventory, grant_disabled, scenario

WIRED = (*FRAME, cable("c", "s-1/e1", "leaf-1/E1/1"))
WHOLE = (*WIRED, vpc("v", 1001, "10.0.1.0/24"), attachment("v-c", "v/a", "c"))


def tagged(inventory: FabricInventory) -> list[int]:
    """Return the VLAN ids on the switch's port."""
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    return [vlan["vid"] for vlan in port["tagged_vlans"]]


def test_missing_view_permission_fails_without_changes(inventory: FabricInventory) -> None:
    inventory.sync(*WHOLE)
    before = inventory.latest_change()
    read_in_every_sync = [
        grant for grant in INVENTORY_GRANTS if "view" in grant.actions and not grant.constraints
    ]
    assert len(read_in_every_sync) == 3
    for grant in read_in_every_sync:
        with (
            grant_disabled(inventory.admin, grant),
            pytest.raises(PermanentError, match=r"starter\.py setup"),
        ):
            inventory.sync(*WIRED)
    assert {row["changed_object_type"] for row in inventory.changes_since(before)} <= {
        "users.objectpermission"
    }
    assert not inventory.sync(*WHOLE).report.has_changes


def test_missing_change_permission_fails_and_next_sync_continues(
    inventory: FabricInventory,
) -> None:
    inventory.sync(*WHOLE)
    [grant] = [grant for grant in INVENTORY_GRANTS if "delete" in grant.actions]
    moved = (*WIRED, vpc("v", 1003, "10.0.1.0/24"), attachment("v-c", "v/a", "c"))
    refused = pytest.raises(PermanentError, match="does not allow this user to change ipam/vlans")
    with grant_disabled(inventory.admin, grant), refused:
        inventory.sync(*moved)
    assert [row["vid"] for row in inventory.objects(Model.VLAN)] == [1001]
    assert inventory.sync(*moved).report.problems == {}
    assert [row["vid"] for row in inventory.objects(Model.VLAN)] == [1003]


@scenario
def test_interrupted_read_changes_nothing(
    inventory: FabricInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.sync(*WHOLE)
    before = inventory.latest_change()
    graphql = InventoryNetBox.graphql

    def fail_on_interfaces(netbox: InventoryNetBox, query: str) -> dict[str, list[Row]]:
        if "interface_list" in query:
            raise TransientError("NetBox did not answer.")
        return graphql(netbox, query)

    monkeypatch.setattr(InventoryNetBox, "graphql", fail_on_interfaces)
    with pytest.raises(TransientError):
        inventory.sync(*WIRED)
    assert inventory.changes_since(before) == []


@scenario
def test_missing_kind_withholds_all_changes(
    inventory: FabricInventory,
) -> None:
    inventory.sync(*WHOLE)
    before = inventory.latest_change()
    counts = Counter(resource.kind.name for resource in WHOLE)
    for lost in ("VPCAttachment", "Connection"):
        remaining = (resource for resource in WHOLE if resource.kind.name != lost)
        outcome = inventory.sync_live(live_state(*remaining), counts=counts)
        assert f"no longer lists any {lost}," in outcome.withheld
    assert inventory.changes_since(before) == []
    assert tagged(inventory) == [1001]


@scenario
def test_kind_no_longer_served_keeps_its_objects(inventory: FabricInventory) -> None:
    inventory.sync(*WHOLE)
    before = inventory.ids()
    for _ in range(MIN_ABSENT_PASSES + 1):
        outcome = inventory.sync_live(live_state(*WIRED))
        assert outcome.report.deleted == 0
        assert outcome.absence_counts == {}
    assert inventory.ids() == before
    assert tagged(inventory) == []


@scenario
def test_unreadable_object_keeps_its_inventory(inventory: FabricInventory) -> None:
    inventory.sync(*WHOLE)
    before = inventory.ids()
    others = [resource for resource in WHOLE if resource.name != "leaf-1"]
    for _ in range(MIN_ABSENT_PASSES):
        outcome = inventory.sync(switch("leaf-1", profile=7), *others)
        assert (outcome.report.deleted, outcome.absence_counts) == (0, {})
        assert outcome.report.problems == {FindingType.SKIPPED: 1}, "the profile"
    outcome = inventory.sync(switch("leaf-1", boot={"serial": "CN 1"}), *others)
    assert outcome.report.problems == {FindingType.SKIPPED: 1}, "the serial number"
    assert inventory.get(Model.DEVICE, "Switch/default/leaf-1")["serial"] == "CN1"
    assert tagged(inventory) == [1001]
    assert inventory.ids() == before


@scenario
@pytest.mark.parametrize("name", ["role", "profile", "redundancy", "portBreakouts", "boot"])
def test_switch_with_invalid_field_keeps_its_inventory(
    inventory: FabricInventory, name: str
) -> None:
    stated: dict[str, Json] = {
        "redundancy": {"type": "mclag", "group": "a"},
        "vtepIP": "172.30.12.1/32",
        "portBreakouts": {"E1/1": "4x25G"},
        "ip": "172.30.0.5/21",
    }
    others = [resource for resource in WHOLE if resource.name != "leaf-1"]
    pair = switch("leaf-3", redundancy=stated["redundancy"], vtepIP=stated["vtepIP"])
    assert inventory.sync(switch("leaf-1", **stated), pair, *others).report.problems == {}
    before, device = inventory.ids(), inventory.get(Model.DEVICE, "Switch/default/leaf-1")
    port = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
    values: tuple[Json, ...] = ([7], 7)
    for value in values:
        for _ in range(MIN_ABSENT_PASSES):
            odd = switch("leaf-1", **{**stated, name: value, "description": str(value)})
            outcome = inventory.sync(odd, pair, *others)
            assert (outcome.report.deleted, outcome.absence_counts) == (0, {})
        assert outcome.report.problems == {FindingType.SKIPPED: 1}
        row = inventory.get(Model.DEVICE, "Switch/default/leaf-1")
        assert row["description"] == str(value)
        for field in ("role", "device_type", "primary_ip4"):
            assert row[field]["id"] == device[field]["id"]
        lane = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/1")
        assert (lane["name"], lane["type"]) == (port["name"], port["type"])
        assert tagged(inventory) == [1001]
        assert inventory.ids() == before


@scenario
@pytest.mark.parametrize(
    "odd",
    [
        live("Connection", "b", {"quantum": {}}),
        live("Connection", "x", {"external": {"link": 5}}),
        live("VPCAttachment", "v-b", {"subnet": "v/a", "connection": 5}),
        live("VPC", "v", {"subnets": []}),
        live("ExternalAttachment", "z", {"external": 5, "connection": "z"}),
    ],
    ids=lambda odd: odd.kind.name,
)
def test_ports_keep_what_an_unreadable_object_may_set(
    inventory: FabricInventory, odd: Resource
) -> None:
    bundle = connection("b", "bundled", {"server": "s-2/e1", "switch": "leaf-1/E1/7"})
    routed = (
        connection("z", "external", {"switch": "leaf-1/E1/11"}),
        live("ExternalAttachment", "z", {"external": "isp", "connection": "z"}),
        *external_ports("leaf-1"),
    )
    whole = [*WHOLE, bundle, attachment("v-b", "v/a", "b"), *routed]
    assert inventory.sync(*whole).report.problems == {}
    before, rows = inventory.ids(), inventory.objects(Model.INTERFACE)
    others = [resource for resource in whole if resource.key != odd.key]
    for _ in range(MIN_ABSENT_PASSES):
        outcome = inventory.sync(odd, *others)
        assert outcome.report.deleted == 0
    assert outcome.report.problems.keys() == {FindingType.SKIPPED}
    assert inventory.ids() == before
    fields = ("lag", "mark_connected", "vrf", "mode", "untagged_vlan", "tagged_vlans")
    for row in inventory.objects(Model.INTERFACE):
        [former] = [former for former in rows if former["id"] == row["id"]]
        assert {name: row[name] for name in fields} == {name: former[name] for name in fields}
    absent = live_state(*others, served=(odd.kind.name,))
    assert inventory.sync_live(absent).report.updated > 0


@scenario
def test_other_ports_lose_what_they_no_longer_have(inventory: FabricInventory) -> None:
    """A connection of an unknown type is not theirs, and a VPC that is known is gone."""
    bundle = connection("b", "bundled", {"server": "s-2/e1", "switch": "leaf-1/E1/7"})
    whole = (*WHOLE, bundle, attachment("v-b", "v/a", "b"))
    assert inventory.sync(*whole).report.problems == {}
    unknown = live("Connection", "b", {"quantum": {}})
    inventory.sync(*WIRED, unknown, vpc("v", 1001, "10.0.1.0/24"))
    assert tagged(inventory) == []
    assert inventory.get(Model.INTERFACE, "Switch/default/leaf-1#E1/7")["lag"]
    unknown_part = live("VPC", "w", {"subnets": []})
    inventory.sync(*WIRED, bundle, unknown_part, vpc("v", 1001, "10.0.1.0/24"))
    lag = inventory.get(Model.INTERFACE, "Switch/default/leaf-1#lag:E1/7")
    assert (lag["mode"], lag["tagged_vlans"]) == (None, [])


@scenario
def test_object_that_returns_in_time_keeps_its_ids(inventory: FabricInventory) -> None:
    inventory.sync(*WHOLE)
    before = inventory.ids()
    listed = live_state(*WIRED, served=("VPC", "VPCAttachment"))
    for _ in range(2):
        for _ in range(MIN_ABSENT_PASSES - 1):
            assert inventory.sync_live(listed).report.deleted == 0
        assert inventory.sync(*WHOLE).absence_counts == {}
    assert inventory.ids() == before
