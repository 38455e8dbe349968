"""When a loop starts a pass over the inventory, and what it reports about it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from fabrics.inventory.report.report import (
    DeletesWaiting,
    Finding,
    FindingType,
    InventoryFailure,
    InventoryOutcome,
    InventoryReport,
)
from fabrics.loop.inventory_pass import InventoryInputs, InventoryPass, inventory_workflow_id
from fabrics.loop.inventory_state import Inventory, InventoryStatus
from fabrics.loop.loop import FabricLoop
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.report import SyncReport
from fabrics.record.sync_status import SyncStatus
from fabrics.texts import escape_markdown
from tests.support.workflows.loop_environment import (
    LoopEnvironment,
    RunningLoop,
    config,
    idle,
    loop,
)
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


async def wait_for_pass(running: RunningLoop, sync: int) -> InventoryStatus:
    """Skip time until the pass after this sync has ended; return its status."""
    while (status := (await running.status()).inventory).last_sync < sync:
        await running.sleep(1)
    return status


async def request_pass(running: RunningLoop, *arguments: bool) -> InventoryReport | None:
    """Sync at once with these arguments, and return the report of the pass after it."""
    report: SyncReport = await running.handle.execute_update(
        "sync_now", args=arguments, result_type=SyncReport
    )
    assert report.inventory_follows
    await wait_for_pass(running, report.number)
    later = {known.number: known for known in await running.history()}
    return later[report.number].inventory


async def test_unchanged_fabric_needs_no_pass(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(3600 + 30)  # between two slots
        assert len(environment.observed) == 61
        assert syncs_with_update(environment) == [1]
        assert [report.inventory for report in await running.history()] == [None] * 50


async def test_report_of_sync_gets_what_its_pass_wrote(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(
        config(), inventory_outcome=outcome(report=InventoryReport(created=7))
    )
    async with loop(env, environment) as running:
        await running.sleep(80)
        first, second = await running.history()
        assert (first.inventory, first.inventory_follows) == (InventoryReport(created=7), True)
        assert (second.inventory, second.inventory_follows) == (None, False)


async def test_changed_fabric_configuration_or_release_needs_a_pass(
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
        assert len(syncs_with_update(environment)) == 4
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


async def test_requested_full_sync_needs_a_pass(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(40)
        await running.handle.execute_update(FabricSync.sync_now, False)
        assert syncs_with_update(environment) == [1]
        environment.inventory_outcome = outcome(report=InventoryReport(updated=1, unchanged=9))
        assert await request_pass(running, True) == InventoryReport(updated=1, unchanged=9)
        assert syncs_with_update(environment) == [1, 3]


async def test_unread_fabric_needs_a_pass_once_it_can_be_read(env: WorkflowEnvironment) -> None:
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
async def test_failed_pass_is_no_error_of_the_sync_and_is_retried_each_minute(
    env: WorkflowEnvironment, withheld: bool
) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(40)
        environment.live_digest = "rewired"
        if withheld:
            environment.inventory_outcome = outcome(withheld="Every Switch is gone.")
        else:
            environment.inventory_error = "Every Switch is gone."
        await running.sleep(900)
        status = await running.status()
        assert (status.sync_status, status.sync_error) == (SyncStatus.IN_SYNC, "")
        assert status.last_success == status.last_sync
        sentence = "The inventory in NetBox is not up to date: Every Switch is gone."
        assert (status.inventory_state, status.inventory.failure) == ("failed", sentence)
        assert environment.last_known.inventory_text == sentence
        assert environment.statuses[-1] is SyncStatus.IN_SYNC
        numbers = syncs_with_update(environment)
        assert numbers[0] == 1
        # A sync that ends sooner after its slot than the one before may be too early for a pass.
        assert {later - earlier for earlier, later in pairwise(numbers)} <= {1, 2}
        assert [entry.endswith(sentence) for entry in environment.journal] == [False, True]
        environment.inventory_outcome, environment.inventory_error = outcome(), ""
        await running.sleep(120)
        assert (await running.status()).inventory_state == "up_to_date"
        assert environment.last_known.inventory_text == ""
        assert len(syncs_with_update(environment)) == len(numbers) + 1


async def test_failed_pass_of_a_short_interval_waits_a_minute_or_for_a_person(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(interval=10), inventory_error="No.")
    async with loop(env, environment) as running:
        await wait_for_pass(running, 1)
        await running.sleep(170)
        assert len(syncs_with_update(environment)) == 3
        await request_pass(running, True)
        assert len(syncs_with_update(environment)) == 4


async def test_pending_work_needs_a_pass_and_absence_counts_are_kept(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(), inventory_outcome=outcome(absence_counts={"9:1": 1}))
    async with loop(env, environment) as running:
        done = await wait_for_pass(running, 1)
        environment.inventory_outcome = outcome(absence_counts={"9:1": 2})
        done = await wait_for_pass(running, done.last_sync + 1)
        refused = Finding(problem=FindingType.FAILED, what="VLAN", why="It is taken.")
        environment.inventory_outcome = outcome(
            report=InventoryReport(problems={FindingType.FAILED: 1}, findings=(refused,))
        )
        done = await wait_for_pass(running, done.last_sync + 1)
        environment.inventory_outcome = outcome(
            report=InventoryReport(problems={FindingType.SKIPPED: 4})
        )
        await wait_for_pass(running, done.last_sync + 1)
        await running.sleep(180)
        assert [request.absence_counts for request in environment.inventory_requests] == [
            {},
            {"9:1": 1},
            {"9:1": 2},
            {},
        ]
        numbers = syncs_with_update(environment)
        assert numbers == sorted(set(numbers)), "each absence is counted on its own observation"
        reports = {report.number: report.inventory for report in await running.history()}
        assert reports[numbers[2]] == InventoryReport()


async def test_first_load_keeps_slots_and_shows_drift_meanwhile(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(), inventory_duration=timedelta(minutes=10), drift_count=3)
    async with loop(env, environment) as running:
        await running.sleep(330)
        status = await running.status()
        assert (status.sync_status, status.drift_count) == (SyncStatus.OUT_OF_SYNC, 3)
        assert (status.syncs, status.missed) == (6, 0)
        assert status.inventory_state == "running"
        assert environment.statuses[-1] is SyncStatus.OUT_OF_SYNC
        assert environment.last_known.inventory_text.startswith("The inventory in NetBox is behind")
        environment.inventory_duration = timedelta(0)
        await running.sleep(480)
        status = await running.status()
        assert (status.inventory_state, status.missed) == ("up_to_date", 0)
        assert syncs_with_update(environment) == [1]
        assert environment.last_known.inventory_text == ""


async def test_pass_of_an_earlier_run_that_is_terminated_is_noticed_at_the_next_sync(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config())
    async with idle(env.client, inventory_workflow_id("oslo")) as earlier:
        inherited = InventoryPass(
            token="t",
            sync=1,
            started=datetime(2026, 1, 1, tzinfo=UTC),
            inputs=InventoryInputs(desired_digest="", live_digest="", config_hash="", release=""),
            target=FabricLoop(fabric_id="oslo", config=config()).pass_target,
            run_id=earlier.first_execution_run_id or "",
        )
        state = FabricLoop(fabric_id="oslo", inventory=Inventory(running=inherited))
        async with loop(env, environment, state) as running:
            await running.sleep(90)
            assert (await running.status()).inventory_state == "running"
            await earlier.terminate()
            await running.sleep(90)
            assert (await running.status()).inventory_state == "up_to_date"
            assert len(syncs_with_update(environment)) == 1


async def test_wish_during_a_pass_needs_another_one(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(interval=3600), inventory_duration=timedelta(seconds=90))
    async with loop(env, environment) as running:
        await running.sleep(30)
        report = await running.handle.execute_update(FabricSync.sync_now, True)
        assert (report.number, report.inventory_follows) == (2, True)
        assert syncs_with_update(environment) == [1]
        environment.inventory_duration = timedelta(0)
        status = await wait_for_pass(running, 2)
        assert (status.state, status.last_sync) == ("up_to_date", 3)
        assert syncs_with_update(environment) == [1, 3]


async def wait_for_deletes(running: RunningLoop) -> None:
    """Let syncs find more deletes than are done without confirmation."""
    await running.sleep(150)
    assert running.environment.inventory_outcome.deletes_waiting == WAITING
    status = await running.status()
    assert (status.inventory.deletes_waiting, status.inventory_state) == (WAITING, "waiting")


async def test_waiting_deletes_are_in_journal_and_looked_at_each_minute(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(), inventory_outcome=outcome(deletes_waiting=WAITING))
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        numbers = syncs_with_update(environment)
        assert len(numbers) >= 2
        assert numbers == sorted(set(numbers))
        await running.sleep(60)
        (entry,) = environment.journal
        assert "42 deletes in NetBox need confirmation" in entry
        assert escape_markdown("`starter.py confirm-deletes oslo`") in entry


async def test_inventory_issues_are_in_record_until_resolved(env: WorkflowEnvironment) -> None:
    conflict = InventoryReport(problems={FindingType.CONFLICT: 2, FindingType.SKIPPED: 4})
    environment = LoopEnvironment(
        config(), inventory_outcome=outcome(deletes_waiting=WAITING, report=conflict)
    )
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        assert environment.last_known.inventory_text == (
            "42 deletes in NetBox need confirmation (40 dcim.interface, 2 dcim.device);"
            " `starter.py confirm-deletes oslo` lists and confirms them."
            " 2 in conflict with other objects; `starter.py inventory oslo` lists them."
        )
        assert environment.statuses[-1] is SyncStatus.IN_SYNC
        updates_before = len(environment.updates)
        await running.sleep(300)
        assert len(environment.updates) <= updates_before + 1, "the entry in the journal"
        environment.inventory_outcome = outcome()
        await running.sleep(120)
        assert environment.last_known.inventory_text == ""


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
        assert (report.number, report.inventory_follows) == (2, True)
        assert (await wait_for_pass(running, 2)).report == InventoryReport(deleted=42)
        await request_pass(running, True)
        assert confirmed_digests(environment) == ["", "d1ce", ""]
        with pytest.raises(WorkflowUpdateFailedError):
            await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")


async def test_confirmation_during_a_pass_is_for_the_next_one(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(
        config(interval=3600), inventory_outcome=outcome(deletes_waiting=WAITING)
    )
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        environment.inventory_duration = timedelta(seconds=30)
        await running.handle.execute_update(FabricSync.sync_now, True)
        while len(environment.inventory_requests) < 2:
            await running.sleep(0.1)
        environment.inventory_duration = timedelta(0)
        report: SyncReport = await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        assert report.number == 3
        await wait_for_pass(running, 4)
        assert confirmed_digests(environment) == ["", "", "d1ce"]


async def test_confirmation_is_kept_after_failed_pass(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(), inventory_outcome=outcome(deletes_waiting=WAITING))
    async with loop(env, environment) as running:
        await wait_for_deletes(running)
        environment.inventory_error = "NetBox does not answer."
        report: SyncReport = await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        await wait_for_pass(running, report.number)
        environment.inventory_error = ""
        await wait_for_pass(running, report.number + 1)
        assert confirmed_digests(environment)[-2:] == ["d1ce", "d1ce"]


async def test_only_sync_requested_with_adopt_adopts(env: WorkflowEnvironment) -> None:
    """The pass after an adoption updates the inventory of an unchanged fabric."""
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(40)
        assert syncs_with_update(environment) == [1]
        environment.inventory_outcome = outcome(report=InventoryReport(adopted=1))
        adopted = await request_pass(running, False, False, True)
        assert adopted == InventoryReport(adopted=1)
        environment.inventory_outcome = outcome(report=InventoryReport(updated=1))
        await running.sleep(180)
        assert [request.adopt for request in environment.inventory_requests] == [False, True, False]


async def test_disabled_inventory_is_never_updated(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config(), installation=LoopSettings())
    async with loop(env, environment) as running:
        await running.sleep(100)
        report = await running.handle.execute_update(FabricSync.sync_now, True)
        assert not report.inventory_follows
        assert len(environment.observed) >= 2
        assert syncs_with_update(environment) == []
        assert (await running.status()).inventory_state == "off"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], "ignored: inventory_ended: "),
        ([7, {}], "ignored: inventory_ended: "),
        (["t", 1, 2], "ignored: inventory_ended: "),
        (["t"], ""),
        (["t", None], ""),
        (["t", {"result": "outcome"}], ""),
    ],
)
async def test_malformed_report_of_a_pass_is_shown_and_a_foreign_one_is_not_read(
    env: WorkflowEnvironment, arguments: list[object], shown: str
) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await running.sleep(40)
        before = (await running.status()).inventory
        await running.handle.signal("inventory_ended", args=arguments)
        foreign = InventoryFailure(message="It is not yours.")
        await running.handle.signal("inventory_ended", args=["another token", foreign])
        status = await running.status()
        assert status.inventory == before
        assert status.ignored[: len("ignored: inventory_ended: ")] == shown
