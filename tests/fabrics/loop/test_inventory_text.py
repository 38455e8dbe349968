"""Sentences about an inventory in the Web UI and in the journal."""

from datetime import UTC, datetime, timedelta

from fabrics.inventory.report.report import (
    DeletesWaiting,
    FindingType,
    InventoryOutcome,
    InventoryReport,
)
from fabrics.loop.inventory_state import Inventory, InventoryInputs
from fabrics.loop.inventory_text import deletes_waiting_sentence, report_sentence
from fabrics.loop.journal import Journal
from fabrics.loop.loop import FabricLoop
from fabrics.loop.workflow_details import render_details
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import LastKnownState, SyncStatus

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
    return render_details(FabricLoop(fabric_id="dc", config=CONFIG, inventory=inventory).status())


def test_report_sentence_leaves_out_zero_counts() -> None:
    sentence = "1,234 created, 2 updated, 5 unchanged, 1 refused by NetBox, 3 skipped"
    assert report_sentence(REPORT) == sentence
    assert report_sentence(InventoryReport()) == "no objects"


def test_details_show_state_of_inventory_and_waiting_deletes() -> None:
    assert "- Inventory: not in NetBox yet" in details(Inventory())
    writing = Inventory().begin_update(INPUTS)
    assert (
        "- Inventory: being updated in NetBox (the heartbeats of the pending activity"
        in details(writing)
    )
    outcome = InventoryOutcome(live_digest="b", report=REPORT, deletes_waiting=WAITING)
    text = details(writing.finish_update(outcome, START))
    assert f"- Inventory: {report_sentence(REPORT)}, at 2026-01-01 00:00:00 UTC" in text
    assert f"- Deletes: {deletes_waiting_sentence(WAITING, 'dc')}" in text


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
        "Commit c0ffee. 42 deletes in NetBox need confirmation (40 dcim.interface, 2 dcim.device);"
        " `starter.py confirm-deletes dc` lists and confirms them."
    )
    assert entries[2].endswith("Commit c0ffee.")
