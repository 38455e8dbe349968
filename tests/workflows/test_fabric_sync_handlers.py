"""Messages as signals and as updates, valid and malformed."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from fabrics.record.sync_status import SyncStatus
from tests.support.workflows.details import read_details
from tests.support.workflows.loop_environment import LoopEnvironment, RunningLoop, config, loop
from workflows.fabric_sync import FabricSync

MALFORMED: list[tuple[str, list[object]]] = [
    ("set_interval", []),
    ("set_interval", [None]),
    ("set_interval", ["abc"]),
    ("set_interval", ["60"]),
    ("set_interval", [True]),
    ("set_interval", [60.5]),
    ("set_interval", [-5]),
    ("set_interval", [4]),
    ("set_interval", [10**12]),
    ("set_interval", [60, 61]),
    ("set_interval", [{"seconds": 60}]),
    ("pause", [7]),
    ("pause", ["x" * 201]),
    ("pause", ["a", "b"]),
    ("pause", ["a", 7]),
    ("pause", ["a", "2100-01-01T00:00:00Z"]),
    ("pause", ["a", None, "b"]),
    ("pause", [["a"]]),
    ("resume", [1]),
    ("record_changed", ["x"]),
    ("sync_now", ["yes"]),
    ("sync_now", [1]),
    ("sync_now", [True, 1]),
    ("sync_now", [True, False, 1]),
    ("sync_now", [True, False, True, True]),
]


MALFORMED_SIGNALS: list[tuple[str, list[object]]] = [
    *MALFORMED,
    ("set_interval", ["token-" * 1000]),
    ("inventory_ended", [7]),
    ("no_such_signal", []),
    ("no_such_signal", [60, {"seconds": 60}]),
]
"""An update of an unknown name is refused by Temporal's library."""


async def wait_for_first_sync(running: RunningLoop) -> None:
    """Skip time until after the first sync."""
    await running.sleep(31)
    assert len(running.environment.observed) == 1


async def test_malformed_signals_are_shown_and_change_nothing(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_first_sync(running)
        for name, arguments in MALFORMED_SIGNALS:
            await running.handle.signal(name, args=arguments)
            status = await running.status()
            assert status.ignored.startswith(f"ignored: {name}: "), (name, arguments)
            assert len(status.ignored) <= 300
            assert (status.sync_interval, status.paused) == (60, False), (name, arguments)
        syncs = (await running.status()).syncs
        await running.sleep(60)
        assert (await running.status()).syncs == syncs + 1


async def test_report_of_an_unknown_pass_is_ignored_unread(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_first_sync(running)
        await running.handle.signal("inventory_ended", args=["unknown", {"result": "none"}])
        assert (await running.status()).ignored == ""


async def test_malformed_updates_are_refused_with_sentence(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_first_sync(running)
        for name, arguments in MALFORMED:
            if name == "record_changed":
                continue
            with pytest.raises(WorkflowUpdateFailedError) as caught:
                await running.handle.execute_update(name, args=arguments)
            assert isinstance(caught.value.cause, ApplicationError)
            assert len(caught.value.cause.message) > 20, (name, arguments)
        status = await running.status()
        assert (status.sync_interval, status.paused, status.syncs) == (60, False, 1)


async def test_signals_without_arguments_use_defaults(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_first_sync(running)
        await running.handle.signal("pause")
        assert (await running.status()).paused
        await running.handle.signal("pause", args=[None])
        await running.handle.signal("resume")
        await running.handle.signal("sync_now", args=[None])
        await running.sleep(10)
        status = await running.status()
        assert (status.paused, status.syncs, status.ignored) == (False, 2, "")


async def test_pause_outlives_terminated_loop(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(config())
    async with loop(env, environment) as running:
        await wait_for_first_sync(running)
        await running.handle.execute_update(FabricSync.pause, "maintenance")
        await running.sleep(10)
    async with loop(env, environment) as running:
        await running.sleep(600)
        status = await running.status()
        assert (status.sync_status, status.pause_reason) == (SyncStatus.PAUSED, "maintenance")
        assert len(environment.observed) == 1


async def test_sync_requests_during_sync_lead_to_one_more_sync(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config(interval=3600))) as running:
        await wait_for_first_sync(running)
        running.environment.observe_duration = timedelta(seconds=30)
        await running.handle.signal(FabricSync.sync_now_by_signal)
        while len(running.environment.observed) < 2:
            await running.sleep(0.1)
        for _ in range(20):
            await running.handle.signal(FabricSync.sync_now_by_signal)
        await running.sleep(300)
        assert (await running.status()).syncs == 3


async def test_disabling_ends_loop_and_writes_status(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_first_sync(running)
        assert running.environment.record is not None
        running.environment.record = running.environment.record.model_copy(
            update={"enabled": False}
        )
        await running.handle.signal(FabricSync.record_changed)
        assert await running.handle.result() == SyncStatus.DISABLED
        assert running.environment.statuses[-1] is SyncStatus.DISABLED
        assert len(running.environment.observed) == 1


async def test_deleted_record_ends_loop(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_first_sync(running)
        running.environment.record = None
        await running.handle.signal(FabricSync.record_changed)
        assert await running.handle.result() == "record deleted"
        ending = "no longer synced here: its record was deleted"
        assert ending in await read_details(running.handle)


async def test_record_missed_by_one_read_ends_no_loop_and_loses_no_edit(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_first_sync(running)
        running.environment.missed_reads = 1
        await running.handle.signal(FabricSync.set_interval_by_signal, 30)
        await running.sleep(120)
        assert (await running.status()).syncs >= 4
        assert running.environment.record is not None
        assert running.environment.record.interval == 30


async def test_fabric_disabled_by_interval_zero_refuses_sync_while_netbox_is_down(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_first_sync(running)
        running.environment.netbox_error = "NetBox does not answer."
        await running.handle.signal(FabricSync.set_interval_by_signal, 0)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await running.handle.execute_update(FabricSync.sync_now, False)
        assert isinstance(caught.value.cause, ApplicationError)
        assert "disabled; enable it first" in caught.value.cause.message
        running.environment.netbox_error = ""
        assert await running.handle.result() == SyncStatus.DISABLED


async def test_sync_requested_before_new_loop_has_read_its_record_is_answered(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config())
    environment.netbox_error = "NetBox does not answer."
    async with loop(env, environment) as running:
        update = asyncio.create_task(running.handle.execute_update(FabricSync.sync_now, False))
        while (await running.status()).netbox_error == "":
            await running.sleep(0.1)
        environment.netbox_error = ""
        await running.sleep(30)
        assert (await update).number == 1


async def edit_branch(running: RunningLoop, branch: str, announcements: int) -> None:
    """Let the record name another branch, and announce that several times."""
    record = running.environment.record
    assert record is not None
    assert record.git is not None
    git = record.git.model_copy(update={"branch": branch})
    running.environment.record = record.model_copy(update={"git": git})
    for _ in range(announcements):
        await running.handle.signal(FabricSync.record_changed)


def observed_branches(running: RunningLoop) -> list[str]:
    """Return the branch of each sync."""
    return [config.git.branch for config in running.environment.observed_configs if config.git]


async def test_edit_that_is_announced_twice_leads_to_one_sync(env: WorkflowEnvironment) -> None:
    """NetBox announces one save of an object and of its tags as two changes."""
    async with loop(env, LoopEnvironment(config(interval=3600))) as running:
        await wait_for_first_sync(running)
        await edit_branch(running, "next", announcements=2)
        await running.sleep(300)
        assert observed_branches(running) == ["main", "next"]


async def test_newest_edit_wins_over_one_that_is_being_synced(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config(interval=3600))) as running:
        await wait_for_first_sync(running)
        running.environment.observe_duration = timedelta(seconds=30)
        await edit_branch(running, "next", announcements=1)
        while len(running.environment.observed) < 2:
            await running.sleep(0.1)
        await edit_branch(running, "newest", announcements=2)
        await running.sleep(300)
        assert observed_branches(running) == ["main", "next", "newest"]
        assert (await running.status()).syncs == 3
