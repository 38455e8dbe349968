"""Loops outlive releases: the code of today must be able to go on with a history of yesterday."""

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import workflow_id
from tests.support.workflows.record_histories import FLEET_HISTORY, HISTORY, LOST_HISTORY
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet
from workflows.malformed_messages import MalformedMessageInterceptor


@pytest.mark.parametrize(
    ("of", "recorded", "events"),
    [
        pytest.param(workflow_id("berlin"), HISTORY.read_text(), 100, id="FabricSync"),
        pytest.param(workflow_id("berlin"), LOST_HISTORY.read_text(), 50, id="FabricSync, lost"),
        pytest.param(FLEET_WORKFLOW_ID, FLEET_HISTORY.read_text(), 60, id="Fleet"),
    ],
)
async def test_a_recorded_history_still_replays(of: str, recorded: str, events: int) -> None:
    replayer = Replayer(
        workflows=[FabricSync, Fleet],
        data_converter=pydantic_data_converter,
        interceptors=[MalformedMessageInterceptor()],
    )
    history = WorkflowHistory.from_json(of, recorded)
    assert len(history.events) > events
    await replayer.replay_workflow(history)
