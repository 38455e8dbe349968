"""What every activity gets without asking: a heartbeat while it runs, and errors that people can read.

Heartbeats come from the worker's event loop, beside the activity's thread, so they also come while an
activity waits for a network; a worker that was killed stops sending them and is noticed within one
heartbeat timeout. They repeat the details that the activity reported last, so progress is never lost.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.errors import PermanentError, TransientError, to_application_error

HEARTBEATS_PER_TIMEOUT = 4
"""So that one or two that are late do no harm."""

TASK_NAME = "heartbeats"

log = logging.getLogger("fabric_sync.activities")


class HeartbeatInterceptor(Interceptor):
    """For a worker's `interceptors`."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next)


class _Outbound(ActivityOutboundInterceptor):
    """Remembers what the activity last said about its progress."""

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
        async with self._sending_heartbeats(activity.info().heartbeat_timeout):
            try:
                return await super().execute_activity(input)
            except FailureError:
                raise
            except Exception as error:
                if not isinstance(error, TransientError | PermanentError):
                    log.exception("Activity %s failed unexpectedly", activity.info().activity_type)
                raise to_application_error(error) from None

    @asynccontextmanager
    async def _sending_heartbeats(self, heartbeat_timeout: timedelta | None) -> AsyncIterator[None]:
        beats = (
            asyncio.create_task(self._send_heartbeats(heartbeat_timeout), name=TASK_NAME)
            if heartbeat_timeout
            else None
        )
        try:
            yield
        finally:
            if beats:
                beats.cancel()

    async def _send_heartbeats(self, heartbeat_timeout: timedelta) -> None:
        while True:
            await asyncio.sleep(heartbeat_timeout.total_seconds() / HEARTBEATS_PER_TIMEOUT)
            self._outbound.repeat_last()
