"""What happens to objects while they are being deleted."""

from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.prune.pruner import Pruner
from activities.inventory.read.reader import Reader
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.plan import Plan
from tests.support.inventory.small_fabric import RACK, cable
from tests.support.netbox.fabric_inventory import FabricInventory, key_scenario


@key_scenario
def test_object_that_somebody_has_deleted_meanwhile_is_no_conflict(
    inventory: FabricInventory,
) -> None:
    inventory.sync(*RACK, cable("c", "s-1/e1", "leaf-1/E1/1"))
    everything = Plan(FabricIdentity(inventory.fabric_id, ""), (), ())
    objects = list(Reader(inventory.netbox, inventory.fabric_id).read(everything).objects)
    vrf = inventory.get(Model.VRF, f"Fabric/default/{inventory.fabric_id}#underlay")
    wire = inventory.get(Model.CABLE, "Connection/default/c")
    for model, row in ((Model.VRF, vrf), (Model.CABLE, wire)):
        inventory.admin.delete(PATHS[model], row["id"])
    pruner = Pruner(inventory.netbox, "Trial")
    pruner.delete(objects, lambda _: None)
    assert pruner.findings == []
    assert len(pruner.deleted) == len(objects) - 2
    assert inventory.ids() == {}
