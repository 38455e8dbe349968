"""Lost answers, and objects that NetBox creates after a worker has read it."""

import asyncio

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.read.reader import Reader
from activities.inventory.write.writer import Writer
from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.prune.policy import MIN_ABSENT_PASSES
from tests.support.fabrics.objects import live_state
from tests.support.inventory.plans import server, switch
from tests.support.inventory.small_fabric import FRAME, NAMESPACES, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory
from tests.support.netbox.fault_proxy import FaultProxy

SMALL = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    vpc("v", 1001, "10.0.1.0/24"),
    attachment("v-c", "v/a", "c"),
)
NETWORKS = (*NAMESPACES, vpc("v", 1001, "10.0.1.0/24"))


def count_objects(inventory: FabricInventory) -> dict[str, int]:
    return {str(model): len(inventory.objects(model)) for model in OWNED_MODELS}


async def test_create_with_lost_answer_is_not_repeated(
    fault_proxy: FaultProxy, proxied_inventory: FabricInventory
) -> None:
    fault_proxy.drops_creates = True
    outcome = await asyncio.to_thread(proxied_inventory.sync, *SMALL)
    plan = proxied_inventory.plan(live_state(*SMALL))
    assert len(fault_proxy.dropped_paths) > 8
    assert outcome.report.problems == {}
    existing = await asyncio.to_thread(count_objects, proxied_inventory)
    assert existing == {str(model): plan.counts[model] for model in OWNED_MODELS}
    assert not (await asyncio.to_thread(proxied_inventory.sync, *SMALL)).report.has_changes


def test_duplicate_from_lost_worker_is_deleted(
    inventory: FabricInventory, inventory_netbox: InventoryNetBox
) -> None:
    """NetBox may complete a lost worker's request after the next worker's read.

    It accepts the duplicate, as VRF names may repeat.
    """
    inventory.sync(*NETWORKS)
    ids = inventory.ids()
    vrf = inventory.get(Model.VRF, "VPC/default/v")
    marks = {name: vrf["custom_fields"][name] for name in (FABRIC_FIELD, KEY_FIELD)}
    again = {"name": vrf["name"], "tags": [{"slug": TAG_SLUG}], "custom_fields": marks}
    [copy] = inventory_netbox.write("POST", PATHS[Model.VRF], [again])
    prefix = inventory.get(Model.PREFIX, "VPC/default/v#a")
    inventory.edit(Model.PREFIX, prefix, vrf=copy["id"])
    outcomes = [inventory.sync(*NETWORKS) for _ in range(MIN_ABSENT_PASSES)]
    assert [outcome.report.updated for outcome in outcomes] == [1] + [0] * (MIN_ABSENT_PASSES - 1)
    assert [outcome.report.deleted for outcome in outcomes] == [0] * (MIN_ABSENT_PASSES - 1) + [1]
    assert [outcome.has_pending_work for outcome in outcomes] == [True] * (
        MIN_ABSENT_PASSES - 1
    ) + [False]
    assert inventory.ids() == ids
    assert (
        len(inventory.objects(Model.VRF)) == inventory.plan(live_state(*NETWORKS)).counts[Model.VRF]
    )


def test_catalogue_objects_created_meanwhile_are_used(
    make_inventory: MakeInventory,
) -> None:
    """Fabrics that are loaded side by side may miss the same part of the catalogue."""
    first, second = make_inventory(), make_inventory()
    rack = (switch("leaf-1", profile="made-meanwhile"), server("s-1"))
    reader = Reader(second.netbox, second.fabric_id)
    changes = find_changes(plan := second.plan(live_state(*rack)), reader.read(plan))
    assert "made-meanwhile" in {write.key for stage in changes.stages for write in stage}
    assert first.sync(*rack).report.problems == {}
    written = Writer(second.netbox, reader, second.fabric_id, "").write(changes, lambda _: None)
    assert (written.refused, written.missing_references, written.updated) == ({}, {}, set())
    assert not second.sync(*rack).report.has_changes


def test_objects_created_after_lookup_are_found(
    inventory: FabricInventory,
) -> None:
    """NetBox may complete a create request after the client's lookup."""
    reader = Reader(inventory.netbox, inventory.fabric_id)
    changes = find_changes(plan := inventory.plan(live_state(*SMALL)), reader.read(plan))
    assert inventory.sync(*SMALL).report.problems == {}
    ids = inventory.ids()
    written = Writer(inventory.netbox, reader, inventory.fabric_id, "Trial").write(
        changes, lambda _: None
    )
    assert (written.refused, written.missing_references) == ({}, {})
    for model in (Model.SITE, Model.DEVICE, Model.INTERFACE, Model.CABLE):
        own = {key for at, key in ids if at is model}
        assert own == {ref.key for ref in written.created if ref.model is model}
    after = inventory.ids()
    assert all(after[key] == object_id for key, object_id in ids.items() if key[0] is Model.CABLE)
