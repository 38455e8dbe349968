"""Wait for the inventory that follows a sync."""

from dataclasses import replace
from typing import Final

from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_delay, wait_fixed

from cli.errors import CommandError
from cli.temporal.loop_client import LoopClient
from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.sync_status import InventoryState, SyncStatus

TIMEOUT_SECONDS: Final = 3600
POLL_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 30


async def wait_for_inventory(
    loops: LoopClient, fabric_id: str, report: SyncReport
) -> tuple[SyncReport, FabricStatus | None]:
    """Wait until NetBox has what that sync observed, or this failed.

    Returns the complete report, and the status by then, if known. Raises `CommandError` after an hour, if no pass
    is going to write the inventory, or if the loop does not answer.
    """
    if not report.inventory_follows:
        return report, await loops.get_status(fabric_id)
    waiting = AsyncRetrying(
        wait=wait_fixed(POLL_SECONDS),
        stop=stop_after_delay(TIMEOUT_SECONDS),
        retry=retry_if_result(lambda status: not _is_over(status, report)),
    )
    try:
        status: FabricStatus = await waiting(_get_status, loops, fabric_id)
    except RetryError:
        raise CommandError(
            f"The inventory of {fabric_id} was not brought up to date within an hour;"
            f" `starter.py inventory {fabric_id}` shows its state and progress."
        ) from None
    if reason := _explain_missing_result(status, report):
        raise CommandError(f"The inventory of {fabric_id} was not brought up to date: {reason}")
    written = _get_written(status)
    return replace(report, inventory=written, inventory_follows=False), status


def _is_over(status: FabricStatus, report: SyncReport) -> bool:
    """True after a pass for this sync or a later one, or if none is going to begin."""
    return _has_ended(status, report) or _was_replaced(status, report) or _waits_for_resume(status)


def _explain_missing_result(status: FabricStatus, report: SyncReport) -> str:
    """Return why no pass for this sync succeeded or failed; empty if one did."""
    repeat = f"`starter.py sync {status.fabric_id} --full`"
    if _was_replaced(status, report):
        return f"its loop was replaced by a new one. Run {repeat}."
    if not _has_ended(status, report):
        return f"the fabric was paused, so no sync starts its update. Resume it, or run {repeat}."
    mirrored = status.inventory.mirrored
    if status.inventory.failure or (mirrored and mirrored > report.started):
        return ""
    return (
        "its update was stopped, because the record was edited or the inventory switched off. The next sync"
        f" starts it again unless the inventory is off; {repeat} waits for it."
    )


def _has_ended(status: FabricStatus, report: SyncReport) -> bool:
    """True after a pass for this sync or a later one, even if it was stopped."""
    return status.inventory.last_sync >= report.number


def _was_replaced(status: FabricStatus, report: SyncReport) -> bool:
    """True if another loop answers, which counts its syncs anew."""
    return status.syncs < report.number


def _waits_for_resume(status: FabricStatus) -> bool:
    """True if nothing runs that could end in a pass."""
    is_writing = status.inventory.state is InventoryState.RUNNING
    return status.sync_status is SyncStatus.PAUSED and not is_writing


def _get_written(status: FabricStatus) -> InventoryReport | None:
    """Return what the last pass wrote, without single objects; None if it failed.

    The report of its sync has the same, but is gone after 50 more syncs.
    """
    if status.inventory.failure or status.inventory.report is None:
        return None
    return status.inventory.report.model_copy(update={"findings": ()})


async def _get_status(loops: LoopClient, fabric_id: str) -> FabricStatus:
    """Return the status; a worker that is killed or busy is asked again for a while."""
    asking = AsyncRetrying(
        wait=wait_fixed(POLL_SECONDS),
        stop=stop_after_delay(PATIENCE_SECONDS),
        retry=retry_if_result(lambda status: status is None),
        retry_error_callback=lambda _: None,
    )
    status: FabricStatus | None = await asking(loops.get_status, fabric_id)
    if status is None:
        raise CommandError(
            f"The loop of {fabric_id} has ended or does not answer, so nobody knows whether the inventory is up to"
            f" date; `starter.py status {fabric_id}` says more."
        )
    return status
