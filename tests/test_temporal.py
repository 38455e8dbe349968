"""The connection to Temporal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.service import RPCError, RPCStatusCode

import temporal
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.system.tcp_proxy import CuttableProxy, proxy_to

pytestmark = pytest.mark.server

LONGER_THAN_DETECTION = timedelta(seconds=25)
"""The SDK's default would not even ask within that time whether the connection still works."""


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[CuttableProxy]:
    """Run a proxy to a Temporal server."""
    with closing(Supervisor(tmp_path)) as supervisor:
        server = await asyncio.to_thread(start_temporal, supervisor)
        async with proxy_to(int(server.address.split(":")[1])) as proxy:
            yield proxy


async def test_connection_that_is_dropped_in_silence_is_replaced_soon(proxy: CuttableProxy) -> None:
    client = await temporal.connect({"TEMPORAL_ADDRESS": f"127.0.0.1:{proxy.port}"})
    assert await client.service_client.check_health()
    proxy.stall()
    with pytest.raises(RPCError) as given_up:
        await client.service_client.check_health(timeout=LONGER_THAN_DETECTION)
    assert given_up.value.status is not RPCStatusCode.DEADLINE_EXCEEDED
    assert await client.service_client.check_health(timeout=LONGER_THAN_DETECTION)
