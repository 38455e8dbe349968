"""Sentences for people about the state of an inventory."""

import re
from datetime import datetime

from fabrics.inventory.report.report import (
    DeletesWaiting,
    FindingType,
    InventoryProgress,
    InventoryReport,
)
from fabrics.loop.inventory_state import FAILURE_PREFIX, InventoryStatus
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import InventoryState, LastKnownState
from fabrics.times import format_time

BEHIND_PREFIX = "The inventory in NetBox is behind since "
CONFIRMATION_TEXT = "deletes in NetBox need confirmation"

FINDING_TYPE_TEXTS = {
    FindingType.SKIPPED: "skipped",
    FindingType.CONFLICT: "in conflict with other objects",
    FindingType.ADOPTABLE: "offered for adoption",
    FindingType.FAILED: "refused by NetBox",
    FindingType.WAITING: "waiting for other objects",
    FindingType.UNEXPECTED: "other than stated",
}


def report_sentence(report: InventoryReport) -> str:
    """Return one line on what was written, and how many objects have which problem."""
    written = {
        "created": report.created,
        "updated": report.updated,
        "deleted": report.deleted,
        "adopted": report.adopted,
        "unchanged": report.unchanged,
    }
    problems = {
        FINDING_TYPE_TEXTS[type_]: count for type_, count in sorted(report.problems.items())
    }
    return _format_counts(written | problems) or "no objects"


def progress_sentence(progress: InventoryProgress | None) -> str:
    """Return how far a running update is."""
    if progress and progress.total:
        return f"Writing to NetBox: {progress.done:,} of {progress.total:,} objects done."
    return "Comparing with NetBox, or waiting for a free worker slot."


def record_sentence(inventory: InventoryStatus, fabric_id: str, last_sync: datetime | None) -> str:
    """Return what the record says of the inventory; empty if it is up to date.

    A running pass has until the next sync to catch up with what the last one found: most take seconds, and two
    more writes of the record would tell nobody anything.
    """
    since = inventory.behind_since
    may_catch_up = inventory.state is InventoryState.RUNNING and since == last_sync
    is_behind = since is not None and not may_catch_up
    return (
        inventory.failure
        or attention_sentence(inventory, fabric_id)
        or (f"{BEHIND_PREFIX}{format_time(since)}." if is_behind else "")
    )


def parse_record_text(text: str) -> InventoryState:
    """Return the state that the record's text tells; an empty one means up to date."""
    if not text:
        return InventoryState.UP_TO_DATE
    if text.startswith(FAILURE_PREFIX):
        return InventoryState.FAILED
    return InventoryState.BEHIND if text.startswith(BEHIND_PREFIX) else InventoryState.WAITING


def find_record_state(config: FabricConfig, last_known: LastKnownState) -> InventoryState:
    """Return the inventory's state as the record tells it.

    An empty text says nothing before the first success, nor of a fabric that is not synced.
    """
    is_known = config.needs_loop and (last_known.inventory_text or last_known.last_success)
    return parse_record_text(last_known.inventory_text) if is_known else InventoryState.UNKNOWN


def is_unhealthy(record_text: str) -> bool:
    """True if the text tells of a failure or of deletes to confirm."""
    return record_text.startswith(FAILURE_PREFIX) or CONFIRMATION_TEXT in record_text


def count_deletes_waiting(record_text: str) -> int:
    """Return how many deletes are waiting, as the text tells."""
    waiting = re.match(rf"(\d{{1,9}}) {CONFIRMATION_TEXT}", record_text)
    return int(waiting[1]) if waiting else 0


def deletes_waiting_sentence(waiting: DeletesWaiting, fabric_id: str) -> str:
    """Return how many deletes are waiting, and what to do about them."""
    total = sum(waiting.counts.values())
    return (
        f"{total} {CONFIRMATION_TEXT} ({_format_counts(waiting.counts)});"
        f" `starter.py confirm-deletes {fabric_id}` lists and confirms them."
    )


def attention_sentence(inventory: InventoryStatus, fabric_id: str) -> str:
    """Return what people have to resolve; empty if syncs alone will do."""
    waiting, report = inventory.deletes_waiting, inventory.report or InventoryReport()
    problems = {
        FINDING_TYPE_TEXTS[type_]: count
        for type_, count in sorted(report.problems.items())
        if type_ is not FindingType.SKIPPED
    }
    deletes = deletes_waiting_sentence(waiting, fabric_id) if waiting else ""
    others = f"{_format_counts(problems)}; `starter.py inventory {fabric_id}` lists them."
    return " ".join(filter(None, (deletes, others if problems else "")))


def _format_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
