"""Nobody makes the worker delete an object by giving it the marks of a fabric."""

from collections.abc import Iterator
from typing import override

import pytest
from temporalio.testing import ActivityEnvironment

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.prune.claims import find_claimants
from activities.netbox.client import Row
from fabrics.drift.model import LiveState
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import Finding, FindingType
from tests.support.fabrics.objects import live_state
from tests.support.inventory.small_fabric import NAMESPACES, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, key_scenario, scenario

GHOST = "VPC/default/ghost"
NETWORK = vpc("v", 1001, "10.0.1.0/24")
WITHOUT_VPCS = live_state(*NAMESPACES, served=("VPC",))
OFFERED = [{"slug": TAG_SLUG}]


def claim(inventory: FabricInventory, model: Model, row: Row, key: str) -> None:
    """Give an object the marks of the fabric, as whoever may change it can."""
    marks = {FABRIC_FIELD: inventory.fabric_id, KEY_FIELD: key}
    inventory.edit(model, row, tags=OFFERED, custom_fields=marks)


def create_vlan(inventory: FabricInventory, **values: object) -> Row:
    """Create a VLAN of the fabric's group by hand, with the number of `NETWORK`."""
    group = inventory.get(Model.VLAN_GROUP, "VLANNamespace/default/default")["id"]
    row = {"group": group, "vid": 1001, "name": "mine", "status": "active"}
    return inventory.admin.create(PATHS[Model.VLAN], row | values)


def stays(key: str) -> Finding:
    """Return the finding for an object that the user `admin` has marked."""
    why = (
        "stays in NetBox: NetBox's user admin has set its hh_fabric or hh_key; delete it in NetBox"
    )
    return Finding(problem=FindingType.CONFLICT, what=key, why=why)


@key_scenario
def test_object_that_somebody_has_marked_stays(inventory: FabricInventory) -> None:
    inventory.sync(*NAMESPACES, NETWORK)
    vrf = inventory.admin.create(PATHS[Model.VRF], {"name": "mine"})
    claim(inventory, Model.VRF, vrf, GHOST)

    outcome = inventory.sync_to_deletion(WITHOUT_VPCS)

    assert outcome.report.findings == (stays(GHOST),)
    assert outcome.report.deleted > 0  # the fabric's own network
    assert vrf["id"] in [row["id"] for row in inventory.objects(Model.VRF)]


@key_scenario
def test_removal_of_an_inventory_leaves_what_somebody_has_marked(
    inventory: FabricInventory,
) -> None:
    inventory.sync(*NAMESPACES, NETWORK)
    vrf = inventory.admin.create(PATHS[Model.VRF], {"name": "mine"})
    claim(inventory, Model.VRF, vrf, GHOST)

    assert inventory.remove().findings == (stays(GHOST),)
    assert inventory.ids() == {(Model.VRF, GHOST): vrf["id"]}


@scenario
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "is still synced, so its inventory stays"),
        (
            {"hh_sync_enabled": False, "hh_instance": "default@other"},
            "belongs to another installation",
        ),
        ({"hh_fabric_id": None}, "has no record of the fabric"),
    ],
)
def test_removal_of_an_inventory_needs_a_record_that_allows_it(
    inventory: FabricInventory, fields: Row, sentence: str
) -> None:
    """Whoever reaches Temporal can start one with any configuration."""
    inventory.sync(*NAMESPACES)
    config, before = inventory.request.config, inventory.ids()
    inventory.edit_record(**fields)
    remove = inventory.build_activities(LiveState({})).remove_inventory
    with pytest.raises(PermanentError, match=sentence):
        ActivityEnvironment().run(remove, config)
    assert inventory.ids() == before != {}


@key_scenario
def test_marked_object_stays_although_the_fabric_has_used_it(inventory: FabricInventory) -> None:
    """A new object that needs the number of an absent one takes that over."""
    inventory.sync(*NAMESPACES)
    vlan = create_vlan(inventory)
    claim(inventory, Model.VLAN, vlan, f"{GHOST}#a")
    inventory.sync(*NAMESPACES, NETWORK)
    assert inventory.get(Model.VLAN, "VPC/default/v#a")["id"] == vlan["id"]

    outcome = inventory.sync_to_deletion(WITHOUT_VPCS)

    assert outcome.report.findings == (stays("VPC/default/v#a"),)
    assert [row["id"] for row in inventory.objects(Model.VLAN)] == [vlan["id"]]


@key_scenario
def test_own_object_to_which_somebody_has_given_another_key_stays(
    inventory: FabricInventory,
) -> None:
    inventory.sync(*NAMESPACES, NETWORK)
    vrf = inventory.get(Model.VRF, "VPC/default/v")
    inventory.edit(Model.VRF, vrf, name="renamed", custom_fields={KEY_FIELD: GHOST})

    outcome = inventory.sync_to_deletion(live_state(*NAMESPACES, NETWORK))

    assert outcome.report.findings == (stays(GHOST),)
    assert vrf["id"] in [row["id"] for row in inventory.objects(Model.VRF)]


@key_scenario
def test_object_that_an_operator_has_adopted_is_deleted(inventory: FabricInventory) -> None:
    inventory.sync(*NAMESPACES)
    vlan = create_vlan(inventory, tags=OFFERED)
    assert inventory.sync(*NAMESPACES, NETWORK, adopt=True).report.adopted == 1
    inventory.sync(*NAMESPACES, NETWORK)
    assert inventory.get(Model.VLAN, "VPC/default/v#a")["id"] == vlan["id"]

    outcome = inventory.sync_to_deletion(WITHOUT_VPCS)

    assert outcome.report.findings == ()
    assert inventory.objects(Model.VLAN) == []


class NetBoxWithChangelog(InventoryNetBox):
    """A NetBox whose changelog has these entries, whatever is asked."""

    def __init__(self, *entries: Row) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self.user_name = "worker"
        self._entries = entries

    @override
    def list_rows(self, path: str, **filters: object) -> Iterator[Row]:
        assert path == "core/object-changes"
        return iter(self._entries)


def entry(number: int, user: str, before: Row | None, after: Row, **values: object) -> Row:
    """Return a changelog entry of the VRF 1; `before` is None if it is not known."""
    return {
        "id": number,
        "action": {"value": "update"},
        "user_name": user,
        "changed_object_type": "ipam.vrf",
        "changed_object_id": 1,
        "prechange_data": {} if before is None else {"custom_fields": before},
        "postchange_data": {"custom_fields": after},
    } | values


OURS = {FABRIC_FIELD: "dc1", KEY_FIELD: GHOST}
CREATED = {"action": {"value": "create"}}


def find(*entries: Row) -> dict[int, str]:
    return find_claimants(NetBoxWithChangelog(*entries), Model.VRF, {1})


def test_latest_change_of_a_mark_counts_whatever_the_order_of_entries() -> None:
    made, claimed = entry(1, "worker", None, OURS, **CREATED), entry(2, "eve", {}, OURS)
    taken_back = entry(3, "worker", {FABRIC_FIELD: "dc2"}, OURS)
    assert find(made) == {}
    assert find(claimed, made) == {1: "eve"}
    assert find(taken_back, claimed, made) == {}


def test_object_that_somebody_has_created_with_marks_is_theirs() -> None:
    assert find(entry(1, "eve", None, OURS, **CREATED)) == {1: "eve"}


def test_changes_of_other_fields_say_nothing() -> None:
    made = entry(1, "worker", None, OURS, **CREATED)
    assert find(made, entry(2, "eve", OURS, OURS | {"hh_details": {}})) == {}


def test_changes_of_which_netbox_notes_only_the_result_say_nothing() -> None:
    made = entry(1, "worker", None, OURS, **CREATED)
    assert find(made, entry(2, "eve", None, OURS)) == {}


def test_object_whose_entries_have_expired_counts_as_ours() -> None:
    assert find() == {}


def test_entries_of_other_objects_say_nothing() -> None:
    """NetBox ignores filters that it does not know."""
    other_id = entry(1, "eve", {}, OURS, changed_object_id=2)
    other_model = entry(2, "eve", {}, OURS, changed_object_type="ipam.vlan")
    assert find(other_id, other_model) == {}
