"""When a loop looks at NetBox's inventory, and what it says of that."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from fabrics.inventory.report.report import (
    DeletesWaiting,
    Finding,
    FindingType,
    InventoryOutcome,
    InventoryReport,
)
from fabrics.loop.installation import Installation
from fabrics.loop.report import SyncReport
from fabrics.record.status import SyncStatus
from tests.support.workflows.loop_environment import Loop, LoopEnvironment, config, loop
from workflows.fabric_sync import FabricSync

WAITING = DeletesWaiting(
    digest="d1ce", counts={"dcim.interface": 40, "dcim.device": 2}, first=("dcim.device Switch/x",)
)


def outcome(**found: object) -> InventoryOutcome:
    """What became of the inventory, apart from the live state that it shows."""
    return InventoryOutcome(live_digest="").model_copy(update=found)


def syncs_of(world: LoopEnvironment) -> list[int]:
    """The syncs that looked at the inventory."""
    return [request.sync_number for request in world.requests]


async def test_nothing_changed_means_that_the_inventory_is_left_alone(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config())
    async with loop(env, world) as running:
        await running.sleep(3600)
        assert len(world.observed) == 60
        assert syncs_of(world) == [1]
        assert [report.inventory for report in await running.history()] == [None] * 50


async def test_it_is_looked_at_again_when_the_fabric_the_configuration_or_the_release_changes(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config())
    async with loop(env, world) as running:
        await running.sleep(90)
        world.live_digest = "rewired"
        await running.sleep(120)
        assert syncs_of(world) == [1, 3]
        assert world.record is not None
        world.record = world.record.model_copy(update={"managed_kinds": ("VPC",)})
        await running.handle.signal(FabricSync.record_changed)
        await running.sleep(120)
        assert syncs_of(world) == [1, 3, 5]
        world.installation = Installation(inventory_enabled=True, release="next")
        await running.handle.signal(FabricSync.record_changed)
        await running.sleep(120)
        assert syncs_of(world) == [1, 3, 5, 8]
        assert [request.live_digest for request in world.requests] == ["live", *["rewired"] * 3]


async def test_a_full_sync_comes_with_its_interval_over_many_runs(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(
        config(), installation=Installation(inventory_enabled=True, full_sync_interval=1800)
    )
    async with loop(env, world) as running:
        await running.sleep(6 * 3600)
        numbers = syncs_of(world)
        assert len(numbers) == 12
        assert {later - earlier for earlier, later in pairwise(numbers)} <= {30, 31}
        described = await running.handle.describe()
        assert described.run_id != running.handle.first_execution_run_id


async def test_a_full_sync_that_is_asked_for_skips_nothing(env: WorkflowEnvironment) -> None:
    world = LoopEnvironment(config())
    async with loop(env, world) as running:
        await running.sleep(40)
        await running.handle.execute_update(FabricSync.sync_now, False)
        assert syncs_of(world) == [1]
        world.inventory = outcome(report=InventoryReport(updated=1, unchanged=9))
        report = await running.handle.execute_update(FabricSync.sync_now, True)
        assert syncs_of(world) == [1, 3]
        assert report.inventory == InventoryReport(updated=1, unchanged=9)


async def test_a_fabric_that_was_not_read_is_not_mirrored_and_then_looked_at_in_full(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config())
    async with loop(env, world) as running:
        await running.sleep(40)
        world.silent = True
        await running.sleep(120)
        assert syncs_of(world) == [1]
        world.silent = False
        await running.sleep(180)
        assert syncs_of(world) == [1, 4]


@pytest.mark.parametrize("held", [False, True])
async def test_an_inventory_that_fails_is_the_syncs_error_and_tried_at_each_slot(
    env: WorkflowEnvironment, held: bool
) -> None:
    world = LoopEnvironment(config())
    async with loop(env, world) as running:
        await running.sleep(40)
        success = (await running.status()).last_success
        world.live_digest = "rewired"
        if held:
            world.inventory = outcome(withheld="Every Switch is gone.")
        else:
            world.inventory_error = "Every Switch is gone."
        await running.sleep(180)
        status = await running.status()
        assert (status.sync_status, status.connection_status) == (SyncStatus.ERROR, "connected")
        assert status.sync_error.endswith("Every Switch is gone.")
        assert (status.last_success, status.missed) == (success, 0)
        assert world.statuses[-1] is SyncStatus.ERROR
        assert syncs_of(world) == [1, 2, 3, 4]
        world.inventory, world.inventory_error = outcome(), ""
        await running.sleep(120)
        assert (await running.status()).sync_status is SyncStatus.IN_SYNC
        assert syncs_of(world) == [1, 2, 3, 4, 5]


async def test_what_is_pending_is_not_skipped_and_absences_are_carried_on(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config(), inventory=outcome(absence_counts={"9:1": 1}))
    async with loop(env, world) as running:
        await running.sleep(40)
        world.inventory = outcome(absence_counts={"9:1": 2})
        await running.sleep(60)
        refused = Finding(problem=FindingType.FAILED, what="VLAN", why="It is taken.")
        world.inventory = outcome(
            report=InventoryReport(problems={FindingType.FAILED: 1}, findings=(refused,))
        )
        await running.sleep(60)
        world.inventory = outcome(report=InventoryReport(problems={FindingType.SKIPPED: 4}))
        await running.sleep(180)
        assert [request.absence_counts for request in world.requests] == [
            {},
            {"9:1": 1},
            {"9:1": 2},
            {},
        ]
        assert syncs_of(world) == [1, 2, 3, 4]
        reports = [report.inventory for report in await running.history()]
        assert reports[2] == InventoryReport(problems={FindingType.FAILED: 1})


async def test_a_first_load_may_take_longer_than_the_interval(env: WorkflowEnvironment) -> None:
    world = LoopEnvironment(config(), inventory_takes=timedelta(minutes=10))
    async with loop(env, world) as running:
        await running.sleep(31 + 300)
        status = await running.status()
        assert (status.sync_status, status.syncs) == (SyncStatus.SYNCING, 0)
        assert status.inventory.writing
        world.inventory_takes = timedelta(0)
        await running.sleep(480)
        status = await running.status()
        assert status.sync_status is SyncStatus.IN_SYNC
        assert not status.inventory.writing
        assert syncs_of(world) == [1]
        first, *later = await running.history()
        assert (round(first.duration), first.missed) in {(600, 9), (600, 10)}
        assert len(later) >= 2
        assert {report.missed for report in later} == {0}
        slots = [each.slot for each in later if each.slot]
        assert len(slots) == len(later)
        assert {(slot - slots[0]) % timedelta(seconds=60) for slot in slots} == {timedelta(0)}


async def waiting_for_deletes(running: Loop) -> None:
    """Let two syncs find more deletes than are done unasked."""
    await running.sleep(100)
    assert running.world.inventory.deletes_waiting == WAITING
    assert (await running.status()).inventory.deletes_waiting == WAITING


async def test_deletes_that_wait_are_told_in_the_journal_and_looked_at_each_time(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config(), inventory=outcome(deletes_waiting=WAITING))
    async with loop(env, world) as running:
        await waiting_for_deletes(running)
        assert syncs_of(world) == [1, 2]
        (entry,) = filter(None, (update.journal_entry for update in world.updates))
        assert "42 deletes in NetBox wait to be confirmed" in entry
        assert f"`starter.py confirm-deletes {running.world.updates[-1].fabric_id}`" in entry


async def test_what_people_should_see_to_is_in_the_record_until_it_is_done(
    env: WorkflowEnvironment,
) -> None:
    conflict = InventoryReport(problems={FindingType.CONFLICT: 2, FindingType.SKIPPED: 4})
    world = LoopEnvironment(config(), inventory=outcome(deletes_waiting=WAITING, report=conflict))
    async with loop(env, world) as running:
        await waiting_for_deletes(running)
        id_ = running.world.updates[-1].fabric_id
        assert world.facts.inventory_issues == (
            "42 deletes in NetBox wait to be confirmed (40 dcim.interface, 2 dcim.device);"
            f" `starter.py confirm-deletes {id_}` shows them and asks."
            f" 2 in conflict with others' objects; `starter.py inventory {id_}` names them."
        )
        assert world.statuses[-1] is SyncStatus.IN_SYNC
        written = len(world.updates)
        await running.sleep(300)
        assert len(world.updates) <= written + 1, "the entry in the journal"
        world.inventory = outcome()
        await running.sleep(60)
        assert world.facts.inventory_issues == ""


async def test_only_the_plan_that_waits_can_be_confirmed(env: WorkflowEnvironment) -> None:
    world = LoopEnvironment(config(), inventory=outcome(deletes_waiting=WAITING))
    async with loop(env, world) as running:
        await waiting_for_deletes(running)
        for wrong in ([], [None], [7], [""], ["beef"], ["d1ce", "beef"]):
            with pytest.raises(WorkflowUpdateFailedError) as caught:
                await running.handle.execute_update("confirm_deletes", args=wrong)
            assert isinstance(caught.value.cause, ApplicationError)
            assert len(caught.value.cause.message) > 20
        await running.sleep(60)
        assert {request.confirmed_digest for request in world.requests} == {""}


async def test_a_confirmed_plan_is_carried_out_at_once_and_the_word_is_good_for_once(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config(interval=3600), inventory=outcome(deletes_waiting=WAITING))
    async with loop(env, world) as running:
        await waiting_for_deletes(running)
        world.inventory = outcome(report=InventoryReport(deleted=42))
        report: SyncReport = await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        assert (report.number, report.inventory) == (2, InventoryReport(deleted=42))
        await running.handle.execute_update(FabricSync.sync_now, True)
        assert [request.confirmed_digest for request in world.requests] == ["", "d1ce", ""]
        with pytest.raises(WorkflowUpdateFailedError):
            await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")


async def test_a_plan_that_is_confirmed_while_a_sync_runs_is_heard_by_the_next(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config(interval=3600), inventory=outcome(deletes_waiting=WAITING))
    async with loop(env, world) as running:
        await waiting_for_deletes(running)
        world.inventory_takes = timedelta(seconds=30)
        await running.handle.signal(FabricSync.sync_now_by_signal)
        while len(world.requests) < 2:
            await running.sleep(0.1)
        world.inventory_takes = timedelta(0)
        confirmed = asyncio.create_task(
            running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        )
        await running.sleep(60)
        assert (await confirmed).number == 3
        assert [request.confirmed_digest for request in world.requests] == ["", "", "d1ce"]


async def test_a_word_that_was_lost_to_a_failure_is_kept_for_the_next_sync(
    env: WorkflowEnvironment,
) -> None:
    world = LoopEnvironment(config(), inventory=outcome(deletes_waiting=WAITING))
    async with loop(env, world) as running:
        await waiting_for_deletes(running)
        world.inventory_error = "NetBox does not answer."
        await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        world.inventory_error = ""
        await running.sleep(90)
        assert [request.confirmed_digest for request in world.requests[-2:]] == ["d1ce", "d1ce"]


async def test_what_is_offered_is_adopted_by_the_sync_that_was_asked_to_and_by_no_other(
    env: WorkflowEnvironment,
) -> None:
    """Nothing has changed, and the sync after an adoption has something to do all the same."""
    world = LoopEnvironment(config())
    async with loop(env, world) as running:
        await running.sleep(40)
        assert syncs_of(world) == [1]
        world.inventory = outcome(report=InventoryReport(adopted=1))
        report = await running.handle.execute_update("sync_now", args=[False, False, True])
        assert report["inventory"]["adopted"] == 1
        world.inventory = outcome(report=InventoryReport(updated=1))
        await running.sleep(180)
        assert [request.adopt for request in world.requests] == [False, True, False]
        assert syncs_of(world) == [1, 2, 3]


async def test_switched_off_it_is_left_alone(env: WorkflowEnvironment) -> None:
    world = LoopEnvironment(config(), installation=Installation())
    async with loop(env, world) as running:
        await running.sleep(100)
        await running.handle.execute_update(FabricSync.sync_now, True)
        assert len(world.observed) >= 2
        assert syncs_of(world) == []
