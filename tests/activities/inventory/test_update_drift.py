"""Objects in NetBox that say that their resource differs from Git."""

from activities.inventory.netbox.serializers import DRIFT_FIELD
from fabrics.drift.ages import make_object_id
from fabrics.inventory.model.planned import Model
from tests.support.inventory.small_fabric import NAMESPACES, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, key_scenario

PROD, TEST = "VPC/default/prod", "VPC/default/test"
OBJECTS = (*NAMESPACES, vpc("prod", 1001, "10.0.1.0/24"), vpc("test", 1002, "10.0.2.0/24"))
SHOWN = ((Model.VRF, ""), (Model.VLAN, "#a"), (Model.PREFIX, "#a"))


def drift(inventory: FabricInventory, key: str) -> set[object]:
    """Return what the objects of a VPC say of its drift."""
    rows = (inventory.get(model, f"{key}{part}") for model, part in SHOWN)
    return {row["custom_fields"][DRIFT_FIELD] for row in rows}


@key_scenario
def test_drift_is_said_once_and_withdrawn_when_it_is_gone(inventory: FabricInventory) -> None:
    inventory.sync(*OBJECTS)
    assert drift(inventory, PROD) == {None}

    inventory.drifted = {"1795529100": make_object_id(PROD)}
    assert inventory.sync(*OBJECTS).report.updated == 3
    assert drift(inventory, PROD) == {
        "Differs from Git since 2026-11-24 14:05:00 UTC."
        f" To see how, run: starter.py diff {inventory.fabric_id}"
    }
    assert drift(inventory, TEST) == {None}

    before, known = inventory.latest_change(), inventory.drifted
    for drifted in (known, None):  # None: nobody has looked
        inventory.drifted = drifted
        assert not inventory.sync(*OBJECTS).report.has_changes
    assert inventory.changes_since(before) == []

    inventory.drifted = {}
    assert inventory.sync(*OBJECTS).report.updated == 3
    assert drift(inventory, PROD) == {None}
