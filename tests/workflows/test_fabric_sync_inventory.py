"""When a loop updates the inventory, and what it reports about it."""

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
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.report import SyncReport
from fabrics.record.sync_status import SyncStatus
from tests.support.workflows.loop_environment import LoopEnvironment, RunningLoop, config, loop
from workflows.fabric_sync import FabricSync

WAITING = DeletesWaiting(
    digest="d1ce", counts={"dcim.interface": 40, "dcim.device": 2}, first=("dcim.device Switch/x",)
)


def outcome(**found: object) -> InventoryOutcome:
    """Return an outcome with these fields; the environment adds the live digest."""
    return InventoryOutcome(live_digest="").model_copy(update=found)


def syncs_with_update(environment: LoopEnvironment) -> list[int]:
    """Return the numbers of the syncs that updated the inventory."""
    return [request.sync_number for request in environment.inventory_requests]


def confirmed_digests(environment: LoopEnvironment) -> list[str]:
    """Return the digests of confirmed deletes that the updates were given."""
    return [request.confirmed_digest for request in environment.inventory_requests]


async def test_unchanged_fabric_needs_no_update(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(3600)
        assert len(environment.observed) == 60
        assert syncs_with_update(environment) == [1]
        assert [report.inventory for report in await running.history()] == [None] * 50


async def test_changed_fabric_configuration_or_release_needs_update(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(90)
        environment.live_digest = "rewired"
        await running.sleep(120)
        assert syncs_with_update(environment) == [1, 3]
        assert environment.record is not None
        environment.record = environment.record.model_copy(update={"managed_kinds": ("VPC",)})
        await running.handle.signal(FabricSync.record_changed)
        await running.sleep(120)
        assert syncs_with_update(environment) == [1, 3, 5]
        environment.installation = LoopSettings(inventory_enabled=True, release="next")
        await running.handle.signal(FabricSync.record_changed)
        await running.sleep(120)
        assert syncs_with_update(environment) == [1, 3, 5, 8]
        assert [request.live_digest for request in environment.inventory_requests] == [
            "live",
            *["rewired"] * 3,
        ]


async def test_full_sync_interval_holds_across_runs(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(
        config(), installation=LoopSettings(inventory_enabled=True, full_sync_interval=1800)
    )
    async with loop(env, environment) as running:
        await running.sleep(3 * 3600)
        numbers = syncs_with_update(environment)
        assert len(numbers) == 6
        assert {later - earlier for earlier, later in pairwise(numbers)} <= {30, 31}
        described = await running.handle.describe()
        assert described.run_id != running.handle.first_execution_run_id


async def test_requested_full_sync_updates_inventory(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(40)
        await running.handle.execute_update(FabricSync.sync_now, False)
        assert syncs_with_update(environment) == [1]
        environment.inventory_outcome = outcome(report=InventoryReport(updated=1, unchanged=9))
        report = await running.handle.execute_update(FabricSync.sync_now, True)
        assert syncs_with_update(environment) == [1, 3]
        assert report.inventory == InventoryReport(updated=1, unchanged=9)


async def test_unread_fabric_is_not_updated_and_next_sync_updates_it(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(40)
        environment.silent = True
        await running.sleep(120)
        assert syncs_with_update(environment) == [1]
        environment.silent = False
        await running.sleep(180)
        assert syncs_with_update(environment) == [1, 4]


@pytest.mark.parametrize("withheld", [False, True])
async def test_failed_update_is_error_of_sync_and_retried_at_each_slot(
    env: WorkflowEnvironment, withheld: bool
) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(40)
        success = (await running.status()).last_success
        environment.live_digest = "rewired"
        if withheld:
            environment.inventory_outcome = outcome(withheld="Every Switch is gone.")
        else:
            environment.inventory_error = "Every Switch is gone."
        await running.sleep(180)
        status = await running.status()
        assert (status.sync_status, status.connection_status) == (SyncStatus.ERROR, "connected")
        assert status.sync_error.endswith("Every Switch is gone.")
        assert (status.last_success, status.missed) == (success, 0)
        assert environment.statuses[-1] is SyncStatus.ERROR
        assert syncs_with_update(environment) == [1, 2, 3, 4]
        environment.inventory_outcome, environment.inventory_error = outcome(), ""
        await running.sleep(120)
        assert (await running.status()).sync_status is SyncStatus.IN_SYNC
        assert syncs_with_update(environment) == [1, 2, 3, 4, 5]


async def test_pending_work_needs_update_and_absence_counts_are_kept(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(), inventory_outcome=outcome(absence_counts={"9:1": 1}))
    async with loop(env, environment) as running:
        await running.sleep(40)
        environment.inventory_outcome = outcome(absence_counts={"9:1": 2})
        await running.sleep(60)
        refused = Finding(problem=FindingType.FAILED, what="VLAN", why="It is taken.")
        environment.inventory_outcome = outcome(
            report=InventoryReport(problems={FindingType.FAILED: 1}, findings=(refused,))
        )
        await running.sleep(60)
        environment.inventory_outcome = outcome(
            report=InventoryReport(problems={FindingType.SKIPPED: 4})
        )
        await running.sleep(180)
        assert [request.absence_counts for request in environment.inventory_requests] == [
            {},
            {"9:1": 1},
            {"9:1": 2},
            {},
        ]
        assert syncs_with_update(environment) == [1, 2, 3, 4]
        reports = [report.inventory for report in await running.history()]
        assert reports[2] == InventoryReport(problems={FindingType.FAILED: 1})


async def test_first_load_may_take_longer_than_interval(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(), inventory_duration=timedelta(minutes=10))
    async with loop(env, environment) as running:
        await running.sleep(31 + 300)
        status = await running.status()
        assert (status.sync_status, status.syncs) == (SyncStatus.SYNCING, 0)
        assert status.inventory.writing
        environment.inventory_duration = timedelta(0)
        await running.sleep(480)
        status = await running.status()
        assert status.sync_status is SyncStatus.IN_SYNC
        assert not status.inventory.writing
        assert syncs_with_update(environment) == [1]
        first, *later = await running.history()
        assert (round(first.duration), first.missed) in {(600, 9), (600, 10)}
        assert len(later) >= 2
        assert {report.missed for report in later} == {0}
        slots = [report.slot for report in later if report.slot]
        assert len(slots) == len(later)
        assert {(slot - slots[0]) % timedelta(seconds=60) for slot in slots} == {timedelta(0)}


async def wait_for_deletes(running: RunningLoop) -> None:
    """Let two syncs find more deletes than are done without confirmation."""
    await running.sleep(100)
    assert running.environment.inventory_outcome.deletes_waiting == WAITING
    assert (await running.status()).inventory.deletes_waiting == WAITING


async def test_waiting_deletes_are_in_journal_and_need_update_at_each_sync(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(), inventory_outcome=outcome(deletes_waiting=WAITING))
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        assert syncs_with_update(environment) == [1, 2]
        (entry,) = filter(None, (update.journal_entry for update in environment.updates))
        assert "42 deletes in NetBox need confirmation" in entry
        assert f"`starter.py confirm-deletes {running.environment.updates[-1].fabric_id}`" in entry


async def test_inventory_issues_are_in_record_until_resolved(env: WorkflowEnvironment) -> None:
    conflict = InventoryReport(problems={FindingType.CONFLICT: 2, FindingType.SKIPPED: 4})
    environment = LoopEnvironment(
        config(), inventory_outcome=outcome(deletes_waiting=WAITING, report=conflict)
    )
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        id_ = running.environment.updates[-1].fabric_id
        assert environment.last_known.inventory_issues == (
            "42 deletes in NetBox need confirmation (40 dcim.interface, 2 dcim.device);"
            f" `starter.py confirm-deletes {id_}` lists and confirms them."
            f" 2 in conflict with other objects; `starter.py inventory {id_}` lists them."
        )
        assert environment.statuses[-1] is SyncStatus.IN_SYNC
        updates_before = len(environment.updates)
        await running.sleep(300)
        assert len(environment.updates) <= updates_before + 1, "the entry in the journal"
        environment.inventory_outcome = outcome()
        await running.sleep(60)
        assert environment.last_known.inventory_issues == ""


async def test_only_pending_deletes_can_be_confirmed(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(), inventory_outcome=outcome(deletes_waiting=WAITING))
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        for arguments in ([], [None], [7], [""], ["beef"], ["d1ce", "beef"]):
            with pytest.raises(WorkflowUpdateFailedError) as caught:
                await running.handle.execute_update("confirm_deletes", args=arguments)
            assert isinstance(caught.value.cause, ApplicationError)
            assert len(caught.value.cause.message) > 20
        await running.sleep(60)
        assert set(confirmed_digests(environment)) == {""}


async def test_confirmed_deletes_run_at_once_and_only_once(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(
        config(interval=3600), inventory_outcome=outcome(deletes_waiting=WAITING)
    )
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        environment.inventory_outcome = outcome(report=InventoryReport(deleted=42))
        report: SyncReport = await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        assert (report.number, report.inventory) == (2, InventoryReport(deleted=42))
        await running.handle.execute_update(FabricSync.sync_now, True)
        assert confirmed_digests(environment) == ["", "d1ce", ""]
        with pytest.raises(WorkflowUpdateFailedError):
            await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")


async def test_confirmation_during_sync_is_for_next_sync(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(
        config(interval=3600), inventory_outcome=outcome(deletes_waiting=WAITING)
    )
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        environment.inventory_duration = timedelta(seconds=30)
        await running.handle.signal(FabricSync.sync_now_by_signal)
        while len(environment.inventory_requests) < 2:
            await running.sleep(0.1)
        environment.inventory_duration = timedelta(0)
        confirmed = asyncio.create_task(
            running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        )
        await running.sleep(60)
        assert (await confirmed).number == 3
        assert confirmed_digests(environment) == ["", "", "d1ce"]


async def test_confirmation_is_kept_after_failed_update(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(), inventory_outcome=outcome(deletes_waiting=WAITING))
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        environment.inventory_error = "NetBox does not answer."
        await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        environment.inventory_error = ""
        await running.sleep(90)
        assert confirmed_digests(environment)[-2:] == ["d1ce", "d1ce"]


async def test_only_sync_requested_with_adopt_adopts(env: WorkflowEnvironment) -> None:
    """The sync after an adoption updates the inventory of an unchanged fabric."""
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(40)
        assert syncs_with_update(environment) == [1]
        environment.inventory_outcome = outcome(report=InventoryReport(adopted=1))
        report = await running.handle.execute_update("sync_now", args=[False, False, True])
        assert report["inventory"]["adopted"] == 1
        environment.inventory_outcome = outcome(report=InventoryReport(updated=1))
        await running.sleep(180)
        assert [request.adopt for request in environment.inventory_requests] == [False, True, False]
        assert syncs_with_update(environment) == [1, 2, 3]


async def test_disabled_inventory_is_never_updated(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(), installation=LoopSettings())
    async with loop(env, environment) as running:
        await running.sleep(100)
        await running.handle.execute_update(FabricSync.sync_now, True)
        assert len(environment.observed) >= 2
        assert syncs_with_update(environment) == []
