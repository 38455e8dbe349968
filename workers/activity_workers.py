"""The Temporal workers that execute activities, one for each task queue.

Each has its own slots, so that fabrics that hang cannot take those of others. The first updates records and
reconciles the fleet, the second asks Temporal, the third reads fabrics that respond, the fourth those that are
late, the fifth those that did not respond last time, and previews inventories, the sixth writes inventories. A
site has only the last four. Where notifications have targets, one more delivers them.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Semaphore
from typing import Any, Final

from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

import temporal
from activities.executions import ExecutionActivities
from activities.fleet.installation import get_instance
from activities.fleet.reconcile import FleetActivities
from activities.heartbeat import HEARTBEATS_PER_TIMEOUT, HeartbeatInterceptor
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.update import InventoryActivities
from activities.netbox.client import NetBox
from activities.notifications.deliver import NotificationActivities
from activities.observe import FabricActivities
from activities.queues import QueueActivities
from activities.record import RecordActivities
from fabrics.loop.loop_settings import LoopSettings
from fabrics.record.task_queues import (
    catch_up_queue,
    inventory_queue,
    notification_queue,
    observe_queue,
    temporal_queue,
    unresponsive_queue,
)
from fabrics.rules_version import RULES_VERSION
from settings import Settings
from telemetry.metrics import NETBOX_PERMITS
from webhooks.receiver import running_receiver
from workers.activity_metrics import ActivityMetricsInterceptor
from workers.deployment import build_deployment_config
from workers.token_expiry import watching_token_expiry
from workers.tracing import create_tracing_interceptors
from workflows.activity_calls import HEARTBEAT_TIMEOUT

HEARTBEAT_INTERVAL: Final = HEARTBEAT_TIMEOUT / HEARTBEATS_PER_TIMEOUT
"""The SDK sends heartbeats this often; by default it holds them back until the timeout is nearly over."""

MAX_HISTORY_EVENTS: Final = 150
"""The events, some 13 cycles, after which a loop starts a new run: a restarted worker replays whole histories, and
each cycle takes some 10 KB of its memory until then."""

MAX_TEMPORAL_CALLS: Final = 10
"""Questions to Temporal at a time; a slow NetBox does not hold them up, nor they what is written to it."""

MAX_DELIVERIES: Final = 10
"""Notifications that are delivered at a time, one for each target at most."""

MAX_SIGNALS: Final = MAX_HISTORY_EVENTS // 4
"""Signals after which a loop starts a new run although it has nothing else to do: each that comes alone takes four
events, and a run with twice the events above takes no updates."""

type Activities = list[Callable[..., Any]]

log = logging.getLogger("fabric_sync.worker")


@asynccontextmanager
async def running_activity_workers(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Execute all activities but those of sites, and receive webhooks."""
    async with AsyncExitStack() as stack:
        limit = _create_netbox_permits(settings)
        netbox = stack.enter_context(closing(NetBox.from_settings(settings, limit)))
        instance = await get_instance(client)
        activities = await _list_record_activities(client, settings, netbox, instance)
        workers = _Workers(client, settings, instance, stack, _create_interceptors(settings))
        await workers.start(settings.task_queue, activities, settings.concurrent_netbox_calls)
        await workers.start(
            temporal_queue(settings.task_queue),
            _list_temporal_activities(client),
            MAX_TEMPORAL_CALLS,
        )
        await workers.start_for_fabrics(observe_queue(settings.task_queue), limit)
        await stack.enter_async_context(watching_token_expiry(netbox, settings))
        if settings.notifications_file:
            await workers.start(
                notification_queue(settings.task_queue),
                _list_notification_activities(settings.notifications_file, settings),
                MAX_DELIVERIES,
            )
        if settings.webhook_port:
            await stack.enter_async_context(running_receiver(client, netbox, settings))
        yield


@asynccontextmanager
async def running_site_worker(
    client: Client, settings: Settings, task_queue: str
) -> AsyncIterator[None]:
    """Run only the activities of the fabrics whose records name `task_queue`."""
    async with AsyncExitStack() as stack:
        limit = _create_netbox_permits(settings)
        instance = await get_instance(client)
        workers = _Workers(client, settings, instance, stack, _create_interceptors(settings))
        await workers.start_for_fabrics(task_queue, limit)
        yield


def list_main_queues(settings: Settings) -> set[str]:
    """List the queues of workflows and of `running_activity_workers`."""
    queue = observe_queue(settings.task_queue)
    derived = {derive(queue) for derive in (catch_up_queue, unresponsive_queue, inventory_queue)}
    of_workflows = (temporal_queue, notification_queue)
    derived |= {derive(settings.task_queue) for derive in of_workflows}
    return {settings.task_queue, queue} | derived


async def _list_record_activities(
    client: Client, settings: Settings, netbox: NetBox, instance: str
) -> Activities:
    loop_settings = LoopSettings(
        netbox_heartbeat=settings.netbox_heartbeat,
        inventory_enabled=settings.inventory,
        full_sync_interval=settings.full_sync_interval,
        inventory_retry_interval=settings.inventory_retry_interval,
        health_interval=settings.health_interval,
        first_sync_spread=settings.first_sync_spread,
        has_search_attributes=await _has_search_attributes(client),
        release=str(RULES_VERSION),
        max_history_events=MAX_HISTORY_EVENTS,
        max_signals=MAX_SIGNALS,
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
        notifications_file=settings.notifications_file,
    )
    return [records.load_record, records.record_result, fleet.reconcile]


def _list_notification_activities(file: Path, settings: Settings) -> Activities:
    notifications = NotificationActivities(file, settings.connect_timeout)
    return [notifications.deliver, notifications.test_targets]


def _list_temporal_activities(client: Client) -> Activities:
    return [QueueActivities(client).has_worker, ExecutionActivities(client).is_running]


async def _has_search_attributes(client: Client) -> bool:
    missing = await temporal.missing_search_attributes(client)
    if missing:
        log.warning(
            "Temporal does not know the search attributes %s, so workflows cannot be filtered by them;"
            " run `starter.py setup` and restart the worker.",
            ", ".join(missing),
        )
    return not missing


def _create_netbox_permits(settings: Settings) -> Semaphore:
    NETBOX_PERMITS.set(settings.concurrent_netbox_calls)
    return Semaphore(settings.concurrent_netbox_calls)


def _create_interceptors(settings: Settings) -> list[Interceptor]:
    """Return the interceptors of all workers; the first is the outermost."""
    return [
        *create_tracing_interceptors(settings),
        HeartbeatInterceptor(),
        ActivityMetricsInterceptor(),
    ]


@dataclass(frozen=True)
class _Workers:
    """The workers of one process, which run until `stack` closes.

    `instance` names this installation, as in `hh_instance`.
    """

    client: Client
    settings: Settings
    instance: str
    stack: AsyncExitStack
    interceptors: Sequence[Interceptor]

    async def start_for_fabrics(self, task_queue: str, limit: Semaphore) -> None:
        """Start the workers for responsive and unresponsive fabrics and inventories."""
        settings = self.settings
        unresponsive = FabricActivities(settings)
        responsive = replace(unresponsive, settings=settings.for_responsive_fabrics)
        netbox = self.stack.enter_context(closing(InventoryNetBox.from_settings(settings, limit)))
        inventory = InventoryActivities(
            netbox, unresponsive.desired_states, unresponsive.live_states, settings, self.instance
        )
        await self.start(
            task_queue, _list_fabric_activities(responsive), settings.concurrent_observes
        )
        await self.start(
            catch_up_queue(task_queue),
            _list_fabric_activities(responsive),
            settings.concurrent_observes,
            rate=settings.catch_up_rate,
        )
        await self.start(
            unresponsive_queue(task_queue),
            # People wait for a preview, and loads may fill the slots for inventories for an hour.
            [*_list_fabric_activities(unresponsive), inventory.preview_inventory],
            settings.concurrent_unresponsive_observes,
        )
        await self.start(
            inventory_queue(task_queue),
            _list_inventory_activities(inventory),
            settings.concurrent_netbox_calls,
        )

    async def start(
        self, queue: str, activities: Activities, slots: int, rate: float | None = None
    ) -> None:
        """Start a worker that executes up to `slots` activities at a time, in threads.

        All workers of the queue together start at most `rate` activities a second.
        """
        worker = Worker(
            self.client,
            task_queue=queue,
            activities=activities,
            activity_executor=self.stack.enter_context(ThreadPoolExecutor(slots, queue)),
            max_concurrent_activities=slots,
            max_task_queue_activities_per_second=rate,
            max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
            graceful_shutdown_timeout=timedelta(seconds=self.settings.graceful_shutdown),
            interceptors=self.interceptors,
            deployment_config=build_deployment_config(self.settings),
        )
        await self.stack.enter_async_context(worker)


def _list_inventory_activities(inventory: InventoryActivities) -> Activities:
    return [inventory.update_inventory, inventory.remove_inventory]


def _list_fabric_activities(fabrics: FabricActivities) -> Activities:
    return [
        fabrics.observe,
        fabrics.read_health,
        fabrics.diff,
        fabrics.compare,
        fabrics.export,
        fabrics.diagnose,
    ]
