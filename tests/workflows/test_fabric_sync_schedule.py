"""Hours of one fabric in seconds: every sync is on its slot."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.testing import WorkflowEnvironment

from fabrics.loop.active_sync import Trigger
from fabrics.loop.loop import FabricLoop
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.schedule import Schedule
from fabrics.record.sync_status import LastKnownState, SyncStatus
from fabrics.record.task_queues import catch_up_queue, observe_queue
from tests.support.workflows.loop_environment import (
    LoopEnvironment,
    config,
    loop,
    sleep_until_after_slot,
)
from workflows.fabric_sync import FabricSync

CLOCK_RESOLUTION = timedelta(milliseconds=1)
"""The resolution of the test server's clock."""

TOLERANCE = timedelta(seconds=30)
"""Half of the shortest interval here: a sync that is less late than this is on its slot. The server's clock does
not stand still while a workflow task is handled."""


def gaps(moments: list[datetime]) -> list[timedelta]:
    """Return the times between successive moments."""
    return [later - earlier for earlier, later in pairwise(moments)]


@pytest.mark.parametrize("hours", [4, pytest.param(24, marks=pytest.mark.soak)])
async def test_every_sync_of_many_hours_is_on_its_slot(
    env: WorkflowEnvironment, hours: int
) -> None:
    syncs = hours * 60
    async with loop(env, LoopEnvironment(config())) as running:
        await running.sleep(hours * 3600 + 30)
        observed, reports = running.environment.observed, await running.history()
        assert len(observed) == syncs + 1  # the first one is outside the grid
        last = reports[-1].slot
        assert last is not None
        slots = [last - timedelta(seconds=60) * (syncs - 1 - number) for number in range(syncs)]
        lateness = [moment - slot for moment, slot in zip(observed[1:], slots, strict=True)]
        assert min(lateness) >= -CLOCK_RESOLUTION
        assert max(lateness) < TOLERANCE
        status = await running.status()
        assert (status.syncs, status.missed, status.sync_status) == (
            syncs + 1,
            0,
            SyncStatus.IN_SYNC,
        )
        assert [report.number for report in reports] == list(range(syncs - 48, syncs + 2))
        described = await running.handle.describe()
        assert described.run_id != running.handle.first_execution_run_id


@pytest.mark.parametrize(("spread", "wait"), [(None, 16.64), (600, 332.8), (0, 0)])
async def test_first_sync_waits_for_its_share_of_the_spread(
    env: WorkflowEnvironment, spread: int | None, wait: float
) -> None:
    environment = LoopEnvironment(config(interval=3600))
    if spread is not None:  # else the default
        changes = {"first_sync_spread": spread}
        environment.installation = environment.installation.model_copy(update=changes)
    async with loop(env, environment) as running:
        started = (await running.handle.describe()).start_time
        await running.sleep(400)
        (first,) = environment.observed
        assert timedelta(seconds=wait) <= first - started < timedelta(seconds=wait) + TOLERANCE


async def test_sync_never_starts_before_its_slot(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config(interval=300))) as running:
        await running.sleep(31)
        assert len(running.environment.observed) == 1
        slot = (await running.status()).next_sync
        assert slot is not None
        await running.sleep((slot - await env.get_current_time()).total_seconds() + 10)
        _, second = running.environment.observed
        assert slot - CLOCK_RESOLUTION <= second < slot + TOLERANCE


async def test_outage_leads_to_one_catch_up_on_same_grid(env: WorkflowEnvironment) -> None:
    fabric = config()
    await sleep_until_after_slot(env, fabric)
    outage = await env.get_current_time() - timedelta(minutes=10, seconds=40)
    schedule = Schedule.initial(fabric.fabric_id, fabric.interval, 0, outage, outage)
    slot = schedule.next_slot
    state = FabricLoop(
        fabric_id=fabric.fabric_id,
        config=fabric,
        last_known=LastKnownState(last_sync=outage, drift_count=0),
        schedule=schedule,
    )
    async with loop(env, LoopEnvironment(fabric), state) as running:
        await running.sleep(330)  # between two slots
        caught_up, *later = running.environment.observed
        assert 4 <= len(later) <= 5
        assert timedelta(seconds=30) <= later[0] - caught_up <= timedelta(seconds=90) + TOLERANCE
        assert all((moment - slot) % timedelta(seconds=60) < TOLERANCE for moment in later)
        reports = await running.history()
        assert [report.missed for report in reports] == [10] + [0] * len(later)
        queue = catch_up_queue(observe_queue(running.environment.queue))
        assert running.environment.queues[0] == queue


async def test_new_run_starts_after_as_many_events_as_the_worker_says(
    env: WorkflowEnvironment,
) -> None:
    environment = LoopEnvironment(config(), installation=LoopSettings(max_history_events=50))
    async with loop(env, environment) as running:
        await running.sleep(15 * 60)
        described = await running.handle.describe()
        assert described.run_id != running.handle.first_execution_run_id
        assert described.history_length < 80
        assert len(await running.history()) >= 14


async def test_overrun_waits_for_next_slot(env: WorkflowEnvironment) -> None:
    async with loop(
        env, LoopEnvironment(config(), observe_duration=timedelta(seconds=90))
    ) as running:
        await running.sleep(30 * 60)
        between = gaps(running.environment.observed[1:])
        assert len(between) >= 10
        assert all(abs(gap - timedelta(seconds=120)) < TOLERANCE for gap in between)
        status = await running.status()
        assert status.missed == status.syncs


async def test_interval_zero_disables_fabric(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await running.sleep(90)
        await running.handle.signal(FabricSync.set_interval_by_signal, 0)
        assert await running.handle.result() == SyncStatus.DISABLED
        assert running.environment.record is not None
        assert running.environment.record.interval == 0
        assert running.environment.statuses[-1] is SyncStatus.DISABLED


async def test_shorter_interval_takes_effect_during_wait(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config(interval=3600))) as running:
        await running.sleep(600)
        assert len(running.environment.observed) == 1
        await running.handle.execute_update(FabricSync.set_interval, 60)
        await running.sleep(100)
        assert len(running.environment.observed) == 3
        await running.sleep(600)
        later = gaps(running.environment.observed[1:])
        assert all(abs(gap - timedelta(seconds=60)) < TOLERANCE for gap in later)


async def test_interval_changed_in_record_takes_effect_during_wait(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config(interval=3600))) as running:
        await running.sleep(40)
        assert running.environment.record is not None
        running.environment.record = running.environment.record.model_copy(update={"interval": 60})
        await running.handle.signal(FabricSync.record_changed)
        await running.sleep(120)
        assert len(running.environment.observed) == 3


async def test_manual_sync_keeps_grid(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config(interval=300))) as running:
        await running.sleep(60)
        slot = (await running.status()).next_sync
        report = await running.handle.execute_update(FabricSync.sync_now, True)
        assert (report.trigger, report.slot, report.number) == (Trigger.MANUAL, None, 2)
        assert (await running.status()).next_sync == slot
        assert slot is not None
        await running.sleep((slot - await env.get_current_time()).total_seconds() - 100)
        await running.handle.execute_update(FabricSync.sync_now, False)
        assert (await running.status()).next_sync == slot + timedelta(seconds=300)
        assert (await running.status()).missed == 0


async def test_pause_stops_syncs_and_keeps_grid(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await running.sleep(45)
        slot = (await running.status()).next_sync
        assert slot is not None
        await running.handle.signal(FabricSync.pause_by_signal, "maintenance")
        await running.sleep(600)
        assert len(running.environment.observed) == 1
        status = await running.status()
        assert (status.sync_status, status.pause_reason, status.next_sync) == (
            "paused",
            "maintenance",
            None,
        )
        assert running.environment.statuses[-1] is SyncStatus.PAUSED
        await running.handle.execute_update(FabricSync.sync_now, False)
        assert len(running.environment.observed) == 2
        await running.handle.signal(FabricSync.resume_by_signal)
        await running.sleep(1)
        status = await running.status()
        assert status.next_sync is not None
        assert (status.next_sync - slot) % timedelta(seconds=60) == timedelta(0)
        assert status.missed == 0
        await running.sleep((status.next_sync - await env.get_current_time()).total_seconds() + 10)
        assert len(running.environment.observed) == 3


async def test_resume_after_skipped_slots_waits_for_next_slot(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config(interval=300))) as running:
        await running.sleep(60)
        slot = (await running.status()).next_sync
        assert slot is not None
        await running.handle.signal(FabricSync.pause_by_signal)
        await running.sleep(750)
        await running.handle.signal(FabricSync.resume_by_signal)
        await running.sleep(1)
        status = await running.status()
        assert (len(running.environment.observed), status.missed) == (1, 0)
        await running.sleep(300)
        _, second = await running.history()
        assert second.slot == slot + timedelta(seconds=600)
        assert len(running.environment.observed) == 2


@pytest.mark.parametrize("netbox_error", ["", "NetBox does not answer."])
async def test_timed_pause_ends_by_itself_on_the_same_grid(
    env: WorkflowEnvironment, netbox_error: str
) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await running.sleep(45)
        slot = (await running.status()).next_sync
        assert slot is not None
        end = (await env.get_current_time() + timedelta(hours=2)).replace(microsecond=0)
        await running.handle.signal(FabricSync.pause_by_signal, args=["work", end.isoformat()])
        await running.sleep(2 * 3600 - 300)
        status = await running.status()
        assert (status.paused, status.paused_until, status.syncs) == (True, end, 1)
        assert running.environment.record == config(
            paused=True, pause_reason="work", paused_until=end
        )
        running.environment.netbox_error = netbox_error
        await running.sleep(300 + 90)
        status = await running.status()
        assert (status.paused, status.paused_until, status.missed) == (False, None, 0)
        assert status.next_sync is not None
        assert (status.next_sync - slot) % timedelta(seconds=60) == timedelta(0)
        first, second, *_ = await running.history()
        assert second.slot is not None
        assert first.started < end <= second.slot <= end + timedelta(seconds=60)
        running.environment.netbox_error = ""
        await running.sleep(120)
        assert running.environment.record == config()


async def test_pause_that_ended_while_no_loop_ran_ends_with_the_next_one(
    env: WorkflowEnvironment,
) -> None:
    ended = await env.get_current_time() - timedelta(hours=1)
    environment = LoopEnvironment(config(paused=True, paused_until=ended))
    async with loop(env, environment) as running:
        await running.sleep(120)
        status = await running.status()
        assert (status.paused, environment.record) == (False, config())
        assert environment.observed


async def test_netbox_outage_keeps_grid_and_result_is_written_later(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await running.sleep(90)
        observed_before = len(running.environment.observed)
        running.environment.netbox_error = "NetBox does not answer."
        running.environment.drift_count = 3
        await running.sleep(600)
        assert len(running.environment.observed) == observed_before + 10
        assert max(gaps(running.environment.observed)) < timedelta(seconds=60) + TOLERANCE
        status = await running.status()
        assert (status.netbox_error, status.sync_status) == (
            "NetBox does not answer.",
            SyncStatus.OUT_OF_SYNC,
        )
        assert SyncStatus.OUT_OF_SYNC not in running.environment.statuses
        running.environment.netbox_error = ""
        await running.sleep(70)
        assert running.environment.statuses[-1] is SyncStatus.OUT_OF_SYNC
        assert (await running.status()).netbox_error == ""


async def test_refused_journal_entry_is_shown_and_written_later(env: WorkflowEnvironment) -> None:
    environment = LoopEnvironment(
        config(), drift_count=1, journal_error="NetBox refused the entry."
    )
    async with loop(env, environment) as running:
        await running.sleep(300)
        assert (await running.status()).netbox_error == "NetBox refused the entry."
        environment.journal_error = ""
        await running.sleep(300)
        assert (await running.status()).netbox_error == ""
        (entry,) = environment.journal
        assert entry.startswith("**out_of_sync** since ")


async def test_first_syncs_write_the_record_when_one_begins_ends_and_has_its_inventory(
    env: WorkflowEnvironment,
) -> None:
    async with loop(env, LoopEnvironment(config(interval=300))) as running:
        await running.sleep(600)
        assert len(running.environment.observed) >= 2
        assert running.environment.statuses == [SyncStatus.SYNCING, *[SyncStatus.IN_SYNC] * 2]
        assert running.environment.journal == []
        await running.sleep(600)
        (entry,) = running.environment.journal
        assert entry.startswith("**in_sync** since ")
        assert running.environment.statuses == [SyncStatus.SYNCING, *[SyncStatus.IN_SYNC] * 3]


async def test_unchanged_status_is_not_written(env: WorkflowEnvironment) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await running.sleep(300)
        written = len(running.environment.updates)
        await running.sleep(3600)
        # One heartbeat of `last_sync` each 900 s.
        assert 3 <= len(running.environment.updates) - written <= 4
