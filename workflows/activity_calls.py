"""How a loop calls its activities: queues, budgets, retries, and what it says when a call fails.

Every activity heartbeats by itself from the worker (see `activities.heartbeat`), so a worker that was
killed is noticed within `HEARTBEAT_TIMEOUT` and the call starts again elsewhere.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    TimeoutError,
    TimeoutType,
    is_cancelled_exception,
)
from temporalio.types import MethodSyncSingleParam

with workflow.unsafe.imports_passed_through():
    from activities.errors import NoResponseError
    from activities.fleet import FleetActivities, RoundRequest, RoundResult
    from activities.inventory.update import InventoryActivities
    from activities.observe import FabricActivities, ObserveRequest
    from activities.queues import QueueActivities
    from activities.record import (
        OwnedByOtherInstallation,
        RecordActivities,
        RecordSnapshot,
        RecordUpdate,
    )
    from fabrics.check import Check
    from fabrics.drift.diff_report import DiffReport
    from fabrics.inventory.report.preview import InventoryPreview
    from fabrics.inventory.report.report import InventoryOutcome, InventoryReport
    from fabrics.inventory.report.request import InventoryRequest
    from fabrics.record.config import FabricConfig
    from fabrics.record.status import Observation
    from fabrics.record.task_queues import inventory_queue, observe_queue, unresponsive_queue

INVENTORY_TIMEOUT: Final = timedelta(hours=1)
"""A first load of ten thousand objects, at some twenty a second, with several others beside it."""

HEARTBEAT_TIMEOUT: Final = timedelta(seconds=5)
MIN_CALL_TIMEOUT, MAX_CALL_TIMEOUT = timedelta(seconds=60), timedelta(seconds=300)
MAX_ATTEMPTS: Final = 3
ROUND_TIMEOUT: Final = timedelta(minutes=10)
"""A first round may have hundreds of records to write to, at some ten a second."""

MIN_NETBOX_TIMEOUT: Final = timedelta(seconds=2)
"""What a NetBox that has failed is given at least; a healthy one needs well under a second."""

WORKER_CHECK_INTERVAL: Final = timedelta(seconds=10)
"""What a site's worker gets to answer before Temporal is asked whether there is one; a healthy one needs one
second. Each further question waits twice as long, so that waiting for a busy one does not fill the history."""


def compute_timeout(config: FabricConfig | None) -> timedelta:
    """How long one call may take: an interval, within bounds that fit slow fabrics and quick ones."""
    return min(
        max(timedelta(seconds=config.interval if config else 0), MIN_CALL_TIMEOUT), MAX_CALL_TIMEOUT
    )


async def observe(request: ObserveRequest, *, answered_before: bool) -> Observation:
    """Read the fabric on its own queue; one attempt only where it did not answer last time."""
    config = request.config
    options = workflow.ActivityConfig(
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        start_to_close_timeout=compute_timeout(config),
        summary=f"read Git and Kubernetes of {config.name}"[:200],
    )
    return await _call_fabric(
        FabricActivities.observe, request, config, options, assume_responsive=answered_before
    )


async def update_inventory(request: InventoryRequest, *, worked_before: bool) -> InventoryOutcome:
    """Make NetBox show what runs. It is tried once where it failed last time, as often as that was.

    Cancelled, it ends when its worker has stopped: what comes next must not meet one that still writes.
    """
    site, queue = _get_site_queue(request.config), _get_inventory_queue(request.config)
    work = workflow.start_activity_method(
        InventoryActivities.update_inventory,
        request,
        task_queue=queue,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        start_to_close_timeout=INVENTORY_TIMEOUT,
        retry_policy=_build_retry_policy(MAX_ATTEMPTS if worked_before else 1),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=f"write the inventory of {request.config.name}"[:200],
    )
    return await (_wait_for_site_worker(work, site, queue) if site else work)


async def preview_inventory(request: InventoryRequest) -> InventoryPreview:
    """What `update_inventory` would write. Somebody is waiting, so busy workers are not waited for."""
    return await workflow.execute_activity_method(
        InventoryActivities.preview_inventory,
        request,
        task_queue=_get_inventory_queue(request.config),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        schedule_to_start_timeout=MIN_CALL_TIMEOUT,
        start_to_close_timeout=MIN_CALL_TIMEOUT,
        retry_policy=_build_retry_policy(1),
        summary=f"compare the inventory of {request.config.name}"[:200],
    )


async def remove_inventory(config: FabricConfig) -> InventoryReport:
    """Delete all that the fabric has in NetBox, beside the loops: that needs nothing of its site."""
    return await workflow.execute_activity_method(
        InventoryActivities.remove_inventory,
        config,
        task_queue=inventory_queue(observe_queue(workflow.info().task_queue)),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        start_to_close_timeout=INVENTORY_TIMEOUT,
        retry_policy=_build_retry_policy(MAX_ATTEMPTS),
        summary=f"delete the inventory of {config.name}"[:200],
    )


async def diff(config: FabricConfig) -> DiffReport:
    """Compare the fabric on its own queue. Somebody is waiting, so busy workers are not waited for."""
    options = workflow.ActivityConfig(
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        schedule_to_start_timeout=MIN_CALL_TIMEOUT,
        start_to_close_timeout=MIN_CALL_TIMEOUT,
        summary=f"compare Git and Kubernetes of {config.name}"[:200],
    )
    return await _call_fabric(
        FabricActivities.diff, config, config, options, assume_responsive=True
    )


async def diagnose(config: FabricConfig) -> list[Check]:
    """Try out whether the fabric can be read, with all the patience there is for silent ones."""
    options = workflow.ActivityConfig(
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        schedule_to_start_timeout=MIN_CALL_TIMEOUT,
        start_to_close_timeout=MIN_CALL_TIMEOUT,
        summary=f"try Git and Kubernetes of {config.name}"[:200],
    )
    return await _call_fabric(
        FabricActivities.diagnose, config, config, options, assume_responsive=False
    )


async def load_record(
    fabric_id: str, time_limit: timedelta, *, answered_before: bool
) -> RecordSnapshot:
    """Read the fabric's record, within `time_limit` from now on."""
    return await workflow.execute_activity_method(
        RecordActivities.load_record,
        fabric_id,
        schedule_to_close_timeout=time_limit,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=_build_retry_policy(MAX_ATTEMPTS if answered_before else 1),
        summary=f"read the NetBox record of {fabric_id}"[:200],
    )


async def record_result(
    update: RecordUpdate, time_limit: timedelta, *, answered_before: bool
) -> RecordSnapshot:
    """Write what changed to the fabric's record, within `time_limit` from now on."""
    return await workflow.execute_activity_method(
        RecordActivities.record_result,
        update,
        schedule_to_close_timeout=time_limit,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=_build_retry_policy(MAX_ATTEMPTS if answered_before else 1),
        summary=f"write the NetBox record of {update.fabric_id}"[:200],
    )


async def reconcile(request: RoundRequest) -> RoundResult:
    """Make one round over all fabrics. It is tried once: the next round does what this one could not."""
    return await workflow.execute_activity_method(
        FleetActivities.reconcile,
        request,
        start_to_close_timeout=ROUND_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=_build_retry_policy(1),
        summary="compare all records with all loops",
    )


def compute_netbox_timeout(
    config: FabricConfig | None, until_due: timedelta | None, *, answered_before: bool
) -> timedelta:
    """How long NetBox may take: once it has failed, no longer than the next slot is away."""
    whole = compute_timeout(config)
    if answered_before or until_due is None:
        return whole
    return max(min(until_due, whole), MIN_NETBOX_TIMEOUT)


def describe_netbox_error(error: ActivityError) -> str:
    """Why the record was not read or written."""
    if isinstance(error.cause, TimeoutError):
        return "NetBox did not answer in time; check that it is up and not overloaded."
    return describe_error(error, "")


def is_owned_by_other(error: ActivityError) -> bool:
    """Whether the record belongs to another installation."""
    return _is_caused_by(error, OwnedByOtherInstallation)


def describe_round_error(error: ActivityError) -> str:
    """Why a round over all fabrics came to nothing."""
    if isinstance(error.cause, TimeoutError):
        return "The worker that made it was lost, or NetBox is too slow for it."
    return describe_error(error, "")


def describe_error(error: ActivityError | ApplicationError, queue: str) -> str:
    """What went wrong, for people: the text of an `ActivityError` is always "Activity task failed"."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        return cause.message
    if isinstance(cause, TimeoutError):
        return _describe_timeout(cause.type, queue)
    return f"The sync was interrupted ({type(cause).__name__}); the next one tries again."


def describe_inventory_error(error: ActivityError | ApplicationError) -> str:
    """Why the inventory was not brought up to date."""
    if isinstance(error.cause, TimeoutError):
        what = "The worker that wrote it was lost, or NetBox took longer than an hour."
        return f"The inventory in NetBox is not up to date. {what} The next sync goes on with it."
    return f"The inventory in NetBox is not up to date: {describe_error(error, '')}"


async def _call_fabric[Q, A](
    activity_method: MethodSyncSingleParam[FabricActivities, Q, A],
    request: Q,
    config: FabricConfig,
    options: workflow.ActivityConfig,
    *,
    assume_responsive: bool,
) -> A:
    """Ask a fabric in the slots of those that answer, unless that is in doubt or turns out to be wrong."""
    site = _get_site_queue(config)
    queue = site or observe_queue(workflow.info().task_queue)

    async def ask(queue: str, retries: RetryPolicy) -> A:
        there: workflow.ActivityConfig = {**options, "task_queue": queue, "retry_policy": retries}
        work = workflow.start_activity_method(activity_method, request, **there)
        return await (_wait_for_site_worker(work, site, site) if site else work)

    if assume_responsive:
        try:
            return await ask(queue, _build_retry_policy(MAX_ATTEMPTS, NoResponseError))
        except ActivityError as error:
            if not _is_caused_by(error, NoResponseError):
                raise
    return await ask(unresponsive_queue(queue), _build_retry_policy(1))


def _get_inventory_queue(config: FabricConfig) -> str:
    return inventory_queue(_get_site_queue(config) or observe_queue(workflow.info().task_queue))


def _get_site_queue(config: FabricConfig) -> str:
    """The queue of the fabric's own site; empty where the workers that run the loops read it."""
    return "" if config.task_queue == workflow.info().task_queue else config.task_queue


async def _wait_for_site_worker[A](handle: workflow.ActivityHandle[A], site: str, queue: str) -> A:
    """What a site's worker answers, however busy it is; while none does, ask whether `queue` has one."""
    pause = WORKER_CHECK_INTERVAL
    try:
        while not await _completes_within(handle, pause):
            if not await _has_worker(queue):
                handle.cancel()
                with suppress(ActivityError):
                    return await handle  # a worker came after all
                raise ApplicationError(
                    f'No worker takes work from the task queue "{site}"; start one there with `python'
                    f" worker.py --task-queue {site} --activities-only`, or correct hh_task_queue."
                )
            pause = min(2 * pause, MAX_CALL_TIMEOUT)
    except (asyncio.CancelledError, ActivityError):  # whichever was waiting when this was cancelled
        handle.cancel()
    return await handle


async def _completes_within(handle: workflow.ActivityHandle[Any], time_limit: timedelta) -> bool:
    with suppress(asyncio.TimeoutError):
        await workflow.wait_condition(
            handle.done,
            timeout=time_limit,
            timeout_summary="then ask whether the site has a worker",
        )
    return handle.done()


async def _has_worker(queue: str) -> bool:
    """Whether Temporal knows of a worker there; nobody is called missing because that is not known."""
    try:
        return await workflow.execute_activity_method(
            QueueActivities.has_worker,
            queue,
            schedule_to_close_timeout=WORKER_CHECK_INTERVAL,
            retry_policy=_build_retry_policy(MAX_ATTEMPTS),
            summary=f"is there a worker on {queue}?"[:200],
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return True


def _is_caused_by(error: ActivityError, error_type: type[Exception]) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.type == error_type.__name__


def _describe_timeout(kind: TimeoutType | None, queue: str) -> str:
    if kind is TimeoutType.SCHEDULE_TO_START:
        where = f' on the task queue "{queue}"' if queue else ""
        return f"All workers{where} are busy; try again later, or start more."
    if kind is TimeoutType.HEARTBEAT:
        return "The worker that ran this was lost; the next sync tries again."
    return (
        "Reading Git and Kubernetes took longer than a sync may take; check which of them is slow."
    )


def _build_retry_policy(attempts: int, *non_retryable: type[Exception]) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2.0,
        maximum_attempts=attempts,
        non_retryable_error_types=[error.__name__ for error in non_retryable],
    )
