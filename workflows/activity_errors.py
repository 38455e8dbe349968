"""Handling of failed activity calls: retries, and sentences for people.

The text of an `ActivityError` is always "Activity task failed", so every sentence comes from its cause.
"""

import asyncio
from datetime import timedelta
from typing import Any, Final

from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    TimeoutError,
    TimeoutType,
    is_cancelled_exception,
)

MAX_ATTEMPTS: Final = 3


def build_retry_policy(*non_retryable: type[Exception], retry: bool = True) -> RetryPolicy:
    """Return a policy of `MAX_ATTEMPTS`, the second after 0.5 s, or of a single one."""
    return RetryPolicy(
        initial_interval=timedelta(milliseconds=500),
        maximum_attempts=MAX_ATTEMPTS if retry else 1,
        non_retryable_error_types=[error.__name__ for error in non_retryable],
    )


def raise_if_cancelled(error: FailureError) -> None:
    """Raise the error of a call that was cancelled: it has not failed."""
    if is_cancelled_exception(error):
        raise error


def was_cancelled(task: asyncio.Task[Any]) -> bool:
    """True if an ended task was cancelled, by itself or by a call that it made."""
    error = None if task.cancelled() else task.exception()
    return task.cancelled() or (error is not None and is_cancelled_exception(error))


def is_caused_by(error: ActivityError, error_type: type[Exception]) -> bool:
    """True if the activity raised an error of this type."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == error_type.__name__


def describe_error(error: ActivityError | ApplicationError, queue: str = "") -> str:
    """Say why a call on this task queue failed."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        return cause.message
    if not isinstance(cause, TimeoutError):
        return f"The worker was interrupted ({type(cause).__name__}); the next attempt starts over."
    if cause.type is TimeoutType.SCHEDULE_TO_START:
        where = f' on the task queue "{queue}"' if queue else ""
        return f"All workers{where} are busy; try again later, or start more workers."
    if cause.type is TimeoutType.HEARTBEAT:
        return "The worker was lost; the next attempt starts over."
    return "Git, Kubernetes or NetBox took too long to answer; check which of them is slow."


def describe_netbox_error(error: ActivityError) -> str:
    """Say why the record was not read or written.

    A NetBox that is down is named by the activity itself; a call that only took too long may have waited for its turn,
    while all others waited for NetBox.
    """
    cause = error.cause
    if isinstance(cause, TimeoutError) and cause.type is not TimeoutType.HEARTBEAT:
        return (
            "NetBox has not answered in time: it is slow, or busy with other requests, such as the first load of an"
            " inventory. It is asked again."
        )
    return describe_error(error)


def describe_round_error(error: ActivityError) -> str:
    """Say why a round over all fabrics failed."""
    if isinstance(error.cause, TimeoutError):
        return "The worker was lost, or NetBox was too slow; the next round tries again."
    return describe_error(error)


def describe_inventory_error(error: ActivityError | ApplicationError) -> str:
    """Say why the inventory was not brought up to date."""
    cause = error.cause
    if isinstance(cause, TimeoutError) and cause.type is not TimeoutType.SCHEDULE_TO_START:
        return (
            "The worker was lost, or the update took longer than an hour. A later sync continues."
        )
    return describe_error(error)


def describe_delivery_error(error: ActivityError) -> str:
    """Say why the last attempt to deliver a notification failed."""
    cause = error.cause
    last = cause.cause if isinstance(cause, TimeoutError) else cause
    if isinstance(last, ApplicationError):
        return last.message
    return "It took too long, or no worker has notifications: check FABRIC_SYNC_NOTIFICATIONS_FILE of the workers."
