"""The worker for workflows."""

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from fabrics.loop import loop
from tests.support.paths import RELEASE_HISTORIES
from workers.workflow_worker import RUNNER
from workflows.fabric_sync import FabricSync
from workflows.malformed_messages import MalformedMessageInterceptor


async def test_loops_share_the_modules_of_workflows(monkeypatch: pytest.MonkeyPatch) -> None:
    replayer = Replayer(
        workflows=[FabricSync],
        workflow_runner=RUNNER,
        data_converter=pydantic_data_converter,
        interceptors=[MalformedMessageInterceptor()],
    )

    def fail(cls: type) -> None:
        raise AssertionError(f"the module of {cls.__name__} was imported again")

    monkeypatch.setattr(workflow, "defn", fail)
    await replayer.replay_workflow(
        WorkflowHistory.from_json(
            loop.workflow_id("berlin"), (RELEASE_HISTORIES / "fabric_sync.json").read_text()
        )
    )
