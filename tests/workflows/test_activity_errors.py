"""Sentences about failed activity calls."""

import pytest
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

from workflows.activity_errors import describe_inventory_error, describe_netbox_error


def make_error(cause: BaseException) -> ActivityError:
    """Return the error of a call that failed for this reason."""
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="update_inventory",
        activity_id="1",
        retry_state=None,
    )
    error.__cause__ = cause
    return error


def make_timeout(timeout: TimeoutType) -> ActivityError:
    """Return the error of a call that Temporal gave up."""
    return make_error(TimeoutError("timed out", type=timeout, last_heartbeat_details=[]))


@pytest.mark.parametrize(
    ("timeout", "beginning"),
    [
        (TimeoutType.SCHEDULE_TO_START, "All workers are busy; "),
        (TimeoutType.HEARTBEAT, "The worker was lost, or the update took longer than an hour."),
        (TimeoutType.START_TO_CLOSE, "The worker was lost, or the update took longer than an"),
    ],
)
def test_pass_that_no_worker_took_says_so(timeout: TimeoutType, beginning: str) -> None:
    assert describe_inventory_error(make_timeout(timeout)).startswith(beginning)


@pytest.mark.parametrize(
    ("timeout", "beginning"),
    [
        (TimeoutType.SCHEDULE_TO_START, "All workers are busy; "),
        (TimeoutType.HEARTBEAT, "The worker was lost; "),
        (TimeoutType.START_TO_CLOSE, "NetBox has not answered in time: it is slow, or busy with"),
        (
            TimeoutType.SCHEDULE_TO_CLOSE,
            "NetBox has not answered in time: it is slow, or busy with",
        ),
    ],
)
def test_netbox_is_blamed_only_for_what_it_can_have_delayed(
    timeout: TimeoutType, beginning: str
) -> None:
    sentence = describe_netbox_error(make_timeout(timeout))
    assert sentence.startswith(beginning)
    assert "check that it is up" not in sentence


def test_netbox_that_is_down_is_named_as_the_call_found_it() -> None:
    down = "NetBox at https://netbox refused the connection: nothing listens there."
    assert describe_netbox_error(make_error(ApplicationError(down))) == down
