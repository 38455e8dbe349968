"""What became of an inventory, in words for people."""

from fabrics.inventory.report.report import (
    DeletesWaiting,
    FindingType,
    InventoryProgress,
    InventoryReport,
)
from fabrics.loop.inventory_state import InventoryStatus

FINDING_TYPE_TEXTS = {
    FindingType.SKIPPED: "skipped",
    FindingType.CONFLICT: "in conflict with others' objects",
    FindingType.ADOPTABLE: "offered for adoption",
    FindingType.FAILED: "refused by NetBox",
}


def report_sentence(report: InventoryReport) -> str:
    """The report in a line: what was written, and how many objects have which problem."""
    written = {
        "created": report.created,
        "updated": report.updated,
        "deleted": report.deleted,
        "adopted": report.adopted,
        "unchanged": report.unchanged,
    }
    troubled = {
        FINDING_TYPE_TEXTS[problem]: count for problem, count in sorted(report.problems.items())
    }
    return _format_counts(written | troubled) or "no objects"


def progress_sentence(progress: InventoryProgress | None) -> str:
    """How far it is that an inventory is brought up to date."""
    if progress and progress.total:
        return f"Being written to NetBox now: {progress.done:,} of {progress.total:,} objects done."
    return "Being compared with NetBox now, or waiting for its turn."


def deletes_waiting_sentence(waiting: DeletesWaiting, fabric_id: str) -> str:
    """How many deletes wait, and what to do about it."""
    total = sum(waiting.counts.values())
    return (
        f"{total} deletes in NetBox wait to be confirmed ({_format_counts(waiting.counts)});"
        f" `starter.py confirm-deletes {fabric_id}` shows them and asks."
    )


def attention_sentence(inventory: InventoryStatus, fabric_id: str) -> str:
    """What people should see to; empty where syncs alone will do."""
    waiting, report = inventory.deletes_waiting, inventory.report or InventoryReport()
    troubled = {
        FINDING_TYPE_TEXTS[problem]: count
        for problem, count in sorted(report.problems.items())
        if problem is not FindingType.SKIPPED
    }
    deletes = deletes_waiting_sentence(waiting, fabric_id) if waiting else ""
    named = f"{_format_counts(troubled)}; `starter.py inventory {fabric_id}` names them."
    return " ".join(filter(None, (deletes, named if troubled else "")))


def _format_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
