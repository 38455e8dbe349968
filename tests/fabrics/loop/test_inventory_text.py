"""Sentences about an inventory in the Web UI and in the journal."""

from datetime import UTC, datetime, timedelta

import pytest

from fabrics.inventory.report.report import (
    DeletesWaiting,
    FindingType,
    InventoryFailure,
    InventoryOutcome,
    InventoryReport,
)
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.inventory_pass import InventoryInputs, InventoryPass
from fabrics.loop.inventory_state import Inventory, InventoryStatus
from fabrics.loop.inventory_text import (
    count_deletes_waiting,
    deletes_waiting_sentence,
    find_record_state,
    is_unhealthy,
    record_sentence,
    report_sentence,
)
from fabrics.loop.journal import Journal
from fabrics.loop.loop import FabricLoop
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.workflow_details import render_details
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import InventoryState, LastKnownState, SyncStatus
from fabrics.texts import escape_markdown
from fabrics.version import VERSION

START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = FabricConfig(
    fabric_id="dc",
    name="DC",
    record_id=1,
    enabled=True,
    kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc"),
)
INPUTS = InventoryInputs(desired_digest="a", live_digest="b", config_hash="c", release="d")
REPORT = InventoryReport(
    created=1234, updated=2, unchanged=5, problems={FindingType.SKIPPED: 3, FindingType.FAILED: 1}
)
WAITING = DeletesWaiting(digest="d1ce", counts={"dcim.interface": 40, "dcim.device": 2}, first=())


def details(inventory: Inventory) -> str:
    """Return the workflow details of a loop with this inventory."""
    settings = LoopSettings(inventory_enabled=True)
    loop = FabricLoop(fabric_id="dc", config=CONFIG, inventory=inventory, settings=settings)
    return render_details(loop.status())


def test_report_sentence_leaves_out_zero_counts() -> None:
    sentence = "1,234 created, 2 updated, 5 unchanged, 1 refused by NetBox, 3 skipped"
    assert report_sentence(REPORT) == sentence
    assert report_sentence(InventoryReport()) == "no objects"


def test_details_show_state_of_inventory_and_waiting_deletes() -> None:
    assert "- Inventory: not in NetBox yet" in details(Inventory())
    observed = Inventory().after_sync(INPUTS, 1, START, SyncRequest())
    assert "- Inventory: behind since 2026-01-01 00:00:00 UTC; not in NetBox" in details(observed)
    running = observed.begin(
        InventoryPass(token="t", sync=1, started=START, inputs=INPUTS, target="")
    )
    assert "- Inventory: being updated (the workflow `fabric-inventory/" in details(running)
    outcome = InventoryOutcome(live_digest="b", report=REPORT, deletes_waiting=WAITING)
    text = details(running.end(outcome))
    assert f"- Inventory: {report_sentence(REPORT)}, at 2026-01-01 00:00:00 UTC" in text
    assert f"- Deletes: {deletes_waiting_sentence(WAITING, 'dc')}" in text
    failed = running.end(InventoryFailure(message="NetBox is down."))
    assert "- Inventory failed: The inventory in NetBox is not up to date: NetBox is" in details(
        failed
    )
    off = FabricLoop(fabric_id="dc", config=CONFIG).status()
    assert "- Inventory: switched off" in render_details(off)


def test_details_say_which_release_works() -> None:
    assert f"- Worker: Fabric Sync {VERSION}" in details(Inventory())


def test_record_says_what_people_should_know_and_readers_find_the_state_in_it() -> None:
    observed = Inventory().after_sync(INPUTS, 1, START, SyncRequest())
    running = observed.begin(
        InventoryPass(token="t", sync=1, started=START, inputs=INPUTS, target="")
    )
    waiting = running.end(InventoryOutcome(live_digest="b", deletes_waiting=WAITING))
    expected = {
        "": (running.end(InventoryOutcome(live_digest="b")), InventoryState.UP_TO_DATE),
        "The inventory in NetBox is behind since 2026-01-01": (observed, InventoryState.BEHIND),
        "42 deletes in NetBox need confirmation": (waiting, InventoryState.WAITING),
        "The inventory in NetBox is not up to date: No.": (
            running.end(InventoryFailure(message="No.")),
            InventoryState.FAILED,
        ),
    }
    for beginning, (inventory, state) in expected.items():
        sentence = record_sentence(inventory.status(enabled=True), "dc", START)
        assert sentence.startswith(beginning)
        assert bool(sentence) == bool(beginning)
        last_known = LastKnownState(last_success=START, inventory_text=sentence)
        assert find_record_state(CONFIG, last_known) is state


def test_empty_text_says_nothing_before_the_first_success() -> None:
    assert find_record_state(CONFIG, LastKnownState()) is InventoryState.UNKNOWN
    failed = LastKnownState(inventory_text="The inventory in NetBox is not up to date: No.")
    assert find_record_state(CONFIG, failed) is InventoryState.FAILED


@pytest.mark.parametrize("change", [{"enabled": False}, {"interval": 0}, {"kubernetes": None}])
def test_record_of_a_fabric_that_is_not_synced_says_nothing(change: dict[str, object]) -> None:
    config = CONFIG.model_copy(update=change)
    assert find_record_state(config, LastKnownState(last_success=START)) is InventoryState.UNKNOWN


def test_failure_and_deletes_to_confirm_need_a_person_but_conflicts_do_not() -> None:
    conflict = InventoryReport(problems={FindingType.CONFLICT: 2})
    for status, expected in (
        (InventoryStatus(failure="The inventory in NetBox is not up to date: No."), True),
        (InventoryStatus(deletes_waiting=WAITING, report=conflict), True),
        (InventoryStatus(report=conflict), False),
        (InventoryStatus(behind_since=START), False),
        (InventoryStatus(), False),
    ):
        assert is_unhealthy(record_sentence(status, "dc", START)) is expected


def test_record_calls_the_inventory_behind_once_its_pass_outlasts_the_next_sync() -> None:
    observed = Inventory().after_sync(INPUTS, 1, START, SyncRequest())
    running = observed.begin(
        InventoryPass(token="t", sync=1, started=START, inputs=INPUTS, target="")
    )
    status = running.status(enabled=True)
    assert record_sentence(status, "dc", START) == ""
    next_sync = START + timedelta(minutes=1)
    expected = "The inventory in NetBox is behind since 2026-01-01 00:00:00 UTC."
    assert record_sentence(status, "dc", next_sync) == expected
    without_pass = running.drop_pass().status(enabled=True)
    assert record_sentence(without_pass, "dc", START) == expected


def test_waiting_deletes_make_journal_entries_when_they_appear_and_disappear() -> None:
    journal, entries = Journal(), []
    remarks = [""] * 2 + [deletes_waiting_sentence(WAITING, "dc")] * 3 + [""] * 2
    for number, remark in enumerate(remarks):
        started = START + number * timedelta(minutes=10)
        journal = journal.after_sync(
            SyncStatus.IN_SYNC, LastKnownState(commit="c0ffee"), started, remark
        )
        if journal.pending_entry:
            entries.append(journal.pending_entry)
            journal = journal.after_write(journal.pending_entry)
    assert len(entries) == 3
    assert entries[1].endswith(
        escape_markdown(f"Commit c0ffee. {deletes_waiting_sentence(WAITING, 'dc')}")
    )
    assert entries[2].endswith("Commit c0ffee.")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (
            deletes_waiting_sentence(
                DeletesWaiting(digest="", counts={"a": 40, "b": 2}, first=()), "dc"
            ),
            42,
        ),
        ("The inventory in NetBox is not up to date: NetBox is down.", 0),
        ("3 in conflict with other objects", 0),
        ("9" * 500 + " deletes in NetBox need confirmation", 0),
        ("", 0),
    ],
    ids=range(5),
)
def test_deletes_that_wait_are_read_from_the_record(text: str, count: int) -> None:
    assert count_deletes_waiting(text) == count
