"""Loops that Temporal lets nobody talk to, and a fleet that cannot get on, with a real Temporal server.

Workers run in this very process, so that their parts can be looked at.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from sys import prefix
from threading import Semaphore

import pytest
import requests
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

import worker
from activities.fleet import FleetActivities, RoundRequest
from activities.netbox.client import NetBox, Row
from activities.netbox.http import create_session
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import workflow_id
from settings import Settings
from tests.support.system.fleet import fleet_of
from tests.support.system.installation import until
from workflows.fleet import Fleet

NOBODY = "nobody"
MOST_SIGNALS = 2
"""Temporal's own limit is 10,000: a loop that nobody works on reaches it within days."""


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A server that takes few signals for one workflow."""
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
        dev_server_startup_timeout=timedelta(minutes=1),
        dev_server_extra_args=[
            "--dynamic-config-value",
            f"history.maximumSignalsPerExecution={MOST_SIGNALS}",
        ],
    ) as env:
        yield env.client


class Records(NetBox):
    """A NetBox with these records, each of which has its fabric id already."""

    def __init__(self, *fabric_ids: str) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self._rows = [_row(number, name) for number, name in enumerate(fabric_ids, start=1)]

    def records(self, **_filters: object) -> list[Row]:
        return self._rows


def _row(number: int, fabric_id: str) -> Row:
    fields = {
        "hh_fabric_id": fabric_id,
        "hh_sync_enabled": True,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_sync_status": "never_synced",
    }
    return {"id": number, "name": f"DC {fabric_id}", "status": "active", "custom_fields": fields}


async def signalled_too_often(client: Client, fabric_id: str) -> WorkflowHandle[object, object]:
    """A loop that takes no signal any more."""
    loop = await client.start_workflow("FabricSync", id=workflow_id(fabric_id), task_queue=NOBODY)
    for _ in range(MOST_SIGNALS):
        await loop.signal("record_changed")
    return loop


async def running(client: Client) -> Sequence[str]:
    """The ids of all workflows that run."""
    return sorted([each.id async for each in client.list_workflows("ExecutionStatus = 'Running'")])


async def test_a_loop_that_takes_no_message_keeps_no_other_from_its_own(client: Client) -> None:
    deaf = await signalled_too_often(client, "deaf")
    fleet = FleetActivities(
        netbox=Records("deaf", "new"),
        client=client,
        task_queue=NOBODY,
        instance="here",
        netbox_heartbeat=900,
        release="",
    )
    seen = await ActivityEnvironment().run(fleet.reconcile, RoundRequest())
    assert await running(client) == [deaf.id, workflow_id("new")]
    (problem,) = seen.summary.problems
    assert problem.startswith("The loop of deaf takes no message")
    new = await client.get_workflow_handle(workflow_id("new")).describe()
    assert await new.static_summary() == "keeps the fabric new in sync"


async def test_a_fleet_that_can_never_get_on_is_replaced(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(worker, "FLEET_CHECK_INTERVAL", timedelta(seconds=0.1))
    settings = Settings(netbox_url="http://127.0.0.1:1", cache_dir=tmp_path)
    wedged = await client.start_workflow(
        "Fleet", "no state of a fleet", id=FLEET_WORKFLOW_ID, task_queue=settings.task_queue
    )
    fleet = fleet_of(client)

    async def run() -> str | None:
        return (await fleet.describe()).run_id

    async with worker.running_worker(client, settings):
        new = await until(run, lambda now: now != wedged.first_execution_run_id)
        told = await until(partial(fleet.query, Fleet.summary), lambda told: told.error != "")
        assert "nothing listens there" in told.error
        assert await run() == new


async def test_all_that_a_worker_asks_of_netbox_counts_together(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limits: list[Semaphore | None] = []

    def noted(
        token: str, connect_timeout: float, timeout: float, at_once: int, shared: Semaphore | None
    ) -> requests.Session:
        limits.append(shared)
        return create_session(token, connect_timeout, timeout, at_once, shared)

    monkeypatch.setattr("activities.netbox.client.create_session", noted)
    settings = Settings(netbox_url="http://127.0.0.1:1", cache_dir=tmp_path)
    async with worker.running_worker(client, settings):
        records, inventories = limits
    assert records is not None
    assert records is inventories
