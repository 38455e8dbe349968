"""The Temporal worker for workflows; it keeps the fleet's workflow running."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from activities.executions import is_stuck
from activities.fleet.reconcile import HINT_PAUSE_SECONDS
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
from settings import Settings
from workers.deployment import build_deployment_config
from workers.early_queries import EarlyQueryRefusingRunner
from workers.tracing import create_tracing_interceptors
from workflows.fabric_inventory import FabricInventory
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet, FleetState
from workflows.malformed_messages import MalformedMessageInterceptor
from workflows.notifications import FabricNotifications, NotificationTest
from workflows.probe import Comparison, Examination, Export, Preview, Probe, Removal

STICKY_TIMEOUT: Final = timedelta(seconds=1)
"""After a worker is killed, Temporal waits this long before another continues its loops; by default 10 s."""

WORKFLOWS: Final = [
    FabricSync,
    FabricInventory,
    Fleet,
    FabricNotifications,
    NotificationTest,
    Probe,
    Comparison,
    Export,
    Examination,
    Preview,
    Removal,
]

RUNNER: Final = EarlyQueryRefusingRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("workflows")
)
"""By default the sandbox imports these modules again for each run, which takes 85 KB of every loop. The tests replay
recorded histories with that default, so that it still finds what is not deterministic."""

KEEP_EXISTING: Final = WorkflowIDConflictPolicy.USE_EXISTING
TERMINATE_EXISTING: Final = WorkflowIDConflictPolicy.TERMINATE_EXISTING

log = logging.getLogger("fabric_sync.worker")


@asynccontextmanager
async def running_workflow_worker(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Run workflows, and keep the fleet's running, until the block ends."""
    worker = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        max_concurrent_workflow_tasks=settings.concurrent_workflow_tasks,
        max_cached_workflows=settings.cached_workflows,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        workflow_runner=RUNNER,
        interceptors=[*create_tracing_interceptors(settings), MalformedMessageInterceptor()],
        deployment_config=build_deployment_config(settings),
    )
    async with worker:
        fleet = asyncio.create_task(_ensure_fleet_runs(client, settings), name="keep fleet running")
        try:
            yield
        finally:
            fleet.cancel()


async def _ensure_fleet_runs(client: Client, settings: Settings) -> None:
    """Start the fleet's workflow again whenever it was terminated."""
    while True:
        try:
            # A stuck fleet fails on its own history or input; it has no state worth keeping.
            stuck = await is_stuck(client, FLEET_WORKFLOW_ID)
            await client.start_workflow(
                Fleet.run,
                FleetState(interval=settings.fleet_interval, hint_pause=HINT_PAUSE_SECONDS),
                id=FLEET_WORKFLOW_ID,
                task_queue=settings.task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                id_conflict_policy=TERMINATE_EXISTING if stuck else KEEP_EXISTING,
                static_summary="keeps the loops of all fabrics running",
            )
        except RPCError as error:
            log.warning("The fleet workflow could not be started (%s); retrying.", error.message)
        await asyncio.sleep(settings.fleet_interval)
