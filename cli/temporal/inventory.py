"""Wait for the inventory that follows a sync."""

from typing import Final

from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_delay, wait_fixed

from cli.errors import CommandError
from cli.temporal.loop_client import LoopClient
from fabrics.loop.report import FabricStatus, SyncReport

TIMEOUT_SECONDS: Final = 3600
POLL_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 30


async def wait_for_inventory(loops: LoopClient, fabric_id: str, report: SyncReport) -> SyncReport:
    """Wait until NetBox has what that sync observed; return its complete report.

    Raises `CommandError` after an hour, or if the loop answers no more.
    """
    if not report.inventory_follows:
        return report
    waiting = AsyncRetrying(
        wait=wait_fixed(POLL_SECONDS),
        stop=stop_after_delay(TIMEOUT_SECONDS),
        retry=retry_if_result(lambda status: not _is_written(status, report)),
    )
    try:
        status: FabricStatus = await waiting(_get_status, loops, fabric_id)
    except RetryError:
        raise CommandError(
            f"The inventory of {fabric_id} is still being written; `starter.py inventory {fabric_id}`"
            " shows the progress."
        ) from None
    last = status.inventory.last_sync  # or that of a later sync, if another pass was still running
    reports = {known.number: known for known in await loops.get_history(fabric_id)}
    written = reports[last].inventory if last in reports else None
    return report.model_copy(update={"inventory": written, "inventory_follows": False})


def _is_written(status: FabricStatus, report: SyncReport) -> bool:
    """True after the pass for this sync; a replaced loop counts its syncs anew."""
    return status.inventory.last_sync >= report.number or status.syncs < report.number


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
