"""What is said of each sync, and of each pass over an inventory, at its end.

That is one line in the log, and metrics of this process. A replay says nothing again, and none of it is a command.
Temporal's client library exports the metrics and adds `_seconds` to names of durations. They have no label for the
fabric, since it would never forget one that was deleted.
"""

import logging
from datetime import timedelta
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fabrics.inventory.report.report import CANCELLED, FindingType, InventoryOutcome
    from fabrics.loop.inventory_pass import PassRequest, PassResult
    from fabrics.loop.inventory_state import failure_sentence
    from fabrics.loop.inventory_text import report_sentence
    from fabrics.loop.report import SyncReport

NO_TIME: Final = timedelta()
"""Clocks of hosts differ a little, and no duration is negative."""


def report_sync(report: SyncReport, error: str) -> None:
    """Log and count a sync that has ended; `error` is empty if nothing went wrong."""
    meter, status = workflow.metric_meter(), str(report.sync_status)
    syncs = meter.create_counter(
        "fabric_sync_syncs_total", "Syncs that have ended, by the status that they found."
    )
    syncs.add(1, {"result": status, "trigger": str(report.trigger)})
    missed = meter.create_counter("fabric_sync_missed_slots_total", "Slots without a sync.")
    missed.add(report.missed)
    duration = meter.create_histogram_timedelta(
        "fabric_sync_sync_duration", "Time from the start of a sync to its end."
    )
    duration.record(max(timedelta(seconds=report.duration), NO_TIME))
    if report.lateness is not None:
        lateness = meter.create_histogram_timedelta(
            "fabric_sync_sync_lateness", "Time from a slot until its fabric is read."
        )
        lateness.record(max(timedelta(seconds=report.lateness), NO_TIME))
    workflow.logger.log(
        logging.WARNING if error else logging.INFO,
        "Sync ended%s",
        f": {error}" if error else ".",
        extra={
            "sync": report.number,
            "trigger": str(report.trigger),
            "result": status,
            "lateness_seconds": report.lateness,
            "duration_seconds": report.duration,
            "missed": report.missed,
            "drift": report.drift_count,
            "commit": report.commit,
        },
    )


def report_pass(pass_request: PassRequest, result: PassResult) -> None:
    """Log and count a pass over an inventory that has ended."""
    request, failure = pass_request.request, failure_sentence(result)
    name = _name_result(result)
    passes = workflow.metric_meter().create_counter(
        "fabric_sync_inventory_passes_total", "Passes over inventories that have ended, by result."
    )
    passes.add(1, {"result": name})
    outcome = result if isinstance(result, InventoryOutcome) and not failure else None
    workflow.logger.log(
        logging.WARNING if failure else logging.INFO,
        "Inventory pass ended: %s",
        report_sentence(outcome.report) if outcome else failure,
        extra={
            "sync": request.sync_number,
            "result": name,
            "duration_seconds": (workflow.now() - workflow.info().start_time).total_seconds(),
            "written": sum(outcome.report.writes.values()) if outcome else 0,
            "commit": request.commit[:12],
        },
    )


def _name_result(result: PassResult) -> str:
    """Return the result of a pass, as metrics and the log name it."""
    if result == CANCELLED:
        return "cancelled"
    if not isinstance(result, InventoryOutcome):
        return "failed"
    if result.withheld:
        return "withheld"
    if result.report.problems.get(FindingType.FAILED):
        return "refused"
    return "written" if result.report.has_changes else "unchanged"
