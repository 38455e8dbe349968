"""The activities that workflows call, with their queues, timeouts and retries.

Every activity heartbeats by itself from the worker (see `activities.heartbeat`), so a killed worker is
noticed within `HEARTBEAT_TIMEOUT` and the call starts again elsewhere.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.types import MethodSyncSingleParam

with workflow.unsafe.imports_passed_through():
    from activities.errors import NoResponseError
    from activities.executions import ExecutionActivities
    from activities.fleet.reconcile import FleetActivities, RoundRequest, RoundResult
    from activities.health import HealthReadingRequest
    from activities.inventory.update import InventoryActivities
    from activities.observe import FabricActivities, ObserveRequest
    from activities.queues import QueueActivities
    from activities.record import RecordActivities, RecordSnapshot, RecordUpdate
    from fabrics.agents.health import HealthAssessment
    from fabrics.inventory.report.report import InventoryOutcome
    from fabrics.inventory.report.request import InventoryRequest
    from fabrics.record.config import FabricConfig
    from fabrics.record.sync_status import Observation
    from fabrics.record.task_queues import (
        catch_up_queue,
        inventory_queue,
        observe_queue,
        temporal_queue,
        unresponsive_queue,
    )
    from fabrics.texts import cut_summary
    from workflows.activity_errors import build_retry_policy, is_caused_by, raise_if_cancelled

INVENTORY_TIMEOUT: Final = timedelta(hours=1)
"""Enough to load ten thousand objects at some twenty a second, beside several other fabrics."""

INVENTORY_QUEUE_TIMEOUT: Final = timedelta(days=1)
"""How long a pass may wait for its turn: the first loads of a large fleet take hours. Without any bound, a
queue that no worker takes from would hold it up for ever, and nothing would say so."""

HEARTBEAT_TIMEOUT: Final = timedelta(seconds=5)
MIN_CALL_TIMEOUT, MAX_CALL_TIMEOUT = timedelta(seconds=60), timedelta(seconds=300)
ROUND_TIMEOUT: Final = timedelta(minutes=10)
"""Enough for a first round that writes hundreds of records, at some ten a second."""

MIN_NETBOX_TIMEOUT: Final = timedelta(seconds=2)
"""The least time for a NetBox that has failed; a healthy one needs well under a second."""

WORKER_CHECK_INTERVAL: Final = timedelta(seconds=10)
"""How long a remote worker may take before Temporal is asked whether there is one; a healthy one takes a
second. Each further check waits twice as long, so that waiting for a busy one does not fill the history."""


def compute_timeout(config: FabricConfig | None) -> timedelta:
    """Return the timeout of one call: an interval, within fixed bounds."""
    interval = timedelta(seconds=config.interval if config else 0)
    return min(max(interval, MIN_CALL_TIMEOUT), MAX_CALL_TIMEOUT)


def compute_netbox_timeout(
    config: FabricConfig | None, until_due: timedelta | None, *, answered_before: bool
) -> timedelta:
    """Return the timeout for NetBox: by the next slot if NetBox failed before."""
    timeout = compute_timeout(config)
    if answered_before or until_due is None:
        return timeout
    return max(min(until_due, timeout), MIN_NETBOX_TIMEOUT)


async def observe(
    request: ObserveRequest, *, answered_before: bool, is_catching_up: bool
) -> Observation:
    """Read the fabric on its queue; once only if it did not answer last time."""
    config = request.config
    queue = get_observe_queue(config)
    responsive_queue = catch_up_queue(queue) if is_catching_up else queue
    options = workflow.ActivityConfig(
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        start_to_close_timeout=compute_timeout(config),
        summary=cut_summary(f"read Git and Kubernetes of {config.name}"),
    )
    return await call_fabric(
        FabricActivities.observe,
        request,
        config,
        options,
        responsive_queue=responsive_queue if answered_before else "",
    )


async def read_health(
    request: HealthReadingRequest, until_due: timedelta | None
) -> HealthAssessment | None:
    """Read the agents of a fabric on its queue, before its next slot or not at all."""
    config = request.config
    options = workflow.ActivityConfig(
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        schedule_to_close_timeout=min(until_due or MIN_CALL_TIMEOUT, MIN_CALL_TIMEOUT),
        retry_policy=build_retry_policy(retry=False),
        summary=cut_summary(f"read the agents of {config.name}"),
    )
    queue = get_observe_queue(config)
    return await _call_on_queue(FabricActivities.read_health, request, config, options, queue)


async def update_inventory(request: InventoryRequest, *, retry: bool) -> InventoryOutcome:
    """Bring NetBox up to date with the live state.

    A cancelled update ends when its worker has stopped, so that two never write at once.
    """
    site, queue = _get_site_queue(request.config), get_inventory_queue(request.config)
    handle = workflow.start_activity_method(
        InventoryActivities.update_inventory,
        request,
        task_queue=queue,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        schedule_to_start_timeout=INVENTORY_QUEUE_TIMEOUT,
        start_to_close_timeout=INVENTORY_TIMEOUT,
        retry_policy=build_retry_policy(retry=retry),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=cut_summary(f"write the inventory of {request.config.name}"),
    )
    return await _wait_for_site_worker(handle, site, queue)


async def is_running(workflow_id: str, run_id: str) -> bool:
    """Return whether this run of a workflow is open."""
    return await workflow.execute_activity_method(
        ExecutionActivities.is_running,
        args=[workflow_id, run_id],
        task_queue=temporal_queue(workflow.info().task_queue),
        schedule_to_close_timeout=MIN_CALL_TIMEOUT,
        retry_policy=build_retry_policy(),
        summary=cut_summary(f"check that {workflow_id} runs"),
    )


async def load_record(fabric_id: str, limit: timedelta, *, retry: bool) -> RecordSnapshot:
    """Read the fabric's record within `limit` from now on."""
    return await workflow.execute_activity_method(
        RecordActivities.load_record,
        fabric_id,
        schedule_to_close_timeout=limit,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=build_retry_policy(retry=retry),
        summary=cut_summary(f"read the NetBox record of {fabric_id}"),
    )


async def record_result(update: RecordUpdate, limit: timedelta, *, retry: bool) -> RecordSnapshot:
    """Write what changed to the fabric's record within `limit` from now on."""
    return await workflow.execute_activity_method(
        RecordActivities.record_result,
        update,
        schedule_to_close_timeout=limit,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=build_retry_policy(retry=retry),
        summary=cut_summary(f"write the NetBox record of {update.fabric_id}"),
    )


async def reconcile(request: RoundRequest) -> RoundResult:
    """Make one round over all fabrics, without retries: the next one makes up for it."""
    return await workflow.execute_activity_method(
        FleetActivities.reconcile,
        request,
        start_to_close_timeout=ROUND_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=build_retry_policy(retry=False),
        summary="compare all records with all loops",
    )


async def call_fabric[Q, A](
    activity_method: MethodSyncSingleParam[FabricActivities, Q, A],
    request: Q,
    config: FabricConfig,
    options: workflow.ActivityConfig,
    *,
    responsive_queue: str,
) -> A:
    """Call an activity on `responsive_queue`, if any, then on the unresponsive one."""
    call = partial(_call_on_queue, activity_method, request, config)
    if responsive_queue:
        options["retry_policy"] = build_retry_policy(NoResponseError)
        try:
            return await call(options, responsive_queue)
        except ActivityError as error:
            if not is_caused_by(error, NoResponseError):
                raise
    options["retry_policy"] = build_retry_policy(retry=False)
    return await call(options, unresponsive_queue(get_observe_queue(config)))


async def _call_on_queue[Q, A](
    activity_method: MethodSyncSingleParam[FabricActivities, Q, A],
    request: Q,
    config: FabricConfig,
    options: workflow.ActivityConfig,
    task_queue: str,
) -> A:
    options["task_queue"] = task_queue
    handle = workflow.start_activity_method(activity_method, request, **options)
    return await _wait_for_site_worker(handle, _get_site_queue(config), task_queue)


def _get_site_queue(config: FabricConfig) -> str:
    """Return the fabric's remote queue; empty if the loops' workers read it."""
    return "" if config.task_queue == workflow.info().task_queue else config.task_queue


def get_observe_queue(config: FabricConfig) -> str:
    """Return the queue on which the fabric is read while it answers."""
    return _get_site_queue(config) or observe_queue(workflow.info().task_queue)


def get_inventory_queue(config: FabricConfig) -> str:
    """Return the queue on which the fabric's inventory is written."""
    return inventory_queue(get_observe_queue(config))


def get_preview_queue(config: FabricConfig) -> str:
    """Return the queue on which the fabric is compared with NetBox for people."""
    return unresponsive_queue(get_observe_queue(config))


async def _wait_for_site_worker[A](handle: workflow.ActivityHandle[A], site: str, queue: str) -> A:
    """Return an activity's result from `queue`, however busy the remote workers are.

    Raises ApplicationError if `queue` has no worker at all. Without a remote queue there is nothing to check.
    """
    interval = WORKER_CHECK_INTERVAL
    try:
        while site and not await _completes_within(handle, interval):
            if not await _has_worker(queue):
                handle.cancel()
                with suppress(ActivityError):
                    return await handle  # a worker came after all
                raise ApplicationError(
                    f'No worker takes work from the task queue "{site}"; start one there with `python'
                    f" worker.py --task-queue {site} --activities-only`, or correct hh_task_queue."
                )
            interval = min(2 * interval, MAX_CALL_TIMEOUT)
    except (asyncio.CancelledError, ActivityError):  # whichever was waiting when this was cancelled
        handle.cancel()
    return await handle


async def _completes_within(handle: workflow.ActivityHandle[Any], time_limit: timedelta) -> bool:
    summary = "check for a worker if this takes longer"
    with suppress(asyncio.TimeoutError):
        await workflow.wait_condition(handle.done, timeout=time_limit, timeout_summary=summary)
    return handle.done()


async def _has_worker(queue: str) -> bool:
    """True unless Temporal says that the queue has no worker."""
    try:
        return await workflow.execute_activity_method(
            QueueActivities.has_worker,
            queue,
            task_queue=temporal_queue(workflow.info().task_queue),
            schedule_to_close_timeout=WORKER_CHECK_INTERVAL,
            retry_policy=build_retry_policy(),
            summary=cut_summary(f"check for a worker on {queue}"),
        )
    except ActivityError as error:
        raise_if_cancelled(error)
        return True
