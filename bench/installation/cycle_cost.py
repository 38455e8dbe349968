"""What cycles cost, as figures per cycle, and the goals for them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from bench.installation.counting_proxy import Traffic

WORKFLOW_TASK: Final = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
ACTIVITY: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED

MAX_EVENTS: Final = 11
CPU_GOALS_MS: Final = {40: 20.0, 1000: 60.0}
"""The CPU time of the worker for one unchanged cycle, by objects."""

FLOOR_GOAL_OBJECTS: Final = 10_000
MAX_FLOOR_RATIO: Final = 4.0


@dataclass(frozen=True)
class Snapshot:
    """All counters at one moment."""

    moment: datetime
    cpu_seconds: float
    traffic: Mapping[str, Traffic]


class Window(NamedTuple):
    """The cycles between two snapshots, and their events in Temporal's history."""

    start: Snapshot
    end: Snapshot
    cycles: int
    events: Sequence[HistoryEvent]


def describe_cycles(window: Window, idle_cpu_ms_per_s: float) -> dict[str, Any]:
    """Return figures per cycle, without the CPU time that an idle worker takes."""
    start, end, cycles, events = window
    seconds = (end.moment - start.moment).total_seconds()
    busy_ms = 1000 * (end.cpu_seconds - start.cpu_seconds) - idle_cpu_ms_per_s * seconds
    types = Counter(event.event_type for event in events)
    return {
        "cycles": cycles,
        "events": round(len(events) / cycles, 1),
        "workflow_tasks": round(types[WORKFLOW_TASK] / cycles, 1),
        "activities": round(types[ACTIVITY] / cycles, 1),
        "history_bytes": round(sum(event.ByteSize() for event in events) / cycles),
        "worker_cpu_ms": round(busy_ms / cycles, 1),
    }


def describe_traffic(window: Window) -> Iterator[dict[str, Any]]:
    """Yield figures per cycle for each source."""
    start, end, cycles, _ = window
    for source, total in end.traffic.items():
        traffic = total.since(start.traffic[source])
        yield {
            "source": source,
            "requests": round(traffic.requests.total() / cycles, 1),
            "of_them_post": round(traffic.requests["POST"] / cycles, 1),
            "connections": round(traffic.connections / cycles, 1),
            "sent_bytes": round(traffic.sent_bytes / cycles),
            "received_bytes": round(traffic.received_bytes / cycles),
        }


def judge_unchanged(
    run: Mapping[str, Any], traffic: Iterable[Mapping[str, Any]], pages: int
) -> Iterator[dict[str, Any]]:
    """Yield the goals for cycles with nothing changed.

    `pages` are those of all lists. A round trip to Git is a POST: the GET before it only asks for the server's
    capabilities.
    """
    sources = {row["source"]: row for row in traffic}
    measured: list[tuple[str, float, float]] = [
        ("events", run["events"], MAX_EVENTS),
        ("Kubernetes requests", sources["kubernetes"]["requests"], pages),
        ("NetBox requests", sources["netbox"]["requests"], 0),
        ("Git round trips", sources["git"]["of_them_post"], 1),
    ]
    if goal := CPU_GOALS_MS.get(run["objects"]):
        measured.append(("worker CPU, ms", run["worker_cpu_ms"], goal))
    if run["objects"] == FLOOR_GOAL_OBJECTS:
        ratio = round(run["worker_cpu_ms"] / run["floor_cpu_ms"], 2)
        measured.append(("worker CPU / floor", ratio, MAX_FLOOR_RATIO))
    for what, value, goal in measured:
        yield {
            "objects": run["objects"],
            "unchanged_cycle": what,
            "measured": value,
            "goal": goal,
            "met": value <= goal,
        }


def count_pages(list_sizes: Iterable[int], page_size: int) -> int:
    """Return the pages of lists of these sizes; an empty list has one, too."""
    return sum(max(1, -(-size // page_size)) for size in list_sizes)
