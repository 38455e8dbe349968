"""The workflow and the fabric that a log line is about."""

import logging
from dataclasses import replace

import pytest
from temporalio.testing import ActivityEnvironment

from workers.log_context import ContextFilter


def read_context(workflow_id: str | None) -> dict[str, object]:
    """Return what is added to a record in an activity of this workflow, or in none."""
    record = logging.LogRecord("test", logging.INFO, "", 0, "It happens.", (), None)
    before = set(record.__dict__)
    if workflow_id is None:
        assert ContextFilter().filter(record)
    else:
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info, workflow_id=workflow_id, workflow_run_id="run-1"
        )
        assert environment.run(ContextFilter().filter, record)
    return {name: value for name, value in record.__dict__.items() if name not in before}


@pytest.mark.parametrize("workflow_id", ["fabric-sync/oslo", "fabric-inventory/oslo"])
def test_line_of_an_activity_names_fabric_workflow_and_run(workflow_id: str) -> None:
    assert read_context(workflow_id) == {
        "fabric": "oslo",
        "workflow_id": workflow_id,
        "run_id": "run-1",
    }


def test_line_of_the_fleet_names_no_fabric() -> None:
    assert read_context("fabric-fleet") == {"workflow_id": "fabric-fleet", "run_id": "run-1"}


def test_other_lines_have_no_context() -> None:
    assert read_context(None) == {}
