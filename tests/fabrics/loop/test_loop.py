"""What a loop makes of what it reads in its record."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.installation import Installation
from fabrics.loop.loop import FabricLoop
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.status import LastKnownState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE = Installation()
CONFIG = FabricConfig(
    fabric_id="dc",
    name="DC",
    record_id=1,
    enabled=True,
    interval=60,
    kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc"),
    git=GitSource(repository="https://git/dc.git", branch="main", directory="/", credential="dc"),
)
FACTS = LastKnownState(last_sync=NOW, last_success=NOW, drift_count=0)


def settled() -> FabricLoop:
    """A loop whose record shows all that it knows."""
    loop = FabricLoop(fabric_id="dc", needs_reload=False)
    loop.on_record_read(CONFIG, FACTS, HERE)
    loop.on_record_written(FACTS, loop.pending_edits, "")
    assert not loop.needs_write
    return loop


def test_a_record_that_shows_what_was_written_is_left_alone() -> None:
    loop = settled()
    loop.on_record_read(CONFIG.model_copy(update={"name": "DC 1"}), FACTS, HERE)
    assert (loop.needs_write, loop.sync_request) == (False, None)


@pytest.mark.parametrize(
    ("seen", "is_true"),
    [
        (FACTS.model_copy(update={"drift_count": 7}), True),
        (FACTS.model_copy(update={"error": "Somebody wrote this."}), True),
        (FACTS, False),
    ],
)
def test_what_somebody_wrote_over_the_status_is_written_anew(
    seen: LastKnownState, is_true: bool
) -> None:
    loop = settled()
    loop.on_record_read(CONFIG, seen, HERE, is_consistent=is_true)
    assert loop.needs_write
    assert loop.last_known == FACTS


def test_other_sources_are_read_at_once() -> None:
    loop = settled()
    loop.on_record_read(CONFIG.model_copy(update={"git": None}), FACTS, HERE)
    assert loop.sync_request is not None


def test_settings_that_cannot_be_used_are_the_error_wherever_a_sync_is_told_of() -> None:
    loop = settled()
    problem = "hh_sync_interval is 1: give it 5 to 2592000 seconds."
    loop.on_record_read(CONFIG.model_copy(update={"problems": (problem,)}), FACTS, HERE)
    loop.update_schedule(NOW)
    for minutes in range(2):
        loop.request_sync(SyncRequest())
        loop.begin_sync(NOW + timedelta(minutes=minutes))
        report = loop.end_sync("Git does not answer.", None, NOW + timedelta(minutes=minutes))
        assert report.error == f"{problem} Git does not answer."
    assert loop.journal.pending_entry.endswith(f"UTC. {problem} Git does not answer.")
    assert loop.status().sync_error == f"{problem} Git does not answer."


def test_another_way_to_the_sources_is_tried_at_once() -> None:
    loop = settled()
    loop.on_record_read(CONFIG.model_copy(update={"task_queue": "oslo"}), FACTS, HERE)
    assert loop.sync_request is not None


def test_other_sources_of_a_paused_fabric_wait_with_it() -> None:
    loop = settled()
    other = CONFIG.model_copy(update={"git": None})
    loop.on_record_read(other.model_copy(update={"paused": True}), FACTS, HERE)
    assert loop.sync_request is None
    loop.on_record_read(other, FACTS, HERE)
    assert loop.sync_request is not None


def test_a_manual_sync_of_a_paused_fabric_has_read_its_other_sources() -> None:
    loop = settled()
    other = CONFIG.model_copy(update={"git": None})
    loop.on_record_read(other.model_copy(update={"paused": True}), FACTS, HERE)
    loop.request_sync(SyncRequest())
    loop.begin_sync(NOW)
    loop.on_record_read(other, FACTS, HERE)
    assert loop.sync_request is None


@pytest.mark.parametrize(
    ("facts", "was_off", "asks"),
    [(FACTS, True, True), (FACTS, False, False), (LastKnownState(), True, False)],
)
def test_a_new_loop_asks_for_a_sync_where_the_record_was_edited_unseen(
    facts: LastKnownState, was_off: bool, asks: bool
) -> None:
    loop = FabricLoop(fabric_id="dc")
    loop.on_record_read(CONFIG, facts, HERE, was_switched_off=was_off)
    assert (loop.sync_request is not None) == asks


def test_a_loop_whose_record_was_claimed_has_nothing_left_to_do() -> None:
    loop = settled()
    loop.request_sync(SyncRequest())
    loop.on_owned_by_other("It belongs to another installation.")
    assert (loop.is_finished, loop.is_needed, loop.needs_write) == (True, False, False)
    assert not loop.is_sync_due(NOW)
    assert loop.status().netbox_error == "It belongs to another installation."
    loop.needs_reload = True
    assert not loop.is_finished
    loop.on_record_read(CONFIG, FACTS, HERE)
    assert loop.is_needed


@given(
    interval=st.integers(5, 7200),
    heartbeat=st.integers(5, 1800),
    lateness=st.floats(0, 2),
)
def test_the_time_of_the_last_sync_is_written_before_readers_miss_it(
    interval: int, heartbeat: int, lateness: float
) -> None:
    """They give a loop two intervals or two heartbeats."""
    loop = settled()
    loop.installation = Installation(netbox_heartbeat=heartbeat)
    loop.config = CONFIG.model_copy(update={"interval": interval})
    shown, gaps = NOW, list[float]()
    for number in range(1, 2000 // interval + 8):
        late = timedelta(seconds=lateness * (number % 2))
        now = NOW + timedelta(seconds=number * interval) + late
        loop.last_known = FACTS.model_copy(update={"last_sync": now, "last_success": now})
        if loop.needs_write:
            loop.on_record_written(loop.last_known, loop.pending_edits, "")
            assert not loop.needs_write
            gaps.append((now - shown).total_seconds())
            shown = now
    assert max(gaps) <= 1.5 * max(interval, heartbeat) + 4
    assert min(gaps) >= min(interval, heartbeat / 2) - 4


def test_a_sync_that_was_stopped_is_made_up_for_when_the_fabric_is_wanted_again() -> None:
    loop = settled()
    loop.request_sync(SyncRequest(full=True))
    loop.begin_sync(NOW)
    loop.on_record_read(CONFIG.model_copy(update={"enabled": False}), FACTS, HERE)
    loop.cancel_sync()
    assert (loop.reports, loop.last_known, loop.is_needed) == ([], FACTS, False)
    assert not loop.is_sync_due(NOW)
    loop.on_record_read(CONFIG, FACTS, HERE)
    assert loop.is_sync_due(NOW)
    assert loop.sync_request == SyncRequest(full=True)
