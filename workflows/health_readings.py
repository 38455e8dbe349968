"""Readings of a fabric's agents between two syncs that are far apart."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.health import HealthReadingRequest
    from fabrics.loop.loop import FabricLoop
    from workflows import activity_calls, activity_errors


async def read(loop: FabricLoop, started: datetime) -> None:
    """Read the agents, and note what they say, or that they could not be read."""
    config, health = loop.effective_config, loop.request_health(started)
    assert config is not None  # noqa: S101  only a configured fabric has a sync to come
    assert health is not None  # noqa: S101  a reading is due only if health is watched
    try:
        request = HealthReadingRequest(config=config, health=health)
        assessment = await activity_calls.read_health(request)
    except (ActivityError, ApplicationError) as error:
        activity_errors.raise_if_cancelled(error)
        text = activity_errors.describe_error(error, config.task_queue)
        workflow.logger.info("The agents were not read: %s", text)
        assessment = None
    loop.end_health_reading(assessment, started)
