"""Loops outlive releases: the code of today must be able to go on with a history of yesterday."""

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from fabrics.loop import workflow_id
from tests.workflows.record_history import HISTORY
from workflows.fabric_sync import FabricSync
from workflows.malformed_messages import IgnoreMalformedMessages


async def test_a_recorded_history_still_replays() -> None:
    replayer = Replayer(
        workflows=[FabricSync],
        data_converter=pydantic_data_converter,
        interceptors=[IgnoreMalformedMessages()],
    )
    history = WorkflowHistory.from_json(workflow_id("berlin"), HISTORY.read_text())
    assert len(history.events) > 100
    await replayer.replay_workflow(history)
