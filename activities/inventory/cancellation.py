"""Cancellation of a long activity between two of its steps, never within one.

Temporal's SDK would raise an exception in the activity's thread wherever that is, even between taking a
connection from a pool and returning it, which would leak the connection. Threads that the activity started
would not notice at all. So long activities check before each step.
"""

from collections.abc import Callable
from contextvars import copy_context

from temporalio import activity
from temporalio.exceptions import CancelledError


def create_cancellation_check() -> Callable[[], None]:
    """Return a function that raises `CancelledError` once the activity is cancelled.

    The activity must be defined with `no_thread_cancel_exception`.
    """
    context = copy_context()

    def check() -> None:
        # Only one thread at a time can enter a context, so each call enters a copy.
        if context.copy().run(activity.is_cancelled):
            raise CancelledError("Cancelled; the next run continues.")

    return check
