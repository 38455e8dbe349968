"""Replays of recorded histories: loops outlive releases."""

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop import loop
from fabrics.loop.inventory_pass import inventory_workflow_id
from tests.support.workflows.record_histories import (
    FLEET_HISTORY,
    HEALTH_HISTORY,
    HISTORY,
    INVENTORY_HISTORY,
    LOST_HISTORY,
    MALFORMED_HISTORY,
)
from workflows.fabric_inventory import FabricInventory
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet
from workflows.malformed_messages import MalformedMessageInterceptor


@pytest.mark.parametrize(
    ("workflow_id", "recorded", "min_events"),
    [
        pytest.param(loop.workflow_id("berlin"), HISTORY.read_text(), 100, id="FabricSync"),
        pytest.param(
            loop.workflow_id("berlin"), LOST_HISTORY.read_text(), 50, id="FabricSync, lost"
        ),
        pytest.param(
            loop.workflow_id("berlin"), HEALTH_HISTORY.read_text(), 50, id="FabricSync, health"
        ),
        pytest.param(
            loop.workflow_id("berlin"),
            MALFORMED_HISTORY.read_text(),
            50,
            id="FabricSync, malformed signals",
        ),
        pytest.param(
            inventory_workflow_id("berlin"), INVENTORY_HISTORY.read_text(), 10, id="FabricInventory"
        ),
        pytest.param(FLEET_WORKFLOW_ID, FLEET_HISTORY.read_text(), 60, id="Fleet"),
    ],
)
async def test_recorded_history_still_replays(
    workflow_id: str, recorded: str, min_events: int
) -> None:
    replayer = Replayer(
        workflows=[FabricSync, FabricInventory, Fleet],
        data_converter=pydantic_data_converter,
        interceptors=[MalformedMessageInterceptor()],
    )
    history = WorkflowHistory.from_json(workflow_id, recorded)
    assert len(history.events) > min_events
    await replayer.replay_workflow(history)
