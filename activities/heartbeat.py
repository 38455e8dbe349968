"""An interceptor that sends every activity's heartbeats and converts its errors.

Heartbeats come from the worker's event loop, not from the activity's thread, so they continue while an
activity waits for the network. A worker that was killed stops sending them and is noticed within one
heartbeat timeout. They repeat the details that the activity reported last, so no progress is lost.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from temporalio import activity
from temporalio.exceptions import (
    ApplicationError,
    ApplicationErrorCategory,
    CancelledError,
    FailureError,
)
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.errors import PermanentError, TransientError, to_application_error

HEARTBEATS_PER_TIMEOUT = 4
"""Several, so that one or two late heartbeats do no harm."""

TASK_NAME = "heartbeats"

log = logging.getLogger("fabric_sync.activities")


class HeartbeatInterceptor(Interceptor):
    """For a worker's `interceptors`."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next)


class _Outbound(ActivityOutboundInterceptor):
    """Remembers the details of the activity's last heartbeat."""

    def __init__(self, next: ActivityOutboundInterceptor) -> None:
        super().__init__(next)
        self._details: Sequence[Any] = tuple(next.info().heartbeat_details)

    def heartbeat(self, *details: Any) -> None:  # noqa: ANN401  as declared upstream
        self._details = details
        super().heartbeat(*details)

    def repeat_last(self) -> None:
        super().heartbeat(*self._details)


class _Inbound(ActivityInboundInterceptor):
    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._outbound = _Outbound(outbound)
        super().init(self._outbound)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: ANN401  as upstream
        heartbeats = asyncio.create_task(self._send_heartbeats(), name=TASK_NAME)
        try:
            return await super().execute_activity(input)
        except (asyncio.CancelledError, CancelledError):
            if not _was_given_up():
                raise
            raise ApplicationError(
                "Temporal had given this call up.", category=ApplicationErrorCategory.BENIGN
            ) from None
        except FailureError:
            raise
        except Exception as error:
            if not isinstance(error, TransientError | PermanentError):
                log.exception("Activity %s failed unexpectedly", activity.info().activity_type)
            raise to_application_error(error) from None
        finally:
            heartbeats.cancel()

    async def _send_heartbeats(self) -> None:
        timeout = activity.info().heartbeat_timeout
        while timeout:
            await asyncio.sleep(timeout.total_seconds() / HEARTBEATS_PER_TIMEOUT)
            self._outbound.repeat_last()


def _was_given_up() -> bool:
    """True if the activity is cancelled because Temporal no longer waits for it.

    Its workflow knows that already. The SDK would log a traceback for it, as if this were a defect.
    """
    details = activity.cancellation_details()
    return details is not None and (details.timed_out or details.not_found)
