"""`FabricInventory`: one pass that brings a fabric's live state into NetBox.

Its workflow id is `fabric-inventory/<fabric id>`, so a fabric's inventory has one writer. A loop starts it and
goes on; at its end, the pass tells whichever loop the fabric has by then. Everything that lasts is in the loop.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from fabrics.inventory.report.report import CANCELLED, InventoryFailure, InventoryOutcome
    from fabrics.loop.inventory_pass import PassRequest, PassResult, inventory_workflow_id
    from fabrics.loop.inventory_state import failure_sentence
    from fabrics.loop.inventory_text import report_sentence
    from fabrics.loop.loop import workflow_id
    from fabrics.texts import escape_markdown
    from workflows import activity_calls, activity_errors
    from workflows.sync_reports import report_pass
    from workflows.workflow_ids import check_workflow_id


@workflow.defn
class FabricInventory:
    """One pass over the inventory of one fabric."""

    @workflow.run
    async def run(self, pass_request: PassRequest) -> None:
        """Update the inventory, and report the result to the fabric's loop."""
        fabric_id, number = pass_request.request.config.fabric_id, pass_request.request.sync_number
        name = escape_markdown(pass_request.request.config.name)
        check_workflow_id(
            inventory_workflow_id(fabric_id),
            f"`starter.py sync {fabric_id} --full` makes the loop start that one.",
        )
        workflow.set_current_details(
            f"**{name}**: what sync {number} observed is being written to NetBox (the heartbeats of the pending"
            " activity show the progress)."
        )
        try:
            result = await _update(pass_request)
        except (asyncio.CancelledError, FailureError) as error:
            if is_cancelled_exception(error):
                report_pass(pass_request, CANCELLED)
                await _report(fabric_id, pass_request.token, CANCELLED)
                workflow.set_current_details(
                    f"**{name}**: the pass after sync {number} was cancelled."
                )
            raise
        report_pass(pass_request, result)
        workflow.set_current_details(f"**{name}**, after sync {number}: {_describe(result)}.")
        await _report(fabric_id, pass_request.token, result)


async def _update(pass_request: PassRequest) -> PassResult:
    try:
        return await activity_calls.update_inventory(pass_request.request, retry=pass_request.retry)
    except (ActivityError, ApplicationError) as error:
        activity_errors.raise_if_cancelled(error)
        return InventoryFailure(message=activity_errors.describe_inventory_error(error))


async def _report(fabric_id: str, token: str, result: PassResult) -> None:
    """Send the result to the fabric's loop; without one, nobody needs it."""
    loop = workflow.get_external_workflow_handle(workflow_id(fabric_id))
    try:
        await loop.signal("inventory_ended", args=[token, result])
    except ApplicationError as error:
        workflow.logger.info("Fabric %s has no loop to report to: %s", fabric_id, error)


def _describe(result: PassResult) -> str:
    failure = failure_sentence(result)
    if failure or not isinstance(result, InventoryOutcome):
        return escape_markdown(failure.rstrip("."))
    return report_sentence(result.report)
