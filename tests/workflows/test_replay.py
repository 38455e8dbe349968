"""Replays of recorded histories: workflows outlive releases."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.support.paths import HISTORIES, RELEASE_HISTORIES
from tests.support.workflows.commands import COMMANDS_FILE
from tests.support.workflows.record_histories import WORKFLOW_IDS
from workers.workflow_worker import WORKFLOWS
from workflows.malformed_messages import MalformedMessageInterceptor

RECORDED = sorted(file for file in HISTORIES.glob("*/*.json") if file.name != COMMANDS_FILE)

MIN_EVENTS = 11
"""Those of a workflow that makes one call."""


def read_workflow_type(file: Path) -> str:
    """Return the type of the workflow whose history this is."""
    first = json.loads(file.read_text())["events"][0]
    return str(first["workflowExecutionStartedEventAttributes"]["workflowType"]["name"])


def read_history(file: Path) -> WorkflowHistory:
    """Return the history, under the id of its workflow."""
    return WorkflowHistory.from_json(WORKFLOW_IDS[read_workflow_type(file)], file.read_text())


@pytest.mark.parametrize(
    "file", [pytest.param(file, id=f"{file.parent.name}-{file.stem}") for file in RECORDED]
)
async def test_recorded_history_still_replays(file: Path) -> None:
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        interceptors=[MalformedMessageInterceptor()],
    )
    history = read_history(file)
    assert len(history.events) >= MIN_EVENTS
    await replayer.replay_workflow(history)


def test_every_workflow_has_a_history_of_this_release() -> None:
    recorded = {read_workflow_type(file) for file in RECORDED if file.parent == RELEASE_HISTORIES}
    assert recorded == {workflow.__name__ for workflow in WORKFLOWS}, (
        "Record the histories of this release: `python -m tests.support.workflows.record_histories`."
    )
