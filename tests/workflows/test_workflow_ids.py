"""Copies of workflows under other ids, as people start them in the Web UI."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from fabrics.fleet.notifications import TargetState
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.inventory_pass import PassRequest
from fabrics.loop.loop import FabricLoop
from tests.support.workflows.loop_environment import config
from workflows.fabric_inventory import FabricInventory
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet, FleetState
from workflows.malformed_messages import MalformedMessageInterceptor
from workflows.notifications import FabricNotifications
from workflows.probe import Removal

QUEUE = "copies"

REQUEST = InventoryRequest(config=config(), live_digest="", expected_counts={}, sync_number=1)
PASS = PassRequest(token="t", request=REQUEST, retry=False)

HARMLESS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
}


@pytest.mark.parametrize(
    ("run", "argument", "id_", "advice"),
    [
        (
            FabricSync.run,
            FabricLoop(fabric_id="oslo"),
            "fabric-sync/oslo",
            "starter.py enable oslo",
        ),
        (FabricInventory.run, PASS, "fabric-inventory/oslo", "starter.py sync oslo --full"),
        (Removal.run, config(), "fabric-inventory/oslo", "starter.py remove oslo --inventory"),
        (Fleet.run, FleetState(), "fabric-fleet", "Workers start that one"),
        (
            FabricNotifications.run,
            TargetState(target="ops"),
            "fabric-notifications/ops",
            "Rounds of the fleet start that one",
        ),
    ],
)
@pytest.mark.parametrize("copy", ["a-copy", "fabric-sync/bergen", "fabric-sync/oslo/2"])
async def test_copy_under_another_id_ends_at_once_and_touches_nothing(  # noqa: PLR0917
    env: WorkflowEnvironment,
    run: Callable[..., Awaitable[Any]],
    argument: object,
    id_: str,
    advice: str,
    copy: str,
) -> None:
    worker = Worker(
        env.client,
        task_queue=QUEUE,
        workflows=[FabricSync, FabricInventory, Fleet, FabricNotifications, Removal],
        interceptors=[MalformedMessageInterceptor()],
    )
    async with worker:
        handle = await env.client.start_workflow(
            run, argument, id=copy, task_queue=QUEUE, start_signal="record_changed"
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.non_retryable
    sentence = caught.value.cause.message
    assert sentence.startswith(f"Nothing was done: only the workflow with the id {id_} may do")
    assert copy in sentence
    assert advice in sentence
    events = (await handle.fetch_history()).events
    assert {event.event_type for event in events} == HARMLESS
