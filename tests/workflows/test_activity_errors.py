"""Sentences about failed activity calls."""

import pytest
from temporalio.exceptions import ActivityError, TimeoutError, TimeoutType

from workflows.activity_errors import describe_inventory_error


@pytest.mark.parametrize(
    ("timeout", "beginning"),
    [
        (TimeoutType.SCHEDULE_TO_START, "All workers are busy; "),
        (TimeoutType.HEARTBEAT, "The worker was lost, or the update took longer than an hour."),
        (TimeoutType.START_TO_CLOSE, "The worker was lost, or the update took longer than an"),
    ],
)
def test_pass_that_no_worker_took_says_so(timeout: TimeoutType, beginning: str) -> None:
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="update_inventory",
        activity_id="1",
        retry_state=None,
    )
    error.__cause__ = TimeoutError("timed out", type=timeout, last_heartbeat_details=[])
    assert describe_inventory_error(error).startswith(beginning)
