"""What a loop says of its inventory, in the Web UI and in the journal."""

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
from fabrics.record.status import LastKnownState, SyncStatus

START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = FabricConfig(
    fabric_id="dc",
    name="DC",
    record_id=1,
    enabled=True,
    kubernetes=KubernetesTarget(server="https://k8s", namespace="default", credential="dc"),
)
BASIS = InventoryInputs(desired_digest="a", live_digest="b", config_hash="c", release="d")
REPORT = InventoryReport(
    created=1234, updated=2, unchanged=5, problems={FindingType.SKIPPED: 3, FindingType.FAILED: 1}
)
WAITING = DeletesWaiting(digest="d1ce", counts={"dcim.interface": 40, "dcim.device": 2}, first=())


def details(inventory: Inventory) -> str:
    """The details of a loop with this inventory."""
    return render_details(FabricLoop(fabric_id="dc", config=CONFIG, inventory=inventory).status())


def test_a_report_counts_what_there_is_to_count() -> None:
    said = "1,234 created, 2 updated, 5 unchanged, 1 refused by NetBox, 3 skipped"
    assert report_sentence(REPORT) == said
    assert report_sentence(InventoryReport()) == "no objects"


def test_the_details_say_whether_the_inventory_is_there_and_what_waits() -> None:
    assert "- Inventory: not in NetBox yet" in details(Inventory())
    writing = Inventory().begin_update(BASIS)
    assert "- Inventory: being brought up to date in NetBox; how far it is" in details(writing)
    outcome = InventoryOutcome(live_digest="b", report=REPORT, deletes_waiting=WAITING)
    said = details(writing.finish_update(outcome, START))
    assert f"- Inventory: {report_sentence(REPORT)}, at 2026-01-01 00:00:00 UTC" in said
    assert f"- Deletes: {deletes_waiting_sentence(WAITING, 'dc')}" in said


def test_deletes_that_wait_are_news_for_the_journal_until_they_are_done() -> None:
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
        "Commit c0ffee. 42 deletes in NetBox wait to be confirmed (40 dcim.interface, 2 dcim.device);"
        " `starter.py confirm-deletes dc` shows them and asks."
    )
    assert entries[2].endswith("Commit c0ffee.")
