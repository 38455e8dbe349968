"""Every call of a workflow ends: all have a time limit, and most need heartbeats."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import workflow
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.fleet.reconcile import RoundRequest
from activities.health import HealthReadingRequest
from activities.observe import ObserveRequest
from activities.record import RecordUpdate
from fabrics.agents.state import AgentsState
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.health_watch import HealthRequest
from fabrics.record.sync_status import LastKnownState
from tests.support.workflows.loop_environment import config
from workflows import activity_calls
from workflows.activity_calls import HEARTBEAT_TIMEOUT, INVENTORY_TIMEOUT, MAX_CALL_TIMEOUT

type Options = dict[str, Any]
type Call = Coroutine[Any, Any, object]

CONFIG = config(interval=86_400)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """Return the options of each activity that is called."""
    options: list[Options] = []

    def start(*_arguments: object, **given: object) -> asyncio.Future[None]:
        options.append(given)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    monkeypatch.setattr(workflow, "start_activity_method", start)
    monkeypatch.setattr(workflow, "execute_activity_method", start)
    info = SimpleNamespace(task_queue=CONFIG.task_queue)
    monkeypatch.setattr(workflow, "info", lambda: info)
    return options


def limit_of(options: Options) -> timedelta:
    """Return how long the call may take in all, or else each of its attempts."""
    limit = options.get("schedule_to_close_timeout") or options.get("start_to_close_timeout")
    assert isinstance(limit, timedelta)
    return limit


def update_inventory() -> Call:
    request = InventoryRequest(config=CONFIG, live_digest="", expected_counts={}, sync_number=1)
    return activity_calls.update_inventory(request, retry=True)


def observe() -> Call:
    request = ObserveRequest(config=CONFIG)
    return activity_calls.observe(request, answered_before=True, is_catching_up=False)


def read_health() -> Call:
    health = HealthRequest(agents=AgentsState(), live_digest="", is_due=True)
    request = HealthReadingRequest(config=CONFIG, health=health)
    return activity_calls.read_health(request, None)


def record_result() -> Call:
    update = RecordUpdate(fabric_id=CONFIG.fabric_id, last_known=LastKnownState())
    return activity_calls.record_result(update, MINUTE, retry=True)


@pytest.mark.parametrize(
    ("call", "limit"),
    [
        (update_inventory, INVENTORY_TIMEOUT),
        (observe, MAX_CALL_TIMEOUT),
        (read_health, MINUTE),
        (record_result, MINUTE),
        (lambda: activity_calls.load_record(CONFIG.fabric_id, MINUTE, retry=True), MINUTE),
        (lambda: activity_calls.reconcile(RoundRequest()), timedelta(minutes=10)),
    ],
)
async def test_call_ends_at_its_limit_or_soon_after_its_worker_is_lost(
    calls: list[Options], call: Callable[[], Call], limit: timedelta
) -> None:
    await call()
    assert [limit_of(options) for options in calls] == [limit]
    assert [options["heartbeat_timeout"] for options in calls] == [HEARTBEAT_TIMEOUT]


@pytest.mark.parametrize(("interval", "seconds"), [(5, 60), (120, 120), (86_400, 300)])
async def test_sync_may_take_its_interval_within_bounds(
    calls: list[Options], interval: int, seconds: int
) -> None:
    request = ObserveRequest(config=config(interval=interval))
    await activity_calls.observe(request, answered_before=True, is_catching_up=False)
    assert [limit_of(options) for options in calls] == [timedelta(seconds=seconds)]


@pytest.mark.parametrize("name", ["😀" * 100, '"' * 200, "é" * 100])
async def test_summary_is_far_below_the_limit_of_temporal(calls: list[Options], name: str) -> None:
    request = ObserveRequest(config=config(name=name))
    await activity_calls.observe(request, answered_before=True, is_catching_up=False)
    [options] = calls
    payload = pydantic_data_converter.payload_converter.to_payload(options["summary"])
    assert payload.ByteSize() < 310, "400, or some 90 less if it is encrypted"
    assert options["summary"].startswith(f"read Git and Kubernetes of {name[:20]}")


async def test_pass_waits_a_day_for_its_turn(calls: list[Options]) -> None:
    await update_inventory()
    assert [options["schedule_to_start_timeout"] for options in calls] == [timedelta(days=1)]
