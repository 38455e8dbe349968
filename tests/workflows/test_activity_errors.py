"""Sentences about failed activity calls."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from workflows.activity_calls import load_record
from workflows.activity_errors import (
    describe_delivery_error,
    describe_inventory_error,
    describe_netbox_error,
)

SLOW = "NetBox has not answered in time: it is slow, or busy with"


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
        (TimeoutType.HEARTBEAT, "The worker was lost; "),
        (TimeoutType.SCHEDULE_TO_START, SLOW),
        (TimeoutType.START_TO_CLOSE, SLOW),
        (TimeoutType.SCHEDULE_TO_CLOSE, SLOW),
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


def test_notification_that_was_tried_in_vain_names_the_last_reason() -> None:
    refused = ApplicationError("It refused the credentials.")
    given_up = make_timeout(TimeoutType.SCHEDULE_TO_CLOSE)
    assert given_up.cause is not None
    given_up.cause.__cause__ = refused
    for error in (make_error(refused), given_up):
        assert describe_delivery_error(error) == "It refused the credentials."
    unanswered = describe_delivery_error(make_timeout(TimeoutType.SCHEDULE_TO_START))
    assert "check FABRIC_SYNC_NOTIFICATIONS_FILE" in unanswered


@workflow.defn
class ReadTwoRecords:
    """Reads the same record twice at once, and says why the second was not read."""

    @workflow.run
    async def run(self) -> str:
        """Return the sentence."""
        first = asyncio.create_task(load_record("oslo", timedelta(seconds=30), retry=False))
        await workflow.sleep(0.1)
        try:
            await load_record("oslo", timedelta(seconds=1), retry=False)
        except ActivityError as error:
            return describe_netbox_error(error)
        finally:
            first.cancel()
        return "It was read."


@pytest.mark.server
async def test_record_call_that_got_no_slot_blames_netbox_that_holds_all_of_them() -> None:
    answered = asyncio.Event()

    @activity.defn(name="load_record")
    async def hang(fabric_id: str) -> None:
        await answered.wait()

    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(Path(sys.prefix, "bin", "temporal")),
            dev_server_startup_timeout=timedelta(minutes=1),
        ) as env,
        Worker(
            env.client,
            task_queue="netbox",
            workflows=[ReadTwoRecords],
            activities=[hang],
            max_concurrent_activities=1,
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
    ):
        sentence = await env.client.execute_workflow(
            ReadTwoRecords.run, id="read", task_queue="netbox"
        )
        answered.set()
    assert sentence.startswith(SLOW)
