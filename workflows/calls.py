"""How a loop calls its activities: queues, budgets, retries, and what it says when a call fails.

Every activity heartbeats by itself from the worker (see `activities.heartbeat`), so a worker that was
killed is noticed within `LOST_WORKER` and the call starts again elsewhere.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

with workflow.unsafe.imports_passed_through():
    from activities.fleet import FleetActivities, Round, RoundRequest
    from activities.observe import FabricActivities, ObserveRequest
    from activities.record import RecordActivities, RecordRead, RecordUpdate
    from fabrics.config import FabricConfig
    from fabrics.diff import DiffReport
    from fabrics.status import Observation

LOST_WORKER: Final = timedelta(seconds=6)
MIN_BUDGET, MAX_BUDGET = timedelta(seconds=60), timedelta(seconds=300)
ATTEMPTS: Final = 3
LONGEST_ROUND: Final = timedelta(minutes=10)
"""A first round may have hundreds of records to write to, at some ten a second."""

BRIEF: Final = timedelta(seconds=2)
"""What a NetBox that has failed is given at least; a healthy one needs well under a second."""


def budget(config: FabricConfig | None) -> timedelta:
    """How long one call may take: an interval, within bounds that fit slow fabrics and quick ones."""
    return min(max(timedelta(seconds=config.interval if config else 0), MIN_BUDGET), MAX_BUDGET)


def observe_queue(task_queue: str) -> str:
    """The queue on which fabrics without one of their own are read: slots apart from NetBox's."""
    return f"{task_queue}-observe"


async def observe(request: ObserveRequest, *, answered_before: bool) -> Observation:
    """Read the fabric on its own queue; one attempt only where it did not answer last time."""
    config = request.config
    return await workflow.execute_activity_method(
        FabricActivities.observe,
        request,
        task_queue=_queue_of(config),
        # Only a site's queue can be without a worker while this workflow runs.
        schedule_to_start_timeout=budget(config) if config.task_queue else None,
        start_to_close_timeout=budget(config),
        heartbeat_timeout=LOST_WORKER,
        retry_policy=_retries(ATTEMPTS if answered_before else 1),
        summary=f"read Git and Kubernetes of {config.name}"[:200],
    )


async def diff(config: FabricConfig) -> DiffReport:
    """Compare the fabric on its own queue, once more where something passing is in the way."""
    return await workflow.execute_activity_method(
        FabricActivities.diff,
        config,
        task_queue=_queue_of(config),
        schedule_to_start_timeout=MIN_BUDGET,
        start_to_close_timeout=MIN_BUDGET,
        heartbeat_timeout=LOST_WORKER,
        retry_policy=_retries(2),
        summary=f"compare Git and Kubernetes of {config.name}"[:200],
    )


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


def round_sentence(error: ActivityError) -> str:
    """Why a round over all fabrics came to nothing."""
    if isinstance(error.cause, TimeoutError):
        return "The worker that made it was lost, or NetBox is too slow for it."
    return sentence(error, "")


def sentence(error: ActivityError, queue: str) -> str:
    """What went wrong, for people: `str(error)` is always "Activity task failed"."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.message
    if isinstance(cause, TimeoutError):
        return _timeout_sentence(cause.type, queue)
    return f"The sync was interrupted ({type(cause).__name__}); the next one tries again."


def _queue_of(config: FabricConfig) -> str:
    """The queue of the fabric's site; without one, or where the record names the loops' own, the default."""
    default = workflow.info().task_queue
    return observe_queue(default) if config.task_queue in ("", default) else config.task_queue


def _timeout_sentence(kind: TimeoutType | None, queue: str) -> str:
    if kind is TimeoutType.SCHEDULE_TO_START:
        return f'No worker took the work from the task queue "{queue}"; start one there, or correct hh_task_queue.'
    if kind is TimeoutType.HEARTBEAT:
        return "The worker that ran this was lost; the next sync tries again."
    return (
        "Reading Git and Kubernetes took longer than a sync may take; check which of them is slow."
    )


def _retries(attempts: int) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        backoff_coefficient=2.0,
        maximum_attempts=attempts,
    )
