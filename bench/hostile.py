"""Measure what hostile Kubernetes APIs cost the other fabrics and the worker.

Run `.venv/bin/python bench/hostile.py`. A real worker syncs a fleet of small fabrics with a Git server, real NetBox
and real Temporal, as in `load.py`. After a phase without them, a record for each sort of hostile server is created:
huge and endless answers, dripping ones, redirects, false lengths, deep JSON (`installation/hostile_api.py`, in a
process of its own). Lateness is that of the small fabrics: seconds from the slot to the start of the sync, from the
reports of their loops. Memory, descriptors and threads are those of all processes of the worker, once a second.
"""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/hostile.py`

from activities.kubernetes.budget import MAX_KEPT_BYTES
from activities.kubernetes.requests import MAX_BODY_BYTES
from activities.netbox.client import NetBox
from bench.installation import hostile_api
from bench.installation.cpu_priority import lower_priority
from bench.installation.loop_probe import LoopProbe
from bench.installation.netbox_database import NETBOX_SERVICES, NetBoxDatabase
from bench.installation.sync_reports import MAX_P99_RATIO, ReportLog
from bench.installation.worker_process import WorkerProcess
from bench.load import (
    SMALL_FABRIC_OBJECTS,
    Installation,
    observe_fleet,
    running_installation,
    settle,
)
from bench.measure.result import describe_machine, print_result, report_progress
from stack.processes.supervisor import Supervisor
from stack.stack import Stack

START_TIMEOUT_SECONDS: Final = 60.0

PARSING_MB: Final = 130
"""Memory of one list while it is split into items, in the whole worker one at a time."""

READING_MB: Final = (MAX_BODY_BYTES + MAX_KEPT_BYTES) / 1e6
"""Memory of one reading: a page, and what is kept."""


@dataclass(frozen=True)
class Options:
    """What is measured; `interval` and `phase` are in seconds."""

    fabrics: int
    interval: int
    phase: int


def main(
    fabrics: Annotated[int, typer.Option(min=1, help="Healthy fabrics.")] = 50,
    interval: Annotated[int, typer.Option(min=5, help="Seconds between syncs.")] = 10,
    phase: Annotated[int, typer.Option(min=10, help="Seconds of each phase.")] = 180,
) -> None:
    """Measure what hostile Kubernetes APIs cost the other fabrics and the worker."""
    machine, options = describe_machine(), Options(fabrics, interval, phase)
    with Stack(report_progress) as stack:
        for service in NETBOX_SERVICES:
            lower_priority(stack.list_processes(service))
        print_result("hostile", machine, asyncio.run(measure(stack, options)))


async def measure(stack: Stack, options: Options) -> dict[str, Any]:
    """Return lateness and the worker's usage without and with hostile servers."""
    database = NetBoxDatabase.of_stack(stack)
    async with running_installation(stack, options.interval) as installation:
        names = [f"healthy-{number:03}" for number in range(options.fabrics)]
        fleet = await installation.create_records(
            names, installation.publish(names, SMALL_FABRIC_OBJECTS)
        )
        with _hostile_servers(stack.log_dir, installation.credentials):
            has_settled = await settle(fleet, database, options.interval)
            reports = ReportLog(fleet)
            baseline = await _observe(installation.worker, reports, options)
            hostile = await asyncio.to_thread(_create_hostile_records, installation)
            attacked = await _observe(installation.worker, reports, options)
            servers = [await _describe_outcome(probe) for probe in hostile]
    return {
        "fabrics": options.fabrics,
        "interval_s": options.interval,
        "has_settled": has_settled,
        "phases": [{"phase": "without"} | baseline, {"phase": "with hostile servers"} | attacked],
        "servers": servers,
        "goals": judge(baseline, attacked, len(servers)),
    }


async def _observe(worker: WorkerProcess, reports: ReportLog, options: Options) -> dict[str, Any]:
    watching = _watch_worker(worker, options.phase)
    lateness, usage = await observe_fleet(reports, watching, options.interval)
    return lateness | usage


async def _watch_worker(worker: WorkerProcess, seconds: int) -> dict[str, float]:
    """Return the worker's usage during the next `seconds`: the highest values."""
    samples, cpu = [], worker.read_cpu_seconds()
    for _ in range(seconds):
        samples.append(await asyncio.to_thread(_read_usage, worker))
        await asyncio.sleep(1)
    used = {"cpu_s_per_s": round((worker.read_cpu_seconds() - cpu) / seconds, 2)}
    return used | {name: max(sample[name] for sample in samples) for name in samples[0]}


def _read_usage(worker: WorkerProcess) -> dict[str, float]:
    processes = worker.service.list_processes()
    return {
        "memory_mb": round(worker.read_memory_mb()),
        "descriptors": sum(process.num_fds() for process in processes),
        "threads": sum(process.num_threads() for process in processes),
    }


@contextmanager
def _hostile_servers(log_dir: Path, credentials: Path) -> Iterator[None]:
    """Serve all sorts in a process of their own until the block ends."""
    with closing(Supervisor(log_dir)) as supervisor:
        command = [sys.executable, hostile_api.__file__, str(credentials)]
        servers = supervisor.start("Hostile servers", command)
        _wait_for_credentials(credentials)
        lower_priority(servers.list_processes())  # as if they had a machine of their own
        yield


@retry(
    retry=retry_if_result(bool), wait=wait_fixed(0.1), stop=stop_after_delay(START_TIMEOUT_SECONDS)
)
def _wait_for_credentials(credentials: Path) -> set[str]:
    """Wait until each server has its credential; return the missing ones."""
    ready = {token.parent.name for token in credentials.glob("*/token") if token.read_text()}
    return hostile_api.HOSTILE_ANSWERS.keys() - ready


def _create_hostile_records(installation: Installation) -> list[LoopProbe]:
    """Create a record for each server."""
    server = installation.stack.netbox
    with closing(NetBox(server.url, server.token, connect_timeout=5, timeout=60)) as netbox:
        for name in hostile_api.HOSTILE_ANSWERS:
            fields = {
                "hh_fabric_id": name,
                "hh_sync_enabled": True,
                "hh_sync_interval": installation.interval,
                "hh_kubernetes_server": (installation.credentials / name / "server").read_text(),
                "hh_credentials": name,
            }
            netbox.create_record(name, fields)
    return [LoopProbe(installation.client, name) for name in hostile_api.HOSTILE_ANSWERS]


async def _describe_outcome(probe: LoopProbe) -> dict[str, Any]:
    status = await probe.query_status()
    return {
        "server": probe.fabric_id,
        "syncs": status.syncs if status else 0,
        "status": status.sync_status if status else "no loop",
        "error": status.sync_error if status else "",
    }


def judge(
    baseline: Mapping[str, Any], attacked: Mapping[str, Any], servers: int
) -> list[dict[str, Any]]:
    """Return the goals for a fleet beside so many hostile servers."""
    rise = attacked["memory_mb"] - baseline["memory_mb"]
    goals: Sequence[tuple[str, float, float]] = (
        (
            "p99 with hostile servers / without",
            attacked["p99_s"] / baseline["p99_s"],
            MAX_P99_RATIO,
        ),
        ("missed slots", attacked["missed"], 0),
        ("failed syncs", attacked["failed"], 0),
        ("rise of the worker's memory, MB", rise, round(PARSING_MB + servers * READING_MB)),
    )
    return [
        {"what": what, "measured": round(measured, 2), "goal": goal, "met": measured <= goal}
        for what, measured, goal in goals
    ]


if __name__ == "__main__":
    typer.run(main)
