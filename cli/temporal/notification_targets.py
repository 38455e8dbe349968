"""The targets of notifications, as their workflows and a worker know them."""

import asyncio
from typing import Final
from uuid import uuid4

from temporalio.client import WorkflowFailureError, WorkflowQueryFailedError
from temporalio.exceptions import ActivityError
from temporalio.service import RPCError

from activities.checks import Check
from activities.executions import list_running, query_running
from activities.fleet.announcements import NOTIFICATIONS_WORKFLOW_TYPE
from cli.errors import CommandError
from cli.temporal.loop_client import QUERY_TIMEOUT, LoopClient, NoWorker
from cli.temporal.probes import PROBE_TIMEOUT
from fabrics.fleet.notifications import TargetSummary, notifications_workflow_id
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
from fabrics.record.task_queues import notification_queue
from workflows.activity_errors import describe_error
from workflows.notifications import NotificationTest

RUNNING_TARGETS_QUERY: Final = query_running(
    NOTIFICATIONS_WORKFLOW_TYPE, notifications_workflow_id("")
)


NOBODY: Final = Check(
    "Notifications", True, "Nobody is notified: FABRIC_SYNC_NOTIFICATIONS_FILE names no target."
)


async def check_targets(loops: LoopClient) -> list[Check]:
    """Return for each target what it was told, or why it was not."""
    running = await list_running(loops.client, RUNNING_TARGETS_QUERY)
    checks = await asyncio.gather(*(_check_target(loops, run.id) for run in running))
    return checks or [NOBODY]


async def send_test_messages(loops: LoopClient) -> list[Check]:
    """Have a worker send a test message to each target. Raises `CommandError`."""
    queue = notification_queue(loops.task_queue)
    if not await loops.has_worker(queue):
        raise NoWorker(
            f'No worker takes notifications from the task queue "{queue}": set FABRIC_SYNC_NOTIFICATIONS_FILE for all'
            " workers, and restart them."
        )
    handle = await loops.client.start_workflow(
        NotificationTest.run,
        id=f"fabric-probe/notify/{uuid4()}",
        task_queue=loops.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        execution_timeout=PROBE_TIMEOUT,
        static_summary="notify: test messages",
    )
    try:
        return await handle.result()
    except WorkflowFailureError as error:
        if isinstance(error.cause, ActivityError):
            raise CommandError(describe_error(error.cause, queue)) from None
        raise NoWorker("No worker answered within 3 minutes; check that one runs.") from None


async def _check_target(loops: LoopClient, workflow_id: str) -> Check:
    name = f"Notifications to {workflow_id.removeprefix(notifications_workflow_id(''))}"
    try:
        summary: TargetSummary = await loops.client.get_workflow_handle(workflow_id).query(
            "summary", result_type=TargetSummary, rpc_timeout=QUERY_TIMEOUT
        )
    except (WorkflowQueryFailedError, RPCError):
        return Check(name, False, f"The workflow {workflow_id} does not answer; check the workers.")
    news = f"Fabrics whose trouble was told: {summary.told}, with news: {summary.waiting}."
    return Check(name, not summary.error, summary.error or news)
