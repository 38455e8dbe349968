"""Measure workflow tasks while a worker reads a whole fleet of large fabrics.

Run `.venv/bin/python bench/cold_start.py`. A real worker process and a real Temporal server sync fabrics whose
Git repositories are on disk and whose NetBox and Kubernetes API answer at once. First the worker starts with new
fabrics. Then it is stopped, and after an interval another one starts: it replays all loops and parses all fabrics
at the same time. Times are those in the histories of the loops. The floor is the same fleet with so few objects
that there is nothing to parse: its tasks wait for each other only.
"""

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import psutil
import typer
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/cold_start.py`

from bench.drift import make_fabric
from bench.fleet.instant_sources import InstantSources, running_sources
from bench.measure.result import describe_machine, print_result, report_progress
from fabrics.loop.loop import workflow_id
from fabrics.resources.kinds import COMPARED_KINDS
from stack.processes.ports import PortPool
from stack.processes.supervisor import Service, Supervisor
from stack.services.git_server import GitServer
from stack.services.temporal_server import start_temporal
from temporal import connect

WORKER_SCRIPT: Final = Path(__file__).parents[1] / "worker.py"
INTERVAL_SECONDS: Final = 60
FLOOR_OBJECTS: Final = 10
TIMEOUT_SECONDS: Final = 1800.0
SETTLING_SECONDS: Final = 5.0
"""For the last fabric to be parsed and its record to be written."""

SCHEDULED: Final = "workflow_task_scheduled_event_attributes"
STARTED: Final = "workflow_task_started_event_attributes"
COMPLETED: Final = "workflow_task_completed_event_attributes"
FAILED: Final = "workflow_task_failed_event_attributes"


@dataclass
class TaskTimes:
    """Seconds that tasks waited for a worker and then ran, and how many failed."""

    waited: list[float] = field(default_factory=list)
    ran: list[float] = field(default_factory=list)
    failed: int = 0

    def add(self, events: Iterable[HistoryEvent], begin: datetime) -> None:
        """Add the tasks of one loop; waiting before `begin` does not count."""
        scheduled = started = begin
        for event in events:
            time_ = _time_of(event)
            if event.HasField(SCHEDULED):
                scheduled = max(time_, begin)
            elif event.HasField(STARTED):
                started = time_
                self.waited.append((started - scheduled).total_seconds())
            elif event.HasField(COMPLETED):
                self.ran.append((time_ - started).total_seconds())
            self.failed += event.HasField(FAILED) or _is_overdue(event)


def _is_overdue(event: HistoryEvent) -> bool:
    """Tell whether a task exceeded its timeout, not only waited for a stopped worker."""
    timeout = event.workflow_task_timed_out_event_attributes.timeout_type
    return timeout == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE


def main(
    fabrics: Annotated[int, typer.Option(min=1, help="Number of fabrics.")] = 200,
    objects: Annotated[int, typer.Option(min=1, help="Objects of each fabric.")] = 1000,
) -> None:
    """Measure workflow tasks while a worker reads a whole fleet of large fabrics."""
    machine = describe_machine()
    runs = [
        {"objects": size, **run}
        for size in (FLOOR_OBJECTS, objects)
        for run in _measure_fleet(fabrics, size)
    ]
    result = {"fabrics": fabrics, "interval_s": INTERVAL_SECONDS, "runs": runs}
    print_result("cold_start", machine, result)


def _measure_fleet(fabrics: int, objects: int) -> list[dict[str, Any]]:
    report_progress(f"{fabrics} fabrics of {objects} objects")
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="cold-start-")))
        supervisor = exits.enter_context(closing(Supervisor(folder)))
        fabric = make_fabric(objects)
        sources = exits.enter_context(running_sources(fabric.lists))
        names = [f"fabric-{number:03}" for number in range(fabrics)]
        _create_fabrics(sources, names, fabric.files, folder, supervisor.ports)
        server = start_temporal(supervisor, folder / "temporal.db")
        environment = {
            "FABRIC_SYNC_NETBOX_URL": sources.netbox_url,
            "FABRIC_SYNC_NETBOX_TOKEN": "any",
            "FABRIC_SYNC_INVENTORY": "false",
            "FABRIC_SYNC_CREDENTIALS_DIR": str(folder / "credentials"),
            "FABRIC_SYNC_CACHE_DIR": str(folder / "cache"),
            "FABRIC_SYNC_GIT_ALLOW_LOCAL": "true",
            "FABRIC_SYNC_GRACEFUL_SHUTDOWN": "1",
            "TEMPORAL_ADDRESS": server.address,
        }
        command = [sys.executable, str(WORKER_SCRIPT)]
        start_worker = partial(supervisor.start, "Worker", command, env=environment)
        return asyncio.run(_measure(sources, names, server.address, start_worker))


def _create_fabrics(
    sources: InstantSources,
    names: list[str],
    files: Mapping[str, bytes],
    folder: Path,
    ports: PortPool,
) -> None:
    """Create a repository, a credential and a record for each fabric.

    Each has a directory of its own, since a file of the same path and content is parsed only once.
    """
    (folder / "git").mkdir()
    with closing(GitServer(folder / "git", ports)) as server:
        original = server.create_repository("original")
    texts = {path: data.decode() for path, data in files.items()}
    original.commit({f"{name}/{path}": text for name in names for path, text in texts.items()})
    for name in names:
        copy = folder / "git" / f"{name}.git"
        shutil.copytree(original.path, copy, copy_function=shutil.copyfile)
        sources.add_fabric(name, INTERVAL_SECONDS, copy.as_uri(), folder / "credentials" / name)


async def _measure(
    sources: InstantSources, names: list[str], address: str, start_worker: Callable[[], Service]
) -> list[dict[str, Any]]:
    client = await connect({"TEMPORAL_ADDRESS": address})
    first = await _measure_start(client, sources, names, start_worker)
    await asyncio.sleep(INTERVAL_SECONDS)
    again = await _measure_start(client, sources, names, start_worker)
    return [{"phase": "new fabrics", **first}, {"phase": "restart", **again}]


async def _measure_start(
    client: Client,
    sources: InstantSources,
    names: list[str],
    start_worker: Callable[[], Service],
) -> dict[str, Any]:
    """Run a worker until it has read all fabrics, stop it, and return what it took."""
    sources.lists_served.clear()
    since, started = datetime.now(UTC), time.monotonic()
    worker = start_worker()
    await _wait_until_read(sources, names)
    seconds = time.monotonic() - started
    await asyncio.sleep(SETTLING_SECONDS)
    processes = _measure_processes()
    await asyncio.to_thread(worker.stop)
    times = await _read_task_times(client, names, since)
    return {"seconds": round(seconds, 1), **processes, **_summarize(times)}


async def _wait_until_read(sources: InstantSources, names: list[str]) -> None:
    async def is_done() -> bool:
        return all(sources.lists_served[name] >= len(COMPARED_KINDS) for name in names)

    waiting = AsyncRetrying(
        wait=wait_fixed(0.2),
        stop=stop_after_delay(TIMEOUT_SECONDS),
        retry=retry_if_result(lambda is_done: not is_done),
    )
    await waiting(is_done)


def _measure_processes() -> dict[str, list[float]]:
    """Return memory (MB, shared pages divided) and CPU (s) of the worker's processes."""
    children = psutil.Process().children(recursive=True)
    processes = [p for p in children if p.cmdline()[1:] == [str(WORKER_SCRIPT)]]
    return {
        "memory_mb": [round(process.memory_full_info().pss / 1e6) for process in processes],
        "cpu_s": [round(sum(process.cpu_times()[:2]), 1) for process in processes],
    }


async def _read_task_times(client: Client, names: list[str], since: datetime) -> TaskTimes:
    """Return the times of all tasks since the worker began to take tasks."""
    handles = [client.get_workflow_handle(workflow_id(name)) for name in names]
    histories = [
        [event async for event in handle.fetch_history_events() if _time_of(event) >= since]
        for handle in handles
    ]
    begin = min(
        _time_of(event) for events in histories for event in events if event.HasField(STARTED)
    )
    times = TaskTimes()
    for events in histories:
        times.add(events, begin)
    return times


def _time_of(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(UTC)


def _summarize(times: TaskTimes) -> dict[str, Any]:
    return {
        "tasks": len(times.ran),
        "failed_tasks": times.failed,
        **{f"wait_{name}_s": value for name, value in _quantiles(times.waited).items()},
        **{f"run_{name}_s": value for name, value in _quantiles(times.ran).items()},
    }


def _quantiles(seconds: list[float]) -> dict[str, float]:
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    figures = {"p50": percentiles[49], "p99": percentiles[98], "max": max(seconds)}
    return {name: round(value, 3) for name, value in figures.items()}


if __name__ == "__main__":
    typer.run(main)
