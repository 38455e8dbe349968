"""A time-skipping Temporal server for each test, with a clock of its own."""

import shutil
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """Start a server that skips time whenever nothing is left to do."""
    server = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent))
    assert server is not None, "temporal-test-server is missing; run `make test`, which installs it"
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=server,
        test_server_startup_timeout=timedelta(minutes=1),  # its own 5 s are short on a busy machine
        data_converter=pydantic_data_converter,
    ) as environment:
        yield environment
