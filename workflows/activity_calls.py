"""How a loop calls its activities: queues, budgets, retries, and what it says when a call fails.

Every activity heartbeats by itself from the worker (see `activities.heartbeat`), so a worker that was
killed is noticed within `LOST_WORKER` and the call starts again elsewhere.
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
    from activities.errors import Unanswered
    from activities.fleet import FleetActivities, Round, RoundRequest
    from activities.inventory.update import InventoryActivities
    from activities.observe import FabricActivities, ObserveRequest
    from activities.queues import QueueActivities
    from activities.record import Claimed, RecordActivities, RecordRead, RecordUpdate
    from fabrics.check import Check
    from fabrics.drift.diff_report import DiffReport
    from fabrics.inventory.report.preview import InventoryPreview
    from fabrics.inventory.report.report import InventoryOutcome, InventoryReport
    from fabrics.inventory.report.request import InventoryRequest
    from fabrics.record.config import FabricConfig
    from fabrics.record.status import Observation

LONGEST_UPDATE: Final = timedelta(hours=1)
"""A first load of ten thousand objects, at some twenty a second, with several others beside it."""

LOST_WORKER: Final = timedelta(seconds=5)
MIN_BUDGET, MAX_BUDGET = timedelta(seconds=60), timedelta(seconds=300)
ATTEMPTS: Final = 3
LONGEST_ROUND: Final = timedelta(minutes=10)
"""A first round may have hundreds of records to write to, at some ten a second."""

BRIEF: Final = timedelta(seconds=2)
"""What a NetBox that has failed is given at least; a healthy one needs well under a second."""

FIRST_QUESTION: Final = timedelta(seconds=10)
"""What a site's worker gets to answer before Temporal is asked whether there is one; a healthy one needs one
second. Each further question waits twice as long, so that waiting for a busy one does not fill the history."""


def budget(config: FabricConfig | None) -> timedelta:
    """How long one call may take: an interval, within bounds that fit slow fabrics and quick ones."""
    return min(max(timedelta(seconds=config.interval if config else 0), MIN_BUDGET), MAX_BUDGET)


def observe_queue(task_queue: str) -> str:
    """The queue on which fabrics without one of their own are read: slots apart from NetBox's."""
    return f"{task_queue}-observe"


def patient_queue(queue: str) -> str:
    """Where those fabrics of `queue` are read that keep silent: in slots that are in nobody's way."""
    return f"{queue}-patient"


async def observe(request: ObserveRequest, *, answered_before: bool) -> Observation:
    """Read the fabric on its own queue; one attempt only where it did not answer last time."""
    config = request.config
    options = workflow.ActivityConfig(
        heartbeat_timeout=LOST_WORKER,
        start_to_close_timeout=budget(config),
        summary=f"read Git and Kubernetes of {config.name}"[:200],
    )
    return await _read(FabricActivities.observe, request, config, options, quick=answered_before)


def inventory_queue(queue: str) -> str:
    """Where the inventories are written of fabrics that are read on `queue`: slots apart from reading."""
    return f"{queue}-inventory"


async def update_inventory(request: InventoryRequest, *, worked_before: bool) -> InventoryOutcome:
    """Make NetBox show what runs. It is tried once where it failed last time, as often as that was.

    Cancelled, it ends when its worker has stopped: what comes next must not meet one that still writes.
    """
    site, queue = _site_of(request.config), _inventory_queue_of(request.config)
    work = workflow.start_activity_method(
        InventoryActivities.update_inventory,
        request,
        task_queue=queue,
        heartbeat_timeout=LOST_WORKER,
        start_to_close_timeout=LONGEST_UPDATE,
        retry_policy=_retries(ATTEMPTS if worked_before else 1),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=f"write the inventory of {request.config.name}"[:200],
    )
    return await (_from_site(work, site, queue) if site else work)


async def preview_inventory(request: InventoryRequest) -> InventoryPreview:
    """What `update_inventory` would write. Somebody is waiting, so busy workers are not waited for."""
    return await workflow.execute_activity_method(
        InventoryActivities.preview_inventory,
        request,
        task_queue=_inventory_queue_of(request.config),
        heartbeat_timeout=LOST_WORKER,
        schedule_to_start_timeout=MIN_BUDGET,
        start_to_close_timeout=MIN_BUDGET,
        retry_policy=_retries(1),
        summary=f"compare the inventory of {request.config.name}"[:200],
    )


async def remove_inventory(config: FabricConfig) -> InventoryReport:
    """Delete all that the fabric has in NetBox, beside the loops: that needs nothing of its site."""
    return await workflow.execute_activity_method(
        InventoryActivities.remove_inventory,
        config,
        task_queue=inventory_queue(observe_queue(workflow.info().task_queue)),
        heartbeat_timeout=LOST_WORKER,
        start_to_close_timeout=LONGEST_UPDATE,
        retry_policy=_retries(ATTEMPTS),
        summary=f"delete the inventory of {config.name}"[:200],
    )


async def diff(config: FabricConfig) -> DiffReport:
    """Compare the fabric on its own queue. Somebody is waiting, so busy workers are not waited for."""
    options = workflow.ActivityConfig(
        heartbeat_timeout=LOST_WORKER,
        schedule_to_start_timeout=MIN_BUDGET,
        start_to_close_timeout=MIN_BUDGET,
        summary=f"compare Git and Kubernetes of {config.name}"[:200],
    )
    return await _read(FabricActivities.diff, config, config, options, quick=True)


async def examine(config: FabricConfig) -> list[Check]:
    """Try out whether the fabric can be read, with all the patience there is for silent ones."""
    options = workflow.ActivityConfig(
        heartbeat_timeout=LOST_WORKER,
        schedule_to_start_timeout=MIN_BUDGET,
        start_to_close_timeout=MIN_BUDGET,
        summary=f"try Git and Kubernetes of {config.name}"[:200],
    )
    return await _read(FabricActivities.examine, config, config, options, quick=False)


async def load_record(fabric_id: str, patience: timedelta, *, answered_before: bool) -> RecordRead:
    """Read the fabric's record, within `patience` from now on."""
    return await workflow.execute_activity_method(
        RecordActivities.load_record,
        fabric_id,
        schedule_to_close_timeout=patience,
        heartbeat_timeout=LOST_WORKER,
        retry_policy=_retries(ATTEMPTS if answered_before else 1),
        summary=f"read the NetBox record of {fabric_id}"[:200],
    )


async def record_result(
    update: RecordUpdate, patience: timedelta, *, answered_before: bool
) -> RecordRead:
    """Write what changed to the fabric's record, within `patience` from now on."""
    return await workflow.execute_activity_method(
        RecordActivities.record_result,
        update,
        schedule_to_close_timeout=patience,
        heartbeat_timeout=LOST_WORKER,
        retry_policy=_retries(ATTEMPTS if answered_before else 1),
        summary=f"write the NetBox record of {update.fabric_id}"[:200],
    )


async def reconcile(request: RoundRequest) -> Round:
    """Make one round over all fabrics. It is tried once: the next round does what this one could not."""
    return await workflow.execute_activity_method(
        FleetActivities.reconcile,
        request,
        start_to_close_timeout=LONGEST_ROUND,
        heartbeat_timeout=LOST_WORKER,
        retry_policy=_retries(1),
        summary="compare all records with all loops",
    )


def patience_with_netbox(
    config: FabricConfig | None, until_due: timedelta | None, *, answered_before: bool
) -> timedelta:
    """How long NetBox may take: once it has failed, no longer than the next slot is away."""
    whole = budget(config)
    if answered_before or until_due is None:
        return whole
    return max(min(until_due, whole), BRIEF)


def netbox_sentence(error: ActivityError) -> str:
    """Why the record was not read or written."""
    if isinstance(error.cause, TimeoutError):
        return "NetBox did not answer in time; check that it is up and not overloaded."
    return sentence(error, "")


def is_claimed(error: ActivityError) -> bool:
    """Whether the record belongs to another installation."""
    return _is(error, Claimed)


def round_sentence(error: ActivityError) -> str:
    """Why a round over all fabrics came to nothing."""
    if isinstance(error.cause, TimeoutError):
        return "The worker that made it was lost, or NetBox is too slow for it."
    return sentence(error, "")


def sentence(error: ActivityError | ApplicationError, queue: str) -> str:
    """What went wrong, for people: the text of an `ActivityError` is always "Activity task failed"."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        return cause.message
    if isinstance(cause, TimeoutError):
        return _timeout_sentence(cause.type, queue)
    return f"The sync was interrupted ({type(cause).__name__}); the next one tries again."


def inventory_sentence(error: ActivityError | ApplicationError) -> str:
    """Why the inventory was not brought up to date."""
    if isinstance(error.cause, TimeoutError):
        what = "The worker that wrote it was lost, or NetBox took longer than an hour."
        return f"The inventory in NetBox is not up to date. {what} The next sync goes on with it."
    return f"The inventory in NetBox is not up to date: {sentence(error, '')}"


async def _read[Q, A](
    read: MethodSyncSingleParam[FabricActivities, Q, A],
    question: Q,
    config: FabricConfig,
    options: workflow.ActivityConfig,
    *,
    quick: bool,
) -> A:
    """Ask a fabric in the slots of those that answer, unless that is in doubt or turns out to be wrong."""
    site = _site_of(config)
    queue = site or observe_queue(workflow.info().task_queue)

    async def ask(queue: str, retries: RetryPolicy) -> A:
        there: workflow.ActivityConfig = {**options, "task_queue": queue, "retry_policy": retries}
        work = workflow.start_activity_method(read, question, **there)
        return await (_from_site(work, site, site) if site else work)

    if quick:
        try:
            return await ask(queue, _retries(ATTEMPTS, Unanswered))
        except ActivityError as error:
            if not _is(error, Unanswered):
                raise
    return await ask(patient_queue(queue), _retries(1))


def _inventory_queue_of(config: FabricConfig) -> str:
    return inventory_queue(_site_of(config) or observe_queue(workflow.info().task_queue))


def _site_of(config: FabricConfig) -> str:
    """The queue of the fabric's own site; empty where the workers that run the loops read it."""
    return "" if config.task_queue == workflow.info().task_queue else config.task_queue


async def _from_site[A](work: workflow.ActivityHandle[A], site: str, queue: str) -> A:
    """What a site's worker answers, however busy it is; while none does, ask whether `queue` has one."""
    pause = FIRST_QUESTION
    try:
        while not await _ends_within(work, pause):
            if not await _has_worker(queue):
                work.cancel()
                with suppress(ActivityError):
                    return await work  # a worker came after all
                raise ApplicationError(
                    f'No worker takes work from the task queue "{site}"; start one there with `python'
                    f" worker.py --task-queue {site} --activities-only`, or correct hh_task_queue."
                )
            pause = min(2 * pause, MAX_BUDGET)
    except (asyncio.CancelledError, ActivityError):  # whichever was waiting when this was cancelled
        work.cancel()
    return await work


async def _ends_within(work: workflow.ActivityHandle[Any], pause: timedelta) -> bool:
    with suppress(asyncio.TimeoutError):
        await workflow.wait_condition(
            work.done, timeout=pause, timeout_summary="then ask whether the site has a worker"
        )
    return work.done()


async def _has_worker(queue: str) -> bool:
    """Whether Temporal knows of a worker there; nobody is called missing because that is not known."""
    try:
        return await workflow.execute_activity_method(
            QueueActivities.has_worker,
            queue,
            schedule_to_close_timeout=FIRST_QUESTION,
            retry_policy=_retries(ATTEMPTS),
            summary=f"is there a worker on {queue}?"[:200],
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return True


def _is(error: ActivityError, kind: type[Exception]) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.type == kind.__name__


def _timeout_sentence(kind: TimeoutType | None, queue: str) -> str:
    if kind is TimeoutType.SCHEDULE_TO_START:
        where = f' on the task queue "{queue}"' if queue else ""
        return f"All workers{where} are busy; try again later, or start more."
    if kind is TimeoutType.HEARTBEAT:
        return "The worker that ran this was lost; the next sync tries again."
    return (
        "Reading Git and Kubernetes took longer than a sync may take; check which of them is slow."
    )


def _retries(attempts: int, *but_not: type[Exception]) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2.0,
        maximum_attempts=attempts,
        non_retryable_error_types=[error.__name__ for error in but_not],
    )
