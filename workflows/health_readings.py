"""Readings of a fabric's agents between two syncs that are far apart."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.health import HealthReadingRequest
    from fabrics.agents.health import HealthAssessment
    from fabrics.loop.loop import FabricLoop
    from workflows import activity_calls, activity_errors


async def read(loop: FabricLoop, started: datetime, is_interrupted: Callable[[], bool]) -> None:
    """Read the agents, and note what they say, or that they could not be read.

    The reading ends before the next slot, and is given up when the loop has something else to do.
    """
    config, health = loop.effective_config, loop.request_health(started)
    assert config is not None  # noqa: S101  only a configured fabric has a sync to come
    assert health is not None  # noqa: S101  a reading is due only if health is watched
    request = HealthReadingRequest(config=config, health=health)
    until_due = loop.next_sync - started if loop.next_sync else None
    reading = asyncio.create_task(_try_read(request, until_due))
    try:
        await workflow.wait_condition(lambda: reading.done() or is_interrupted())
    finally:
        reading.cancel()
    loop.end_health_reading(reading.result() if reading.done() else None, started)


async def _try_read(
    request: HealthReadingRequest, until_due: timedelta | None
) -> HealthAssessment | None:
    try:
        return await activity_calls.read_health(request, until_due)
    except (ActivityError, ApplicationError) as error:
        activity_errors.raise_if_cancelled(error)
        text = activity_errors.describe_error(error, request.config.task_queue)
        workflow.logger.info("The agents were not read: %s", text)
        return None
