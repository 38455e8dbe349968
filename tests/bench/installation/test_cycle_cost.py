"""Figures per cycle, and the goals for them."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from bench.installation.counting_proxy import Traffic
from bench.installation.cycle_cost import (
    Snapshot,
    Window,
    count_pages,
    describe_cycles,
    describe_traffic,
    judge_unchanged,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
CYCLE_EVENTS = (
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_TIMER_FIRED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
)


@pytest.fixture
def window() -> Window:
    """Two cycles in 20 s, with 0.3 s of CPU time."""
    start = Snapshot(START, 1.0, {"git": Traffic(3, Counter(GET=3, POST=3), 10, 100)})
    later = START + timedelta(seconds=20)
    end = Snapshot(later, 1.3, {"git": Traffic(5, Counter(GET=5, POST=7), 30, 200)})
    events = [HistoryEvent(event_type=event_type) for event_type in CYCLE_EVENTS * 2]
    return Window(start, end, cycles=2, events=events)


def test_figures_are_per_cycle_and_without_the_idle_worker(window: Window) -> None:
    figures = describe_cycles(window, idle_cpu_ms_per_s=5.0)
    assert figures["worker_cpu_ms"] == 100.0
    assert figures["events"] == 6.0
    assert figures["workflow_tasks"] == 1.0
    assert figures["activities"] == 1.0
    assert figures["history_bytes"] > 0


def test_traffic_is_per_cycle_and_source(window: Window) -> None:
    assert list(describe_traffic(window)) == [
        {
            "source": "git",
            "requests": 3.0,
            "of_them_post": 2.0,
            "connections": 1.0,
            "sent_bytes": 10,
            "received_bytes": 50,
        }
    ]


def make_traffic(**requests: float) -> list[dict[str, Any]]:
    """Return rows of traffic with these numbers of requests, half of which are POSTs."""
    return [
        {"source": source, "requests": number, "of_them_post": number / 2}
        for source, number in requests.items()
    ]


@pytest.mark.parametrize(("cpu_ms", "met"), [(20.0, True), (20.1, False)])
def test_a_small_fabric_has_a_goal_for_cpu_time(cpu_ms: float, met: bool) -> None:
    run = {"objects": 40, "events": 11.0, "worker_cpu_ms": cpu_ms, "floor_cpu_ms": 9.0}
    goals = list(judge_unchanged(run, make_traffic(git=2, kubernetes=16, netbox=0), pages=16))
    assert [goal["met"] for goal in goals] == [True, True, True, True, met]


def test_a_large_fabric_is_compared_with_the_floor() -> None:
    run = {"objects": 10_000, "events": 11.0, "worker_cpu_ms": 900.0, "floor_cpu_ms": 200.0}
    *_, ratio = judge_unchanged(run, make_traffic(git=2, kubernetes=30, netbox=0), pages=30)
    assert ratio["measured"] == 4.5
    assert not ratio["met"]


@pytest.mark.parametrize(("sizes", "pages"), [([0, 1], 2), ([500], 1), ([501, 1200], 5)])
def test_an_empty_list_is_a_page(sizes: list[int], pages: int) -> None:
    assert count_pages(sizes, page_size=500) == pages
