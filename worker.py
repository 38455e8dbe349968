"""The worker: it runs the loops and does their work.

One process holds four Temporal workers, so that fabrics that hang cannot take the slots of those that do
not: the main one runs workflows and keeps records, the second reads fabrics that answer, the third those
that did not answer last time, the fourth writes inventories. A worker at a remote site
(`--task-queue NAME --activities-only`) is the latter three alone, on the queue that records name in
`hh_task_queue`.
"""

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Semaphore
from typing import Any, Final

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.worker import Worker

import temporal
from activities.fleet import FleetActivities, is_stuck
from activities.heartbeat import HEARTBEATS_PER_TIMEOUT, HeartbeatInterceptor
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.update import InventoryActivities
from activities.netbox.client import NetBox
from activities.observe import FabricActivities
from activities.queues import QueueActivities
from activities.record import RecordActivities
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.installation import Installation
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
from fabrics.record.task_queues import inventory_queue, observe_queue, unresponsive_queue
from settings import Settings
from webhooks.receiver import running_receiver
from webhooks.server import CannotListen
from workflows.activity_calls import HEARTBEAT_TIMEOUT
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet, FleetState
from workflows.malformed_messages import MalformedMessageInterceptor
from workflows.probe import Examination, Preview, Probe, Removal

STICKY_TIMEOUT: Final = timedelta(seconds=1)
"""After a kill, Temporal waits this long for the old worker to continue a loop; its default is 10 s."""

HEARTBEAT_INTERVAL: Final = HEARTBEAT_TIMEOUT / HEARTBEATS_PER_TIMEOUT
"""Heartbeats are sent this often, so that one or two that are late do no harm; by default Temporal's SDK holds
them back until the timeout is nearly over."""

FLEET_CHECK_INTERVAL: Final = timedelta(seconds=30)
"""How often the worker makes sure that the fleet runs: a round that is lost is made up for in the next."""

KEEP_EXISTING: Final = WorkflowIDConflictPolicy.USE_EXISTING
TERMINATE_EXISTING: Final = WorkflowIDConflictPolicy.TERMINATE_EXISTING

log = logging.getLogger("fabric_sync.worker")


@asynccontextmanager
async def running_worker(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Everything a single installation needs, until the block ends; then what runs may finish."""
    async with AsyncExitStack() as stack:
        calls = Semaphore(settings.concurrent_netbox_calls)
        netbox = stack.enter_context(closing(NetBox.from_settings(settings, calls)))
        await stack.enter_async_context(await _build_main_worker(client, settings, netbox, stack))
        queue = observe_queue(settings.task_queue)
        await _start_fabric_workers(client, settings, queue, calls, stack)
        await stack.enter_async_context(_running_fleet(client, settings.task_queue))
        if settings.webhook_port:
            await stack.enter_async_context(running_receiver(client, netbox, settings))
        yield


@asynccontextmanager
async def running_site_worker(
    client: Client, settings: Settings, task_queue: str
) -> AsyncIterator[None]:
    """Only the reading of fabrics whose records name `task_queue`."""
    async with AsyncExitStack() as stack:
        calls = Semaphore(settings.concurrent_netbox_calls)
        await _start_fabric_workers(client, settings, task_queue, calls, stack)
        yield


async def _build_main_worker(
    client: Client, settings: Settings, netbox: NetBox, stack: AsyncExitStack
) -> Worker:
    slots, instance = settings.concurrent_netbox_calls, await temporal.get_instance(client)
    installation = Installation(
        netbox_heartbeat=settings.netbox_heartbeat,
        inventory_enabled=settings.inventory,
        full_sync_interval=settings.full_sync_interval,
        has_search_attributes=await _has_search_attributes(client),
        release=_compute_release(),
    )
    records = RecordActivities(netbox, instance, installation)
    fleet = FleetActivities(
        netbox=netbox,
        client=client,
        task_queue=settings.task_queue,
        instance=instance,
        netbox_heartbeat=settings.netbox_heartbeat,
        release=installation.release,
    )
    queues = QueueActivities(client)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[FabricSync, Fleet, Probe, Examination, Preview, Removal],
        activities=[
            *(records.load_record, records.record_result),
            *(fleet.reconcile, queues.has_worker),
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
            "Temporal does not know the search attributes %s, so loops cannot be filtered by them;"
            " run `starter.py setup` and restart the worker.",
            ", ".join(missing),
        )
    return not missing


def _compute_release() -> str:
    """What tells this code from another release's: a hash of the sources that loops depend on."""
    root, digest = Path(__file__).parent, sha256()
    for folder in ("workflows", "activities", "fabrics"):
        for source in sorted((root / folder).rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


@asynccontextmanager
async def _running_fleet(client: Client, task_queue: str) -> AsyncIterator[None]:
    """The fleet runs until the block ends, also after somebody has terminated it."""
    keeper = asyncio.create_task(
        _ensure_fleet_runs(client, task_queue), name="keep the fleet running"
    )
    try:
        yield
    finally:
        keeper.cancel()


async def _ensure_fleet_runs(client: Client, task_queue: str) -> None:
    """One that fails on its own history, or was started with what is no state, has nothing to lose."""
    while True:
        try:
            stuck = await is_stuck(client, FLEET_WORKFLOW_ID)
            await client.start_workflow(
                Fleet.run,
                FleetState(),
                id=FLEET_WORKFLOW_ID,
                task_queue=task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                id_conflict_policy=TERMINATE_EXISTING if stuck else KEEP_EXISTING,
                static_summary="looks after the loops of all fabrics",
            )
        except RPCError as error:
            log.warning("The fleet could not be started (%s); it is tried again.", error.message)
        await asyncio.sleep(FLEET_CHECK_INTERVAL.total_seconds())


async def _start_fabric_workers(
    client: Client, settings: Settings, task_queue: str, calls: Semaphore, stack: AsyncExitStack
) -> None:
    """Slots for fabrics that answer, others for those that keep silent, and some for their inventories."""
    patient = FabricActivities(settings)
    quick = replace(patient, settings=settings.for_responsive_fabrics)
    netbox = stack.enter_context(closing(InventoryNetBox.from_settings(settings, calls)))
    inventories = InventoryActivities(netbox, patient.live_states, settings)
    for queue, activities, slots in (
        (task_queue, _list_fabric_activities(quick), settings.concurrent_observes),
        (
            unresponsive_queue(task_queue),
            _list_fabric_activities(patient),
            settings.concurrent_unresponsive_observes,
        ),
        (
            inventory_queue(task_queue),
            _list_inventory_activities(inventories),
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


def _list_inventory_activities(inventories: InventoryActivities) -> list[Callable[..., Any]]:
    return [
        inventories.update_inventory,
        inventories.preview_inventory,
        inventories.remove_inventory,
    ]


def _list_fabric_activities(fabrics: FabricActivities) -> list[Callable[..., Any]]:
    return [fabrics.observe, fabrics.diff, fabrics.diagnose]


async def _run(arguments: argparse.Namespace) -> None:
    settings, stop = Settings(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await temporal.connect()
    worker = (
        running_site_worker(client, settings, arguments.task_queue)
        if arguments.activities_only
        else running_worker(client, settings)
    )
    async with worker:
        log.info(
            "Working for Temporal at %s, namespace %s.", temporal.get_address(), client.namespace
        )
        await stop.wait()
        log.info("Stopping; what runs may finish.")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Runs the loops of all fabrics, or reads those of one site."
    )
    parser.add_argument("--task-queue", help="the queue of a site's fabrics (their hh_task_queue)")
    parser.add_argument("--activities-only", action="store_true", help="read fabrics, run no loops")
    arguments = parser.parse_args()
    if bool(arguments.task_queue) != arguments.activities_only:
        parser.error(
            "--task-queue and --activities-only go together: a site's worker runs no loops"
        )
    if arguments.task_queue in _list_main_queues(Settings().task_queue):
        parser.error(
            f"{arguments.task_queue} is a queue of the workers that run the loops: give the site a queue"
            " of its own and name that in its fabrics' hh_task_queue, or run `python worker.py` alone"
        )
    return arguments


def _list_main_queues(queue: str) -> set[str]:
    """Where `running_worker` works: a site's worker there would be given what it cannot do."""
    reading = observe_queue(queue)
    return {queue, reading, unresponsive_queue(reading), inventory_queue(reading)}


def main() -> None:
    """The command `python worker.py`."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        asyncio.run(_run(_parse_arguments()))
    except (temporal.TemporalUnreachable, CannotListen) as error:
        raise SystemExit(f"worker.py: {error}") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"FABRIC_SYNC_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()
        )
        raise SystemExit(f"worker.py: Correct the environment: {wrong}.") from None
    logging.shutdown()
    # Temporal's client library may crash in its threads while the interpreter shuts down.
    os._exit(0)


if __name__ == "__main__":
    main()
