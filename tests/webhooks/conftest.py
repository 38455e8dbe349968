"""Fixtures: a receiver with real Temporal and NetBox, and signal recorders."""

import logging
from collections.abc import AsyncIterator

import pytest

from tests.support.system.installation import Installation
from tests.support.webhooks.receiver import Recorder, StartRecorder, listening, receiver_settings


@pytest.fixture
def recorder(installation: Installation) -> StartRecorder:
    """Starts a workflow with a given id that records its signals."""

    async def start(workflow_id: str) -> Recorder:
        started = await installation.client.start_workflow(
            "Recorder", id=workflow_id, task_queue="nobody"
        )
        return Recorder(started)

    return start


@pytest.fixture
async def receiver(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[str]:
    """The URL of a running receiver."""
    caplog.set_level(logging.INFO)
    async with listening(installation, receiver_settings(installation)) as url:
        yield url
