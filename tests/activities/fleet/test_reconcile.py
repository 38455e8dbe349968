"""Loops that accept no signals, and a stuck fleet, with a real Temporal server.

Workers run in the process of the tests, so that their parts can be inspected.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from sys import prefix
from threading import Semaphore
from unittest.mock import AsyncMock, Mock

import pytest
import requests
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

import worker
from activities.errors import PermanentError, TransientError
from activities.executions import is_failing, is_stuck, list_running
from activities.fleet.installation import get_instance
from activities.fleet.loops import REPLACEMENT
from activities.fleet.reconcile import FleetActivities, RoundRequest
from activities.netbox.client import NetBox, Row
from activities.netbox.http import create_session
from activities.search_attributes import CONFIG_ATTRIBUTE
from activities.secrets.sources import SecretSource
from codec.converter import build_data_converter
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.loop import workflow_id
from fabrics.record.config_fields import parse_config
from fabrics.record.status_fields import build_status_fields
from fabrics.record.sync_status import LastKnownState
from settings import Settings
from tests.support.metrics import read_metric
from tests.support.secrets.encryption_keys import write_keys
from tests.support.system.fleet import fleet_handle
from tests.support.system.installation import wait_until
from tests.support.workflows.rpc_errors import namespace_not_found
from workflows.fabric_inventory import FabricInventory
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet

pytestmark = pytest.mark.server

CANCEL_REQUESTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED

NOBODY = "nobody"
FAILING = "failing"
MOST_SIGNALS = 2
"""Temporal's own limit is 10,000; a loop without a worker reaches it within days."""


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a server that accepts few signals per workflow."""
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
        dev_server_startup_timeout=timedelta(minutes=1),
        dev_server_extra_args=[
            "--dynamic-config-value",
            f"history.maximumSignalsPerExecution={MOST_SIGNALS}",
            "--dynamic-config-value",
            "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
        ],
    ) as env:
        yield env.client


class FakeNetBox(NetBox):
    """A NetBox with records of these fabric ids; `listed` is when they were read."""

    listed: datetime | None = None

    def __init__(self, *fabric_ids: str) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self._rows = [_row(number, name) for number, name in enumerate(fabric_ids, start=1)]

    def list_records(self, **_filters: object) -> list[Row]:
        self.listed = datetime.now(UTC)
        return self._rows

    def check_all_records_visible(self) -> None:
        """Nothing: a loop whose record is gone may still be listed."""


class ChangingNetBox(FakeNetBox):
    """A NetBox with these fabric ids; `change` happens while a round reads it."""

    def __init__(self, change: Callable[[], Coroutine[None, None, None]], *fabric_ids: str) -> None:
        super().__init__(*fabric_ids)
        self._change = change
        self._event_loop = asyncio.get_running_loop()

    def list_records(self, **_filters: object) -> list[Row]:
        asyncio.run_coroutine_threadsafe(self._change(), self._event_loop).result()
        return super().list_records()


class LostNamespace(Interceptor):
    """A server that lists workflows, but misses the namespace of signals."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _LostNamespace(next)


class _LostNamespace(OutboundInterceptor):
    async def signal_workflow(self, input: SignalWorkflowInput) -> None:
        raise namespace_not_found()


def _row(number: int, fabric_id: str) -> Row:
    fields = {
        "hh_fabric_id": fabric_id,
        "hh_sync_enabled": True,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
    }
    row = {"id": number, "name": f"DC {fabric_id}", "status": "active", "custom_fields": fields}
    fields |= build_status_fields(parse_config(row), LastKnownState())
    return row


async def start_loop_without_signals(
    client: Client, fabric_id: str
) -> WorkflowHandle[object, object]:
    """Start a loop and use up its signals."""
    loop = await client.start_workflow("FabricSync", id=workflow_id(fabric_id), task_queue=NOBODY)
    for _ in range(MOST_SIGNALS):
        await loop.signal("record_changed")
    return loop


async def start_inventory_workflow(
    client: Client, workflow_type: str, fabric_id: str
) -> WorkflowHandle[object, object]:
    """Start a workflow that writes or removes the fabric's inventory."""
    return await client.start_workflow(
        workflow_type, id=inventory_workflow_id(fabric_id), task_queue=NOBODY
    )


async def was_cancelled(handle: WorkflowHandle[object, object]) -> bool:
    """Return whether somebody has requested that the workflow be cancelled."""
    return await count_events(handle, CANCEL_REQUESTED) > 0


async def count_events(handle: WorkflowHandle[object, object], event_type: int) -> int:
    """Return the number of events of a type in a workflow's history."""
    events = (await handle.fetch_history()).events
    return sum(event.event_type == event_type for event in events)


@workflow.defn(name="FabricInventory")
class WritingPass:
    """A pass that writes, on a queue that nobody serves, and has a bug."""

    def __init__(self) -> None:
        self.is_signalled = False

    @workflow.run
    async def run(self) -> None:
        """Begin an activity, and fail when something else happens."""
        workflow.start_activity(
            "update_inventory", task_queue=NOBODY, start_to_close_timeout=timedelta(hours=1)
        )
        await workflow.wait_condition(lambda: self.is_signalled)
        raise ZeroDivisionError

    @workflow.signal
    def go_on(self) -> None:
        """Let the bug show."""
        self.is_signalled = True


@workflow.defn(name="FabricSync")
class IdleLoop:
    """A loop that is at work, on a queue that nobody serves, or waits for nothing."""

    @workflow.run
    async def run(self, is_at_work: bool) -> None:
        """Begin an activity if it is to be at work; never end."""
        if is_at_work:
            await workflow.execute_activity(
                "observe", task_queue=NOBODY, start_to_close_timeout=timedelta(hours=1)
            )
        await workflow.wait_condition(lambda: False)


async def running(client: Client) -> Sequence[str]:
    """List the ids of all running workflows."""
    return sorted(
        [execution.id async for execution in client.list_workflows("ExecutionStatus = 'Running'")]
    )


def failing_workflows(client: Client, *workflows: type) -> Worker:
    """Return a worker for workflows whose tasks fail."""
    return Worker(
        client,
        task_queue=FAILING,
        workflows=workflows,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def start_failing(
    client: Client, workflow_type: str, id_: str, *arguments: object, **memo: bool
) -> WorkflowHandle[object, object]:
    """Start a workflow whose task is tried again soon when it fails."""
    return await client.start_workflow(
        workflow_type,
        args=arguments,
        id=id_,
        task_queue=FAILING,
        task_timeout=timedelta(seconds=1),
        memo=memo,
    )


async def wait_until_stuck(client: Client, *ids: str) -> None:
    """Wait until Temporal lists these workflows as failing, and they are stuck."""

    async def find_stuck() -> set[str]:
        listed = await list_running(client, "ExecutionStatus = 'Running'")
        return {run.id for run in listed if is_failing(run) and await is_stuck(client, run.id)}

    await wait_until(find_stuck, lambda found: found == set(ids))


async def make_round(client: Client, netbox: NetBox, instance: str = "") -> FleetSummary:
    """Make a round over these records, and return its summary.

    `instance` is the name that the worker had at its start, by default the one of now.
    """
    fleet = FleetActivities(
        netbox=netbox,
        client=client,
        task_queue=NOBODY,
        instance=instance or await get_instance(client),
        netbox_heartbeat=900,
        interval=30,
        release="",
    )
    return (await ActivityEnvironment().run(fleet.reconcile, RoundRequest())).summary


async def test_summary_is_not_newer_than_what_the_round_has_read(client: Client) -> None:
    netbox = FakeNetBox()
    summary = await make_round(client, netbox)
    assert summary.checked is not None
    assert netbox.listed is not None
    assert summary.checked <= netbox.listed


async def test_round_shows_its_fabrics_as_metrics(client: Client) -> None:
    await make_round(client, FakeNetBox("oslo", "lyon"))
    status = "fabric_sync_fabric_status"
    assert read_metric(status, fabric="oslo", status="never_synced") == 1
    await make_round(client, FakeNetBox("lyon"))
    assert read_metric(status, fabric="oslo", status="never_synced") == 0
    assert read_metric(status, fabric="lyon", status="never_synced") == 1


async def test_loop_that_rejects_signals_does_not_affect_others(client: Client) -> None:
    deaf = await start_loop_without_signals(client, "deaf")
    summary = await make_round(client, FakeNetBox("deaf", "new"))
    await wait_until(partial(running, client), lambda ids: ids == [deaf.id, workflow_id("new")])
    (problem,) = summary.problems
    assert problem.startswith("The loop of deaf accepts no signals")
    new = await client.get_workflow_handle(workflow_id("new")).describe()
    assert await new.static_summary() == "keeps the fabric new in sync"


async def test_round_without_a_namespace_fails_and_calls_no_loop_missing(client: Client) -> None:
    id_ = workflow_id("kept")
    loop = await client.start_workflow("FabricSync", id=id_, task_queue=NOBODY)
    await wait_until(partial(running, client), lambda ids: ids == [id_])
    config = client.config() | {"interceptors": [LostNamespace()]}
    with pytest.raises(TransientError, match="Temporal accepts no signals"):
        await make_round(Client(**config), FakeNetBox("kept"))
    assert (await client.get_workflow_handle(id_).describe()).run_id == loop.first_execution_run_id


async def test_worker_that_finds_another_namespace_of_the_same_name_changes_nothing(
    client: Client,
) -> None:
    netbox = FakeNetBox("dc")
    with pytest.raises(
        PermanentError, match=r"\(default@before then, default@.* now\), .*: restart all"
    ):
        await make_round(client, netbox, "default@before")
    assert netbox.listed is None
    with pytest.raises(RPCError, match="not found"):
        await client.get_workflow_handle(workflow_id("dc")).describe()


@pytest.mark.parametrize("is_needed", [False, True])
async def test_loop_that_ends_during_a_round_starts_again_only_if_its_record_needs_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, is_needed: bool
) -> None:
    id_ = workflow_id("ending")
    loop = await client.start_workflow("FabricSync", id=id_, task_queue=NOBODY)
    await wait_until(partial(running, client), lambda ids: ids == [id_])

    netbox = ChangingNetBox(loop.terminate, "ending")
    row = _row(1, "ending") | ({} if is_needed else {"status": {"value": "offline"}})
    monkeypatch.setattr(netbox, "find_record", {"ending": row}.get)
    summary = await make_round(client, netbox)
    assert summary.problems == ()
    latest = await client.get_workflow_handle(id_).describe()
    assert (latest.status is WorkflowExecutionStatus.RUNNING) is is_needed


@pytest.mark.parametrize("is_at_work", [False, True])
async def test_overdue_loop_is_signalled_unless_it_is_at_work(
    client: Client, monkeypatch: pytest.MonkeyPatch, is_at_work: bool
) -> None:
    queue = "loops"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[IdleLoop],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        loop = await client.start_workflow(
            "FabricSync",
            is_at_work,
            id=workflow_id("late"),
            task_queue=queue,
            memo={CONFIG_ATTRIBUTE.name: parse_config(_row(1, "late")).hash},
        )
        await wait_until(partial(count_events, loop, TASK_COMPLETED), lambda count: count == 1)
        await wait_until(partial(running, client), lambda ids: ids == [loop.id])
        clock = Mock(wraps=datetime)
        clock.now.side_effect = lambda tz: datetime.now(tz) + timedelta(hours=1)
        monkeypatch.setattr("activities.fleet.reconcile.datetime", clock)
        summary = await make_round(client, FakeNetBox("late"))
        assert summary.stale == ("DC late",)
        assert await count_events(loop, SIGNALED) == (0 if is_at_work else 1)


async def test_loop_whose_task_keeps_failing_is_replaced_long_before_it_is_overdue(
    client: Client,
) -> None:
    async with failing_workflows(client, FabricSync):
        stuck = await start_failing(client, "FabricSync", workflow_id("stuck"), "no state")
        await stuck.signal("pause", "works in the rack")
        await wait_until_stuck(client, stuck.id)
        summary = await make_round(client, FakeNetBox("stuck"))
    new = client.get_workflow_handle(stuck.id)
    assert (await new.describe()).run_id != stuck.first_execution_run_id
    assert await list_signals(new) == [("pause", "works in the rack")]
    [problem] = summary.problems
    assert problem.startswith(f"The workflow {stuck.id} fails at its task again and again (")
    assert summary.stale == ()


async def test_loop_that_fails_in_the_place_of_a_failing_one_is_not_replaced(
    client: Client,
) -> None:
    async with failing_workflows(client, FabricSync):
        id_ = workflow_id("stuck")
        stuck = await start_failing(client, "FabricSync", id_, "no state", **{REPLACEMENT: True})
        await wait_until_stuck(client, stuck.id)
        summary = await make_round(client, FakeNetBox("stuck"))
    now = await client.get_workflow_handle(stuck.id).describe()
    assert now.run_id == stuck.first_execution_run_id
    assert "and so did the one before" in summary.problems[0]


def make_keyed_and_keyless(client: Client, folder: Path) -> tuple[Client, Client]:
    """Return a client that encrypts with a key, and one that lacks it."""
    keys_file = write_keys(folder / "keys", "a")
    return (
        Client(client.service_client, data_converter=build_data_converter(keys_file)),
        Client(client.service_client, data_converter=build_data_converter()),
    )


@pytest.mark.parametrize("lacks_key", ["worker", "round", "worker and round"])
async def test_loop_that_somebody_cannot_decrypt_is_left_alone(
    client: Client, tmp_path: Path, lacks_key: str
) -> None:
    """The last task fails for want of a key, or the round cannot read its input."""
    keyed, keyless = make_keyed_and_keyless(client, tmp_path)
    worker_client = keyless if "worker" in lacks_key else keyed
    round_client = keyless if "round" in lacks_key else keyed
    async with failing_workflows(worker_client, FabricSync):
        loop = await start_failing(keyed, "FabricSync", workflow_id("stuck"), "no state")
        await wait_until_stuck(keyed, loop.id)
        summary = await make_round(round_client, FakeNetBox("stuck"))
    assert (await loop.describe()).run_id == loop.first_execution_run_id
    [problem] = summary.problems
    expected = "A worker lacks a key" if "worker" in lacks_key else "the key a has encrypted"
    assert expected in problem


async def test_loop_in_the_place_of_a_failing_one_is_known_without_the_key(
    client: Client, tmp_path: Path
) -> None:
    """The key that was in use when it was started may be gone."""
    keyed, keyless = make_keyed_and_keyless(client, tmp_path)
    id_ = workflow_id("stuck")
    async with failing_workflows(keyed, FabricSync):
        await start_failing(keyed, "FabricSync", id_, "no state")
        await wait_until_stuck(keyed, id_)
        await make_round(keyed, FakeNetBox("stuck"))
    execution = await keyless.get_workflow_handle(id_).describe()
    assert await execution.memo_value(REPLACEMENT) is True


async def test_loop_whose_memo_cannot_be_decrypted_reads_its_record_again(
    client: Client, tmp_path: Path
) -> None:
    keyed, keyless = make_keyed_and_keyless(client, tmp_path)
    memo = {CONFIG_ATTRIBUTE.name: parse_config(_row(1, "late")).hash}
    loop = await keyed.start_workflow(
        "FabricSync", True, id=workflow_id("late"), task_queue=NOBODY, memo=memo
    )
    await wait_until(partial(running, client), lambda ids: ids == [loop.id])
    await make_round(keyless, FakeNetBox("late"))
    assert await count_events(loop, SIGNALED) == 1


async def list_signals(workflow: WorkflowHandle[object, object]) -> list[tuple[str, object]]:
    """Return the names and the first arguments of all signals."""
    signals = [
        event.workflow_execution_signaled_event_attributes
        for event in (await workflow.fetch_history()).events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    return [(signal.signal_name, json.loads(signal.input.payloads[0].data)) for signal in signals]


async def test_pass_whose_task_keeps_failing_is_ended(client: Client) -> None:
    await client.start_workflow("FabricSync", id=workflow_id("stuck"), task_queue=NOBODY)
    async with failing_workflows(client, FabricInventory):
        id_ = inventory_workflow_id("stuck")
        stuck = await start_failing(client, "FabricInventory", id_, "no request")
        await wait_until_stuck(client, stuck.id)
        summary = await make_round(client, FakeNetBox("stuck"))
    assert (await stuck.describe()).status is WorkflowExecutionStatus.TERMINATED
    assert f"The workflow {stuck.id} fails at its task again and again" in summary.problems[0]


async def test_failing_pass_whose_activity_may_write_is_left_alone(client: Client) -> None:
    await client.start_workflow("FabricSync", id=workflow_id("stuck"), task_queue=NOBODY)
    async with failing_workflows(client, WritingPass):
        stuck = await start_failing(client, "FabricInventory", inventory_workflow_id("stuck"))
        await wait_until(partial(count_events, stuck, TASK_COMPLETED), lambda count: count == 1)
        await stuck.signal("go_on")
        await wait_until_stuck(client, stuck.id)
        summary = await make_round(client, FakeNetBox("stuck"))
    assert (await stuck.describe()).status is WorkflowExecutionStatus.RUNNING
    assert summary.problems == ()


async def test_inventory_that_no_loop_waits_for_is_cancelled(client: Client) -> None:
    await client.start_workflow("FabricSync", id=workflow_id("kept"), task_queue=NOBODY)
    kept = await start_inventory_workflow(client, "FabricInventory", "kept")
    lost = await start_inventory_workflow(client, "FabricInventory", "lost")
    everything = sorted([workflow_id("kept"), kept.id, lost.id])
    await wait_until(partial(running, client), lambda ids: ids == everything)
    await make_round(client, FakeNetBox("kept"))
    assert await was_cancelled(lost)
    assert not await was_cancelled(kept)


async def test_copies_under_other_ids_neither_count_nor_stop_a_round(client: Client) -> None:
    kept = await client.start_workflow("FabricSync", id=workflow_id("kept"), task_queue=NOBODY)
    copies = [
        await client.start_workflow(
            workflow_type, id=f"{workflow_type}-{number}", task_queue=NOBODY
        )
        for workflow_type in ("FabricSync", "FabricInventory")
        for number in range(4)
    ]
    await wait_until(partial(running, client), lambda ids: len(ids) == len([kept, *copies]))
    summary = await make_round(client, FakeNetBox("kept"))
    assert (summary.loops, summary.problems) == (1, ())
    for copy in copies:
        assert not await was_cancelled(copy)
        assert await count_events(copy, SIGNALED) == 0


async def test_running_removal_is_not_cancelled(client: Client) -> None:
    removal = await start_inventory_workflow(client, "Removal", "off")
    await wait_until(partial(running, client), lambda ids: ids == [removal.id])
    await make_round(client, FakeNetBox())
    assert not await was_cancelled(removal)


async def test_removal_that_follows_a_listed_pass_is_not_cancelled(client: Client) -> None:
    listed = await start_inventory_workflow(client, "FabricInventory", "off")
    await wait_until(partial(running, client), lambda ids: ids == [listed.id])
    removals = list[WorkflowHandle[object, object]]()

    async def replace_pass_by_removal() -> None:
        await listed.terminate()
        removals.append(await start_inventory_workflow(client, "Removal", "off"))

    await make_round(client, ChangingNetBox(replace_pass_by_removal))
    [removal] = removals
    assert not await was_cancelled(removal)


async def test_stuck_fleet_is_replaced(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checks = AsyncMock(wraps=is_stuck)
    monkeypatch.setattr("workers.workflow_worker.is_stuck", checks)
    settings = Settings(netbox_url="http://127.0.0.1:1", cache_dir=tmp_path, fleet_interval=1)
    stuck = await client.start_workflow(
        "Fleet", "no state of a fleet", id=FLEET_WORKFLOW_ID, task_queue=settings.task_queue
    )
    fleet = fleet_handle(client)

    async def run() -> str | None:
        return (await fleet.describe()).run_id

    async def count_checks() -> int:
        return checks.call_count

    async with worker.running_worker(client, settings):
        with monkeypatch.context() as patch:  # only for the stuck one
            patch.setattr("activities.executions.STUCK_AFTER_ATTEMPTS", 1)
            new = await wait_until(run, lambda now: now != stuck.first_execution_run_id)
        first_checks = checks.call_count
        summary = await wait_until(
            partial(fleet.query, Fleet.summary), lambda summary: summary.error != ""
        )
        assert "nothing listens there" in summary.error
        # When a check begins, the one before it has done what it does.
        await wait_until(count_checks, lambda count: count > first_checks + 2)
        assert await run() == new


async def test_netbox_clients_of_a_worker_share_one_limit(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limits: list[Semaphore | None] = []

    def record_limit(
        url: str,
        token: SecretSource,
        timeouts: tuple[float, float],
        max_concurrent: int,
        limit: Semaphore | None,
    ) -> requests.Session:
        limits.append(limit)
        return create_session(url, token, timeouts, max_concurrent, limit)

    monkeypatch.setattr("activities.netbox.client.create_session", record_limit)
    settings = Settings(netbox_url="http://127.0.0.1:1", cache_dir=tmp_path)
    async with worker.running_worker(client, settings):
        records, inventories = limits
    assert records is not None
    assert records is inventories
