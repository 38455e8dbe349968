"""The worker: runs the loops of all fabrics and executes their activities.

One process holds four Temporal workers, so that fabrics that hang cannot take the worker slots of others. The
first runs workflows and updates records, the second reads fabrics that respond, the third reads those that
did not respond last time, the fourth writes inventories. A remote worker
(`--task-queue NAME --activities-only`) has only the last three, on the queue that records name in
`hh_task_queue`.
"""

import asyncio
import logging
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from threading import Semaphore
from typing import Annotated, Any, Final

import typer
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.worker import Worker
from typer.exceptions import Abort, TyperException

import temporal
from activities.executions import ExecutionActivities
from activities.fleet import FleetActivities, is_stuck
from activities.heartbeat import HEARTBEATS_PER_TIMEOUT, HeartbeatInterceptor
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.update import InventoryActivities
from activities.netbox.client import NetBox
from activities.observe import FabricActivities
from activities.queues import QueueActivities
from activities.record import RecordActivities
from cli.errors import CommandError, load_settings
from cli.exit_codes import EXIT_FAILURE, EXIT_INTERRUPTED
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
from fabrics.loop.loop_settings import LoopSettings
from fabrics.record.task_queues import inventory_queue, observe_queue, unresponsive_queue
from fabrics.rules_version import RULES_VERSION
from settings import Settings
from webhooks.receiver import running_receiver
from webhooks.server import CannotListen
from workflows.activity_calls import HEARTBEAT_TIMEOUT
from workflows.fabric_inventory import FabricInventory
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet, FleetState
from workflows.malformed_messages import MalformedMessageInterceptor
from workflows.probe import Examination, Preview, Probe, Removal

STICKY_TIMEOUT: Final = timedelta(seconds=1)
"""After a worker is killed, Temporal waits this long before another continues its loops; by default 10 s."""

HEARTBEAT_INTERVAL: Final = HEARTBEAT_TIMEOUT / HEARTBEATS_PER_TIMEOUT
"""The SDK sends heartbeats this often; by default it holds them back until the timeout is nearly over."""

MAX_OPEN_FILES: Final = 16_384
"""Every fabric's connection to its Kubernetes API stays open; hosts usually allow 1,024 files unless asked."""

KEEP_EXISTING: Final = WorkflowIDConflictPolicy.USE_EXISTING
TERMINATE_EXISTING: Final = WorkflowIDConflictPolicy.TERMINATE_EXISTING

app: Final = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
log = logging.getLogger("fabric_sync.worker")


@asynccontextmanager
async def running_worker(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Run all that a single installation needs until the block ends."""
    async with AsyncExitStack() as stack:
        limit = Semaphore(settings.concurrent_netbox_calls)
        netbox = stack.enter_context(closing(NetBox.from_settings(settings, limit)))
        await stack.enter_async_context(await _build_main_worker(client, settings, netbox, stack))
        queue = observe_queue(settings.task_queue)
        await _start_fabric_workers(client, settings, queue, limit, stack)
        await stack.enter_async_context(_running_fleet(client, settings))
        if settings.webhook_port:
            await stack.enter_async_context(running_receiver(client, netbox, settings))
        yield


@asynccontextmanager
async def running_site_worker(
    client: Client, settings: Settings, task_queue: str
) -> AsyncIterator[None]:
    """Run only the activities of the fabrics whose records name `task_queue`."""
    async with AsyncExitStack() as stack:
        limit = Semaphore(settings.concurrent_netbox_calls)
        await _start_fabric_workers(client, settings, task_queue, limit, stack)
        yield


async def _build_main_worker(
    client: Client, settings: Settings, netbox: NetBox, stack: AsyncExitStack
) -> Worker:
    slots, instance = settings.concurrent_netbox_calls, await temporal.get_instance(client)
    loop_settings = LoopSettings(
        netbox_heartbeat=settings.netbox_heartbeat,
        inventory_enabled=settings.inventory,
        full_sync_interval=settings.full_sync_interval,
        inventory_retry_interval=settings.inventory_retry_interval,
        first_sync_spread=settings.first_sync_spread,
        has_search_attributes=await _has_search_attributes(client),
        release=str(RULES_VERSION),
    )
    records = RecordActivities(netbox, instance, loop_settings)
    fleet = FleetActivities(
        netbox=netbox,
        client=client,
        task_queue=settings.task_queue,
        instance=instance,
        netbox_heartbeat=settings.netbox_heartbeat,
        interval=settings.fleet_interval,
        release=loop_settings.release,
    )
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[FabricSync, FabricInventory, Fleet, Probe, Examination, Preview, Removal],
        activities=[
            *(records.load_record, records.record_result),
            *(fleet.reconcile, QueueActivities(client).has_worker),
            ExecutionActivities(client).is_running,
        ],
        activity_executor=stack.enter_context(ThreadPoolExecutor(slots, "netbox")),
        max_concurrent_activities=slots,
        max_concurrent_workflow_tasks=settings.concurrent_workflow_tasks,
        max_cached_workflows=settings.cached_workflows,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
        graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown),
        interceptors=[HeartbeatInterceptor(), MalformedMessageInterceptor()],
    )


async def _has_search_attributes(client: Client) -> bool:
    missing = await temporal.missing_search_attributes(client)
    if missing:
        log.warning(
            "Temporal does not know the search attributes %s, so workflows cannot be filtered by them;"
            " run `starter.py setup` and restart the worker.",
            ", ".join(missing),
        )
    return not missing


@asynccontextmanager
async def _running_fleet(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Keep the fleet workflow running until the block ends, even if terminated."""
    task = asyncio.create_task(_ensure_fleet_runs(client, settings), name="keep fleet running")
    try:
        yield
    finally:
        task.cancel()


async def _ensure_fleet_runs(client: Client, settings: Settings) -> None:
    while True:
        try:
            # A stuck fleet fails on its own history or input; it has no state worth keeping.
            stuck = await is_stuck(client, FLEET_WORKFLOW_ID)
            await client.start_workflow(
                Fleet.run,
                FleetState(interval=settings.fleet_interval),
                id=FLEET_WORKFLOW_ID,
                task_queue=settings.task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                id_conflict_policy=TERMINATE_EXISTING if stuck else KEEP_EXISTING,
                static_summary="keeps the loops of all fabrics running",
            )
        except RPCError as error:
            log.warning("The fleet workflow could not be started (%s); retrying.", error.message)
        await asyncio.sleep(settings.fleet_interval)


async def _start_fabric_workers(
    client: Client, settings: Settings, task_queue: str, limit: Semaphore, stack: AsyncExitStack
) -> None:
    """Start the workers for responsive and unresponsive fabrics and inventories."""
    unresponsive = FabricActivities(settings)
    responsive = replace(unresponsive, settings=settings.for_responsive_fabrics)
    netbox = stack.enter_context(closing(InventoryNetBox.from_settings(settings, limit)))
    instance = await temporal.get_instance(client)
    inventory = InventoryActivities(netbox, unresponsive.live_states, settings, instance)
    for queue, activities, slots in (
        (task_queue, _list_fabric_activities(responsive), settings.concurrent_observes),
        (
            unresponsive_queue(task_queue),
            _list_fabric_activities(unresponsive),
            settings.concurrent_unresponsive_observes,
        ),
        (
            inventory_queue(task_queue),
            _list_inventory_activities(inventory),
            settings.concurrent_netbox_calls,
        ),
    ):
        executor = stack.enter_context(ThreadPoolExecutor(slots, queue))
        worker = Worker(
            client,
            task_queue=queue,
            activities=activities,
            max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
            activity_executor=executor,
            max_concurrent_activities=slots,
            graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown),
            interceptors=[HeartbeatInterceptor()],
        )
        await stack.enter_async_context(worker)


def _list_inventory_activities(inventory: InventoryActivities) -> list[Callable[..., Any]]:
    return [inventory.update_inventory, inventory.preview_inventory, inventory.remove_inventory]


def _list_fabric_activities(fabrics: FabricActivities) -> list[Callable[..., Any]]:
    return [fabrics.observe, fabrics.diff, fabrics.diagnose]


async def _run_until_stopped(settings: Settings, site_queue: str | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await temporal.connect()
    worker = (
        running_site_worker(client, settings, site_queue)
        if site_queue
        else running_worker(client, settings)
    )
    async with worker:
        log.info(
            "Working for Temporal at %s, namespace %s.", temporal.get_address(), client.namespace
        )
        await stop.wait()
        log.info("Stopping; running activities may finish.")


@app.command()
def run(
    task_queue: Annotated[
        str | None, typer.Option(help="Queue of a remote worker (its fabrics' hh_task_queue).")
    ] = None,
    *,
    activities_only: Annotated[
        bool, typer.Option("--activities-only", help="Read fabrics, but run no loops.")
    ] = False,
) -> None:
    """Run the loops of all fabrics, or only the activities of one remote queue."""
    if bool(task_queue) != activities_only:
        raise TyperException(
            "--task-queue and --activities-only go together: a remote worker runs no loops"
        )
    settings = load_settings()
    if task_queue in _list_main_queues(settings.task_queue):
        raise TyperException(
            f"{task_queue} is a queue of the workers that run the loops: give this worker a queue of its own and"
            " name it in hh_task_queue of its fabrics, or run `python worker.py` without options"
        )
    raise_open_file_limit()
    asyncio.run(_run_until_stopped(settings, task_queue))


def raise_open_file_limit() -> None:
    """Allow `MAX_OPEN_FILES` open files, or as many as the host grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, MAX_OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _list_main_queues(queue: str) -> set[str]:
    """List the queues of `running_worker`, whose tasks a remote worker cannot do."""
    observing = observe_queue(queue)
    return {queue, observing, unresponsive_queue(observing), inventory_queue(observing)}


def main() -> None:
    """Run the command in `sys.argv`."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        app(prog_name="worker.py", standalone_mode=False)
    except TyperException as error:
        sentence = error.format_message().rstrip(".")
        sys.stderr.write(f"worker.py: {sentence} (see `worker.py --help`).\n")
        raise SystemExit(EXIT_FAILURE) from None
    except Abort:
        raise SystemExit(EXIT_INTERRUPTED) from None
    except (temporal.TemporalUnreachable, CannotListen, CommandError) as error:
        raise SystemExit(f"worker.py: {error}") from None
    logging.shutdown()
    sys.stdout.flush()
    # Temporal's client library may crash in its threads while the interpreter shuts down.
    os._exit(0)


if __name__ == "__main__":
    main()
