"""Fixtures of whole installations."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.support.system.installation import Installation
from tests.support.system.restartable_temporal import restartable_temporal


@pytest.fixture
async def recorded(installation: Installation, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation whose Temporal keeps its state in the file `temporal.db`."""
    async with restartable_temporal(tmp_path) as server, server.up():
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        installation.overrides |= {"TEMPORAL_ADDRESS": server.address}
        yield replace(installation, client=client)
