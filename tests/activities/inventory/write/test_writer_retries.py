"""What becomes of an inventory when answers get lost: NetBox did what nobody knows that it did."""

import asyncio

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.read.reader import Reader
from activities.inventory.write.writer import Writer
from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.prune.policy import MIN_ABSENT_SYNCS
from tests.support.fabrics.objects import live_state
from tests.support.inventory.plans import server, switch
from tests.support.inventory.small_fabric import FRAME, attachment, cable, vpc
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory
from tests.support.netbox.fault_proxy import FaultProxy

SMALL = (
    *FRAME,
    cable("c", "s-1/e1", "leaf-1/E1/1"),
    vpc("v", 1001, "10.0.1.0/24"),
    attachment("v-c", "v/a", "c"),
)


def counts(mirror: FabricInventory) -> dict[str, int]:
    return {str(model): len(mirror.own(model)) for model in OWNED_MODELS}


async def test_what_was_created_all_the_same_is_found_and_not_created_twice(
    between: FaultProxy, through: FabricInventory
) -> None:
    between.forgets = True
    outcome = await asyncio.to_thread(through.sync, *SMALL)
    plan = through.plan(live_state(*SMALL))
    assert len(between.forgotten) > 8
    assert outcome.report.problems == {}
    there = await asyncio.to_thread(counts, through)
    assert there == {str(model): plan.counts[model] for model in OWNED_MODELS}
    assert not (await asyncio.to_thread(through.sync, *SMALL)).report.has_changes


def test_what_a_lost_worker_made_once_more_goes_and_what_was_there_stays(
    mirror: FabricInventory, inventory_netbox: InventoryNetBox
) -> None:
    """NetBox may do what it was asked for after the next worker has looked; of VRFs it takes two alike."""
    mirror.sync(*SMALL)
    ids = mirror.ids()
    vrf = mirror.one(Model.VRF, "VPC/default/v")
    marks = {name: vrf["custom_fields"][name] for name in (FABRIC_FIELD, KEY_FIELD)}
    again = {"name": vrf["name"], "tags": [{"slug": TAG_SLUG}], "custom_fields": marks}
    [copy] = inventory_netbox.write("POST", PATHS[Model.VRF], [again])
    prefix = mirror.one(Model.PREFIX, "VPC/default/v#a")
    mirror.edit(Model.PREFIX, prefix, vrf=copy["id"])
    outcomes = [mirror.sync(*SMALL) for _ in range(MIN_ABSENT_SYNCS)]
    assert [each.report.updated for each in outcomes] == [1] + [0] * (MIN_ABSENT_SYNCS - 1)
    assert [each.report.deleted for each in outcomes] == [0] * (MIN_ABSENT_SYNCS - 1) + [1]
    assert [each.has_pending_work for each in outcomes] == [True] * (MIN_ABSENT_SYNCS - 1) + [False]
    assert mirror.ids() == ids
    assert len(mirror.own(Model.VRF)) == mirror.plan(live_state(*SMALL)).counts[Model.VRF]


def test_what_another_fabric_adds_to_the_catalogue_meanwhile_is_used(
    make_mirror: MakeInventory,
) -> None:
    """Fabrics are loaded side by side, and each may find the same part of the catalogue missing."""
    first, second = make_mirror(), make_mirror()
    rack = (switch("leaf-1", profile="made-meanwhile"), server("s-1"))
    reader = Reader(second.netbox, second.fabric_id)
    changes = find_changes(plan := second.plan(live_state(*rack)), reader.read(plan))
    assert "made-meanwhile" in {write.key for stage in changes.stages for write in stage}
    assert first.sync(*rack).report.problems == {}
    written = Writer(second.netbox, reader, second.fabric_id, "").write(changes, lambda _: None)
    assert (written.refused, written.missing_references, written.updated) == ({}, {}, set())
    assert not second.sync(*rack).report.has_changes


def test_what_was_created_only_after_it_was_looked_up_is_found_too(mirror: FabricInventory) -> None:
    """NetBox refuses what it has been asked for before, and did when nobody waited for it any more."""
    reader = Reader(mirror.netbox, mirror.fabric_id)
    changes = find_changes(plan := mirror.plan(live_state(*SMALL)), reader.read(plan))
    assert mirror.sync(*SMALL).report.problems == {}
    ids = mirror.ids()
    written = Writer(mirror.netbox, reader, mirror.fabric_id, "Trial").write(
        changes, lambda _: None
    )
    assert (written.refused, written.missing_references) == ({}, {})
    for model in (Model.SITE, Model.DEVICE, Model.INTERFACE, Model.CABLE):
        own = {key for at, key in ids if at is model}
        assert own == {ref.key for ref in written.created if ref.model is model}
    there = mirror.ids()
    assert all(there[key] == number for key, number in ids.items() if key[0] is Model.CABLE)
