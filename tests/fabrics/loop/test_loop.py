"""How a loop reacts to what it reads in its record."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.health import HealthAssessment
from fabrics.agents.health_report import Health, HealthReport
from fabrics.agents.state import AgentsState
from fabrics.inventory.report.report import DeletesWaiting, InventoryFailure, InventoryOutcome
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.loop import FabricLoop
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.report import SyncReport
from fabrics.loop.workflow_details import render_details
from fabrics.record.config import RESUME, ConfigEdits, FabricConfig, GitSource, KubernetesTarget
from fabrics.record.sync_status import LastKnownState, Observation, SyncFailure
from fabrics.texts import escape_markdown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTALLATION = LoopSettings(health_interval=300)
CONFIG = FabricConfig(
    fabric_id="dc",
    name="DC",
    record_id=1,
    enabled=True,
    interval=60,
    kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc"),
    git=GitSource(repository="https://git/dc.git", branch="main", directory="/", credential="dc"),
)
LAST_KNOWN = LastKnownState(last_sync=NOW, last_success=NOW, drift_count=0)


def idle_loop(interval: int = CONFIG.interval) -> FabricLoop:
    """Return a loop whose record shows all that it knows."""
    loop = FabricLoop(fabric_id="dc")
    loop.begin_record_exchange()
    config = CONFIG.model_copy(update={"interval": interval})
    loop.on_record_read(config, LAST_KNOWN, INSTALLATION)
    assert not loop.needs_write
    return loop


def test_record_with_same_status_is_not_written() -> None:
    loop = idle_loop()
    loop.on_record_read(CONFIG.model_copy(update={"name": "DC 1"}), LAST_KNOWN, INSTALLATION)
    assert (loop.needs_write, loop.sync_request) == (False, None)


@pytest.mark.parametrize(
    ("last_known", "is_consistent"),
    [
        (LAST_KNOWN.model_copy(update={"drift_count": 7}), True),
        (LAST_KNOWN.model_copy(update={"error": "Somebody wrote this."}), True),
        (LAST_KNOWN, False),
    ],
)
def test_overwritten_status_is_written_again(
    last_known: LastKnownState, is_consistent: bool
) -> None:
    loop = idle_loop()
    loop.on_record_read(CONFIG, last_known, INSTALLATION, is_consistent=is_consistent)
    assert loop.needs_write
    assert loop.last_known == LAST_KNOWN


def test_changed_sources_are_read_at_once() -> None:
    loop = idle_loop()
    loop.on_record_read(CONFIG.model_copy(update={"git": None}), LAST_KNOWN, INSTALLATION)
    assert loop.sync_request is not None


def test_new_loop_writes_nothing_to_a_record_that_shows_what_it_should() -> None:
    loop = FabricLoop(fabric_id="dc")
    loop.on_record_read(CONFIG, LastKnownState(), INSTALLATION)
    assert not loop.needs_write
    loop = FabricLoop(fabric_id="dc")
    loop.on_record_read(CONFIG, LastKnownState(), INSTALLATION, is_consistent=False)
    assert loop.needs_write


def test_unusable_settings_come_first_in_report_journal_and_status() -> None:
    loop = idle_loop()
    problem = "hh_sync_interval is 1: give it 5 to 2592000 seconds."
    loop.on_record_read(
        CONFIG.model_copy(update={"problems": (problem,)}), LAST_KNOWN, INSTALLATION
    )
    loop.update_schedule(NOW)
    for minutes in range(2):
        loop.request_sync(SyncRequest())
        loop.begin_sync(NOW + timedelta(minutes=minutes))
        report = loop.end_sync(
            SyncFailure(message="Git does not answer."), NOW + timedelta(minutes=minutes)
        )
        assert report.error == f"{problem} Git does not answer."
    assert loop.journal.pending_entry.endswith(
        f"UTC. {escape_markdown(problem)} Git does not answer."
    )
    assert loop.status().sync_error == f"{problem} Git does not answer."


def test_changed_task_queue_is_tried_at_once() -> None:
    loop = idle_loop()
    loop.on_record_read(CONFIG.model_copy(update={"task_queue": "oslo"}), LAST_KNOWN, INSTALLATION)
    assert loop.sync_request is not None


def test_changed_sources_of_paused_fabric_wait_for_resume() -> None:
    loop = idle_loop()
    changed = CONFIG.model_copy(update={"git": None})
    loop.on_record_read(changed.model_copy(update={"paused": True}), LAST_KNOWN, INSTALLATION)
    assert loop.sync_request is None
    loop.on_record_read(changed, LAST_KNOWN, INSTALLATION)
    assert loop.sync_request is not None


@pytest.mark.parametrize("paused", [False, True])
def test_end_of_a_pause_is_cleared_once_it_is_over_even_if_somebody_resumed_before(
    paused: bool,
) -> None:
    loop = idle_loop()
    timed = CONFIG.model_copy(update={"paused": paused, "paused_until": NOW})
    loop.on_record_read(timed, LAST_KNOWN, INSTALLATION)
    loop.end_pause(NOW - timedelta(seconds=1))
    assert not loop.record.pending_edits
    loop.end_pause(NOW)
    assert loop.record.pending_edits == RESUME


def test_manual_sync_during_pause_covers_changed_sources() -> None:
    loop = idle_loop()
    changed = CONFIG.model_copy(update={"git": None})
    loop.on_record_read(changed.model_copy(update={"paused": True}), LAST_KNOWN, INSTALLATION)
    loop.request_sync(SyncRequest())
    loop.begin_sync(NOW)
    loop.on_record_read(changed, LAST_KNOWN, INSTALLATION)
    assert loop.sync_request is None


@pytest.mark.parametrize(
    ("last_known", "was_switched_off", "expected"),
    [(LAST_KNOWN, True, True), (LAST_KNOWN, False, False), (LastKnownState(), True, False)],
)
def test_new_loop_requests_sync_if_record_was_edited_while_switched_off(
    last_known: LastKnownState, was_switched_off: bool, expected: bool
) -> None:
    loop = FabricLoop(fabric_id="dc")
    loop.on_record_read(CONFIG, last_known, INSTALLATION, was_switched_off=was_switched_off)
    assert (loop.sync_request is not None) == expected


def test_loop_whose_record_was_claimed_by_another_installation_is_finished() -> None:
    loop = idle_loop()
    loop.request_sync(SyncRequest())
    loop.on_owned_by_other("It belongs to another installation.")
    assert (loop.is_finished, loop.is_needed, loop.needs_write) == (True, False, False)
    assert not loop.is_sync_due(NOW)
    assert loop.status().netbox_error == "It belongs to another installation."
    loop.on_record_changed()
    assert not loop.is_finished
    loop.on_record_read(CONFIG, LAST_KNOWN, INSTALLATION)
    assert loop.is_needed


@given(interval=st.integers(5, 7200), heartbeat=st.integers(5, 1800), lateness=st.floats(0, 2))
def test_heartbeat_is_written_before_readers_call_record_stale(
    interval: int, heartbeat: int, lateness: float
) -> None:
    """They allow two intervals or two heartbeats."""
    loop, settings = idle_loop(), LoopSettings(netbox_heartbeat=heartbeat)
    loop.on_record_read(CONFIG.model_copy(update={"interval": interval}), LAST_KNOWN, settings)
    written_at, gaps = NOW, list[float]()
    for number in range(1, 2000 // interval + 8):
        delay = timedelta(seconds=lateness * (number % 2))
        now = NOW + timedelta(seconds=number * interval) + delay
        loop.last_known = LAST_KNOWN.model_copy(update={"last_sync": now, "last_success": now})
        if loop.needs_write:
            loop.on_record_written(loop.last_known, loop.record.pending_edits, "")
            assert not loop.needs_write
            gaps.append((now - written_at).total_seconds())
            written_at = now
    assert max(gaps) <= 1.5 * max(interval, heartbeat) + 4
    assert min(gaps) >= min(interval, heartbeat / 2) - 4


def test_heartbeat_corrects_a_last_sync_in_the_future() -> None:
    loop, future = idle_loop(), {"last_sync": NOW + timedelta(days=1)}
    loop.on_record_read(CONFIG, LAST_KNOWN.model_copy(update=future), INSTALLATION)
    assert loop.needs_write


def test_long_interval_writes_no_heartbeat_for_the_fraction_of_a_second() -> None:
    loop = FabricLoop(fabric_id="dc")
    hourly = CONFIG.model_copy(update={"interval": 3600})
    exact = LAST_KNOWN.model_copy(update={"last_sync": NOW + timedelta(milliseconds=300)})
    loop.on_record_read(hourly, exact, INSTALLATION)
    loop.on_record_read(hourly, LAST_KNOWN, INSTALLATION)
    assert not loop.needs_write


def test_no_next_sync_is_claimed_until_slots_are_planned_for_the_new_interval() -> None:
    loop = idle_loop(interval=3600)
    loop.update_schedule(NOW)
    before = loop.status().next_sync
    loop.apply_edits(ConfigEdits(interval=60))
    assert (before, loop.status().next_sync) == (loop.next_sync, None)
    loop.update_schedule(NOW)
    planned = loop.status().next_sync
    assert planned is not None
    assert planned - NOW <= timedelta(seconds=90)


def test_stopped_sync_is_repeated_when_fabric_is_enabled_again() -> None:
    loop = idle_loop()
    loop.request_sync(SyncRequest(full=True))
    loop.begin_sync(NOW)
    loop.on_record_read(CONFIG.model_copy(update={"enabled": False}), LAST_KNOWN, INSTALLATION)
    loop.cancel_sync()
    assert (loop.history.syncs, loop.last_known, loop.is_needed) == (0, LAST_KNOWN, False)
    assert not loop.is_sync_due(NOW)
    loop.on_record_read(CONFIG, LAST_KNOWN, INSTALLATION)
    assert loop.is_sync_due(NOW)
    assert loop.sync_request == SyncRequest(full=True)


def loading_loop(config: FabricConfig = CONFIG) -> FabricLoop:
    """Return a loop whose first pass over the inventory (token "first") runs."""
    loop = FabricLoop(fabric_id="dc")
    loop.begin_record_exchange()
    loop.on_record_read(config, LastKnownState(), LoopSettings(inventory_enabled=True))
    observe(loop, "a")
    assert loop.begin_pass("first", NOW)
    return loop


def loop_in_sync() -> FabricLoop:
    """Return a loop whose record shows a sync and a pass without anything to say."""
    loop = loading_loop()
    loop.end_pass("first", InventoryOutcome(live_digest="a"))
    loop.on_record_written(loop.state_to_record, ConfigEdits(), "")
    assert not loop.needs_write
    return loop


def sync_at_slot(loop: FabricLoop, live_digest: str) -> None:
    """Sync as scheduled, so that nobody watches the record."""
    loop.update_schedule(NOW)
    now = loop.next_sync
    assert now is not None
    loop.begin_sync(now)
    loop.end_sync(Observation(started=now, live_digest=live_digest), now)


def test_change_that_its_pass_brings_into_netbox_costs_no_write_of_the_record() -> None:
    loop = loop_in_sync()
    sync_at_slot(loop, "b")
    assert loop.begin_pass("second", NOW)
    assert not loop.needs_write
    loop.end_pass("second", InventoryOutcome(live_digest="b"))
    assert not loop.needs_write


def test_pass_that_has_not_begun_failed_or_outlasts_the_next_sync_is_written() -> None:
    loop = loop_in_sync()
    sync_at_slot(loop, "b")
    assert "is behind since" in loop.state_to_record.inventory_text
    assert loop.needs_write  # no pass began
    assert loop.begin_pass("second", NOW)
    assert not loop.needs_write
    sync_at_slot(loop, "b")
    assert "is behind since" in loop.state_to_record.inventory_text
    assert loop.needs_write  # the pass still runs
    loop.end_pass("second", InventoryFailure(message="No."))
    assert loop.state_to_record.inventory_text.endswith("is not up to date: No.")
    assert loop.needs_write


def test_record_says_what_it_said_before_until_the_first_pass_of_a_new_loop_has_ended() -> None:
    text = "42 deletes in NetBox need confirmation."
    known = LAST_KNOWN.model_copy(update={"inventory_text": text})
    loop = FabricLoop(fabric_id="dc")
    loop.on_record_read(CONFIG, known, LoopSettings(inventory_enabled=True))
    sync_at_slot(loop, "a")
    assert loop.begin_pass("first", NOW)
    assert loop.state_to_record.inventory_text == text
    loop.end_pass("first", InventoryOutcome(live_digest="a"))
    assert loop.state_to_record.inventory_text == ""


def test_record_calls_the_inventory_behind_during_a_first_load() -> None:
    loop = loading_loop()
    assert "is behind since" in loop.state_to_record.inventory_text


@pytest.mark.parametrize("change", [{"paused": True}, {"interval": 86_400}])
def test_record_calls_the_inventory_behind_if_no_sync_follows_soon(
    change: dict[str, object],
) -> None:
    loop = loop_in_sync()
    loop.on_record_read(CONFIG.model_copy(update=change), loop.last_known, loop.settings)
    observe(loop, "b")
    assert loop.begin_pass("second", NOW)
    assert "is behind since" in loop.state_to_record.inventory_text


def test_journal_entry_that_all_is_well_waits_for_another_reason_to_write() -> None:
    loop = loop_in_sync()
    sync_at_slot(loop, "a")
    assert loop.journal.pending_entry.startswith("**inventory_only** since ")
    assert not loop.needs_write
    loop.on_record_failed("NetBox refused the entry.", NOW)
    assert loop.needs_write


def test_journal_entry_of_an_error_is_written_at_once() -> None:
    loop = idle_loop()
    for _ in range(2):
        loop.update_schedule(NOW)
        loop.request_sync(SyncRequest())
        loop.begin_sync(NOW)
        loop.end_sync(SyncFailure(message="Git does not answer."), NOW)
        loop.on_record_written(loop.state_to_record, ConfigEdits(), "")
    assert loop.journal.pending_entry
    assert loop.needs_write


def observe(loop: FabricLoop, live_digest: str, **fields: str) -> SyncReport:
    """Sync the loop at once, and return the report."""
    loop.update_schedule(NOW)
    loop.request_sync(SyncRequest())
    loop.begin_sync(NOW)
    observation = Observation.model_validate({"started": NOW, "live_digest": live_digest, **fields})
    return loop.end_sync(observation, NOW)


@pytest.mark.parametrize(
    ("live_digest", "desired_digest", "changed_during", "changed_after"),
    [("a", "in Git", False, False), ("b", "in Git", True, True), ("a", "pushed", False, True)],
)
def test_git_outage_makes_no_pass_due_unless_one_of_the_states_has_changed(
    live_digest: str, desired_digest: str, changed_during: bool, changed_after: bool
) -> None:
    loop = loading_loop()
    loop.end_pass("first", InventoryOutcome(live_digest="a"))
    observe(loop, "a", desired_digest="in Git")
    assert loop.begin_pass("second", NOW)
    loop.end_pass("second", InventoryOutcome(live_digest="a"))
    for _ in range(2):
        outage = observe(loop, live_digest, git_error="Git does not answer.")
        assert outage.inventory_follows == changed_during
        assert (loop.inventory_status.behind_since is not None) == changed_during
    after = observe(loop, live_digest, desired_digest=desired_digest)
    assert after.inventory_follows == changed_after
    assert (loop.inventory_status.behind_since is not None) == changed_after


def test_sync_that_a_person_asks_for_is_followed_by_the_inventory_during_a_pause_too() -> None:
    loop = loading_loop()
    loop.end_pass("first", InventoryOutcome(live_digest="a"))
    loop.apply_edits(ConfigEdits(paused=True))
    assert not loop.is_sync_due(NOW + timedelta(days=1))
    loop.request_sync(SyncRequest())
    assert loop.is_sync_due(NOW)
    assert observe(loop, "b").inventory_follows
    assert loop.begin_pass("second", NOW)
    loop.end_pass("second", InventoryOutcome(live_digest="b"))
    assert not loop.is_sync_due(NOW + timedelta(days=1))


def test_second_confirmation_of_the_same_deletes_gets_a_pass_of_its_own() -> None:
    loop = loading_loop()
    waiting = DeletesWaiting(digest="x", counts={"dcim.device": 1}, first=())
    loop.end_pass("first", InventoryOutcome(live_digest="a", deletes_waiting=waiting))
    confirm(loop)
    assert loop.begin_pass("second", NOW)
    confirm(loop)
    assert loop.begin_pass("third", NOW) is None  # the second still runs
    loop.end_pass("second", InventoryOutcome(live_digest="a"))
    loop.begin_sync(NOW)
    loop.end_sync(Observation(started=NOW, live_digest="a"), NOW)
    assert loop.begin_pass("third", NOW)


def confirm(loop: FabricLoop) -> None:
    """Confirm the waiting deletes, and make the sync that they follow."""
    number = loop.confirm_deletes("x")
    loop.begin_sync(NOW)
    report = loop.end_sync(Observation(started=NOW, live_digest="a"), NOW)
    assert (report.number, report.inventory_follows) == (number, True)


@pytest.mark.parametrize("paused", [False, True])
def test_pass_for_other_sources_is_stopped_and_followed_by_a_sync_unless_paused(
    paused: bool,
) -> None:
    loop = loading_loop()
    elsewhere = CONFIG.model_copy(update={"scope": "dcim.site 2", "paused": paused})
    loop.on_record_read(elsewhere, LAST_KNOWN, loop.settings)
    assert loop.is_pass_unwanted
    loop.on_pass_cancelled()
    assert not loop.is_pass_unwanted
    loop.end_pass("first", InventoryFailure(message="cancelled"))
    assert (loop.sync_request is None) == paused
    assert loop.status().inventory.failure == ""


def test_no_pass_begins_with_sources_that_the_sync_did_not_read() -> None:
    loop = loading_loop()
    loop.end_pass("first", InventoryOutcome(live_digest="a"))
    loop.update_schedule(NOW)
    loop.request_sync(SyncRequest(full=True))
    loop.begin_sync(NOW)
    loop.on_record_read(CONFIG.model_copy(update={"git": None}), LAST_KNOWN, loop.settings)
    loop.end_sync(Observation(started=NOW, live_digest="a"), NOW)
    assert loop.begin_pass("second", NOW) is None
    loop.begin_sync(NOW)
    loop.end_sync(Observation(started=NOW, live_digest="a"), NOW)
    assert loop.begin_pass("third", NOW) is not None


def test_switched_off_loop_ends_after_its_pass() -> None:
    loop = loading_loop()
    loop.on_record_read(CONFIG.model_copy(update={"enabled": False}), LAST_KNOWN, loop.settings)
    loop.on_record_written(loop.state_to_record, loop.record.pending_edits, "")
    assert (loop.is_pass_unwanted, loop.is_finished) == (True, False)
    loop.on_pass_cancelled()
    loop.end_pass("first", InventoryFailure(message="cancelled"))
    loop.on_record_written(loop.state_to_record, loop.record.pending_edits, "")
    assert loop.is_finished


def sync(loop: FabricLoop, health: HealthReport | None, after: int) -> None:
    """Make one sync in which everything is in sync but the health."""
    moment = NOW + timedelta(seconds=after)
    loop.request_sync(SyncRequest())
    loop.begin_sync(moment)
    assessment = assess(health) if health else None
    loop.end_sync(Observation(started=moment, drift_count=0, health=assessment), moment)


def assess(report: HealthReport) -> HealthAssessment:
    return HealthAssessment(report=report, agents=AgentsState())


STUCK = HealthReport(health=Health.DEGRADED, message="leaf-01 is stuck.")
HEALTHY = HealthReport(health=Health.HEALTHY, message="All is well.")


def test_health_is_kept_between_readings_and_is_no_part_of_the_status() -> None:
    loop = idle_loop()
    sync(loop, STUCK, 60)
    sync(loop, None, 120)
    status = loop.status()
    assert (status.health, status.health_message) == ("degraded", "leaf-01 is stuck.")
    assert (status.sync_status, status.sync_error) == ("in_sync", "")
    assert loop.needs_write


def test_degraded_fabric_is_a_journal_entry_and_so_is_its_recovery() -> None:
    loop = idle_loop()
    for after in (60, 120):
        sync(loop, STUCK, after)
    assert loop.journal.pending_entry.endswith("leaf-01 is stuck.")
    assert not loop.journal.may_wait
    for after in (900, 960):
        sync(loop, HEALTHY, after)
    assert "stuck" not in loop.journal.pending_entry


def test_end_of_an_accepted_difference_is_a_status_and_its_announcement_a_journal_entry() -> None:
    loop = idle_loop()
    soon = Observation(
        started=NOW,
        drift_count=0,
        accepted_count=1,
        accepted_text="VPC a: spec.mode (r)",
        rule_notice="It ends.",
    )
    ended = Observation(started=NOW, drift_count=1)
    for after, observation in ((60, soon), (120, soon), (180, ended)):
        moment = NOW + timedelta(seconds=after)
        loop.request_sync(SyncRequest())
        loop.begin_sync(moment)
        loop.end_sync(observation, moment)
        if after == 120:
            assert loop.journal.pending_entry.endswith("It ends.")
            assert not loop.journal.may_wait
            status = loop.status()
            assert (status.sync_status, status.accepted_count) == ("in_sync", 1)
            assert "- Accepted differences: 1: VPC a: spec.mode (r)" in render_details(status)
            assert "- Rules: It ends." in render_details(status)
    assert loop.status().sync_status == "out_of_sync"
    assert "Accepted" not in render_details(loop.status())
    assert loop.needs_write


def test_health_of_other_sources_is_not_that_of_the_new_ones() -> None:
    loop = idle_loop()
    sync(loop, STUCK, 60)
    other = KubernetesTarget(server="https://other", namespace="default", credential="dc")
    loop.on_record_read(CONFIG.model_copy(update={"kubernetes": other}), LAST_KNOWN, INSTALLATION)
    assert loop.health.read_at is None


def shown_health(loop: FabricLoop) -> tuple[str, str]:
    status = loop.status()
    return str(status.health), status.health_message


def test_hourly_syncs_do_not_make_health_late() -> None:
    loop = idle_loop(interval=3600)
    sync(loop, HEALTHY, 0)
    assert loop.next_health_reading == NOW + timedelta(seconds=300)
    loop.end_health_reading(assess(STUCK), NOW + timedelta(seconds=300))
    assert shown_health(loop) == ("degraded", "leaf-01 is stuck.")
    assert loop.needs_write
    due = NOW + timedelta(seconds=600)
    assert loop.next_wake_time() == loop.next_health_reading == due
    assert not loop.is_health_reading_due(due - timedelta(seconds=1))
    assert loop.is_health_reading_due(due)
    assert not loop.is_sync_due(due)


def test_sync_that_comes_soon_reads_the_agents_instead() -> None:
    loop = idle_loop(interval=300)
    for after in (0, 300, 600):
        sync(loop, HEALTHY, after)
    assert loop.next_health_reading is None


def test_agents_of_a_fabric_that_does_not_answer_or_is_paused_are_read_by_no_timer() -> None:
    loop = idle_loop(interval=3600)
    sync(loop, HEALTHY, 0)
    loop.request_sync(SyncRequest())
    loop.begin_sync(NOW)
    loop.end_sync(SyncFailure(message="No worker."), NOW)
    assert loop.next_health_reading is None
    sync(loop, HEALTHY, 10)
    assert loop.next_health_reading is not None
    loop.apply_edits(ConfigEdits(paused=True, pause_reason=""))
    assert loop.next_health_reading is None


def test_health_of_a_paused_fabric_is_unknown_and_so_it_is_afterwards_until_it_is_read() -> None:
    loop = idle_loop(interval=3600)
    sync(loop, STUCK, 0)
    loop.apply_edits(ConfigEdits(paused=True, pause_reason=""))
    loop.update_schedule(NOW)
    assert shown_health(loop) == ("unknown", "The agents are not read while the fabric is paused.")
    loop.apply_edits(ConfigEdits(paused=False, pause_reason=""))
    loop.update_schedule(NOW + timedelta(days=1))
    assert shown_health(loop) == ("unknown", "")
    request = loop.request_health(NOW + timedelta(days=1))
    assert request is not None
    assert request.is_due


@pytest.mark.parametrize("failing", [SyncFailure(message="No worker."), Observation(started=NOW)])
def test_health_that_was_not_read_for_a_while_is_unknown(
    failing: SyncFailure | Observation,
) -> None:
    loop = idle_loop()
    sync(loop, HEALTHY, 0)
    for after, health in ((300, "healthy"), (900, "unknown")):
        moment = NOW + timedelta(seconds=after)
        loop.request_sync(SyncRequest())
        loop.begin_sync(moment)
        loop.end_sync(failing, moment)
        assert shown_health(loop)[0] == health
    assert shown_health(loop)[1].startswith("The agents have not been read for a while.")


def test_health_is_unknown_while_the_api_cannot_be_read() -> None:
    loop = idle_loop()
    sync(loop, STUCK, 0)
    loop.request_sync(SyncRequest())
    loop.begin_sync(NOW)
    loop.end_sync(Observation(started=NOW, kubernetes_error="It does not answer."), NOW)
    assert shown_health(loop)[0] == "unknown"
    assert shown_health(loop)[1].startswith("The Kubernetes API could not be read,")


def test_breakout_that_a_pass_finds_for_the_first_time_is_looked_at_again() -> None:
    loop = loading_loop()
    mismatch = BreakoutMismatch("leaf-01", "E1/5", "4x25G", "1x100G")
    found = InventoryOutcome(live_digest="a", breakouts=(mismatch,))
    loop.end_pass("first", found)
    assert not loop.health.agents.breakouts
    assert loop.begin_pass("second", NOW) is not None
    loop.end_pass("second", found)
    assert list(loop.health.agents.breakouts) == [mismatch]
    assert loop.begin_pass("third", NOW) is None
