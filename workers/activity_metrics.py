"""An interceptor that measures activities: how late, how long, with which result."""

from datetime import timedelta
from typing import Any, Final

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.errors import name_result
from telemetry.metrics import PHASE_DURATION, PHASE_LATENESS, PHASE_RUNS

PHASES: Final = {
    "observe": "observe",
    "read_health": "health",
    "load_record": "record",
    "record_result": "record",
    "update_inventory": "inventory",
    "reconcile": "round",
    "deliver": "notification",
}
"""Phases by the type of their activities. What commands of people start belongs to none."""


class ActivityMetricsInterceptor(Interceptor):
    """For a worker's `interceptors`, within those that convert errors."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: ANN401  as upstream
        info = activity.info()
        phase = PHASES.get(info.activity_type)
        if phase is None:
            return await super().execute_activity(input)
        waited = max(info.started_time - info.current_attempt_scheduled_time, timedelta())
        PHASE_LATENESS.labels(phase).observe(waited.total_seconds())
        failure: BaseException | None = None
        try:
            with PHASE_DURATION.labels(phase).time():
                return await super().execute_activity(input)
        except BaseException as error:
            failure = error
            raise
        finally:
            PHASE_RUNS.labels(phase, name_result(failure)).inc()
