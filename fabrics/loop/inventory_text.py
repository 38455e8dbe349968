"""What became of an inventory, in words for people."""

from fabrics.inventory.report.report import (
    DeletesWaiting,
    InventoryProgress,
    InventoryReport,
    Problem,
)
from fabrics.loop.inventory_state import InventoryStatus

PROBLEMS = {
    Problem.SKIPPED: "skipped",
    Problem.CONFLICT: "in conflict with others' objects",
    Problem.ADOPTABLE: "offered for adoption",
    Problem.FAILED: "refused by NetBox",
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
    troubled = {PROBLEMS[problem]: count for problem, count in sorted(report.problems.items())}
    return _counted(written | troubled) or "no objects"


def writing_sentence(progress: InventoryProgress | None) -> str:
    """How far it is that an inventory is brought up to date."""
    if progress and progress.total:
        return f"Being written to NetBox now: {progress.done:,} of {progress.total:,} objects done."
    return "Being compared with NetBox now, or waiting for its turn."


def waiting_sentence(waiting: DeletesWaiting, fabric_id: str) -> str:
    """How many deletes wait, and what to do about it."""
    total = sum(waiting.counts.values())
    return (
        f"{total} deletes in NetBox wait to be confirmed ({_counted(waiting.counts)});"
        f" `starter.py confirm-deletes {fabric_id}` shows them and asks."
    )


def open_sentence(inventory: InventoryStatus, fabric_id: str) -> str:
    """What people should see to; empty where syncs alone will do."""
    waiting, report = inventory.deletes_waiting, inventory.report or InventoryReport()
    troubled = {
        PROBLEMS[problem]: count
        for problem, count in sorted(report.problems.items())
        if problem is not Problem.SKIPPED
    }
    deletes = waiting_sentence(waiting, fabric_id) if waiting else ""
    named = f"{_counted(troubled)}; `starter.py inventory {fabric_id}` names them."
    return " ".join(filter(None, (deletes, named if troubled else "")))


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
