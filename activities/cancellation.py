"""Long work that is called off between two of its steps, never within one.

Temporal's SDK would raise an exception in the activity's thread, wherever that happens to be: also between
taking a connection and giving it back, which would then be lost to all. And the threads that an activity
starts would not hear of it. So what is long asks before each step.
"""

from collections.abc import Callable
from contextvars import copy_context

from temporalio import activity
from temporalio.exceptions import CancelledError


def create_cancellation_check() -> Callable[[], None]:
    """A function that raises `CancelledError` once this activity is cancelled. Any thread may call it.

    The activity must be defined with `no_thread_cancel_exception`.
    """
    context = copy_context()

    def check() -> None:
        # A context is entered by one thread at a time, so each call has one of its own.
        if context.copy().run(activity.is_cancelled):
            raise CancelledError("Stopped; the next run does what is left.")

    return check
