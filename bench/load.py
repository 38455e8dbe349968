"""Measure how late a fleet is synced while new fabrics are loaded into NetBox.

Run `.venv/bin/python bench/load.py`. A real worker syncs a fleet of small fabrics with a Git server, real NetBox
and real Temporal; their Kubernetes API has fixed lists and answers at once, so that it takes no CPU time from the
others, and NetBox has a low priority, as if it had a machine of its own. After a phase without loads, large fabrics
are created in NetBox, and their whole inventories are written while the others go on. Lateness is that of the small
fabrics: seconds from the slot to the start of the sync, from the reports of their loops. For each large one, it is
the time from that for which its first sync was planned, in a slot or outside of the grid, until its loop knows its
drift.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/load.py`

from activities.netbox.client import NetBox
from bench.installation.cpu_priority import lower_priority
from bench.installation.loop_probe import LoopProbe
from bench.installation.netbox_database import CHANGELOG_TABLE, NETBOX_SERVICES, NetBoxDatabase
from bench.installation.static_api import StaticKubernetesApi, static_api
from bench.installation.sync_reports import ReportLog, judge_load
from bench.installation.worker_process import WorkerProcess, worker_process
from bench.manifests import make_fabric, make_files, make_live_object
from bench.measure.quiet import wait_until_quiet
from bench.measure.result import describe_machine, print_result, report_progress
from stack.demo.demo import make_worker_environment
from stack.demo.seed import set_up_netbox
from stack.stack import Stack

SMALL_FABRIC_OBJECTS: Final = 10
CREDENTIAL: Final = "shared"

SETTLING_INTERVALS: Final = 4
SETTLING_TIMEOUT_SECONDS: Final = 900.0
COLLECT_INTERVALS: Final = 30
"""Intervals after which reports are collected: loops keep fifty."""

INVENTORY_START_SECONDS: Final = 1.0
"""After a sync, the inventory has begun by then."""

POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Installation:
    """A running worker with its credentials, and sources that fabrics share."""

    stack: Stack
    client: Client
    api: StaticKubernetesApi
    api_url: str
    interval: int
    credentials: Path
    worker: WorkerProcess

    def publish(self, names: Sequence[str], objects: int) -> str:
        """Put fabrics of this size into the API and a new repository; return its URL."""
        repository = self.stack.git.create_repository(names[0])
        manifests = make_fabric(objects)
        texts = make_files(manifests, "")
        repository.commit({f"{name}{path}": text for name in names for path, text in texts.items()})
        for name in names:
            self.api.serve(name, (make_live_object(n, item) for n, item in enumerate(manifests)))
        return repository.url

    async def create_records(self, names: Sequence[str], repository: str) -> list[LoopProbe]:
        """Create enabled records of published fabrics, which the fleet finds."""
        await asyncio.to_thread(self._create_records, names, repository)
        return [LoopProbe(self.client, name) for name in names]

    def _create_records(self, names: Sequence[str], repository: str) -> None:
        server = self.stack.netbox
        with closing(NetBox(server.url, server.token, connect_timeout=5, timeout=60)) as netbox:
            for name in names:
                fields = {
                    "hh_fabric_id": name,
                    "hh_sync_enabled": True,
                    "hh_sync_interval": self.interval,
                    "hh_kubernetes_server": self.api_url,
                    "hh_kubernetes_namespace": name,
                    "hh_credentials": CREDENTIAL,
                    "hh_git_repository": repository,
                    "hh_git_directory": name,
                }
                netbox.create_record(name, fields)


@dataclass(frozen=True)
class Options:
    """What is measured; `interval` and `baseline` are in seconds."""

    fabrics: int
    interval: int
    loads: int
    objects: int
    baseline: int


def main(
    fabrics: Annotated[int, typer.Option(min=1, help="Small fabrics.")] = 100,
    interval: Annotated[int, typer.Option(min=5, help="Seconds between syncs.")] = 10,
    loads: Annotated[int, typer.Option(min=1, help="Large fabrics that are created.")] = 3,
    objects: Annotated[int, typer.Option(min=1, help="Objects of each large fabric.")] = 1000,
    baseline: Annotated[int, typer.Option(help="Seconds without loads.")] = 180,
) -> None:
    """Measure how late a fleet is synced while new fabrics are loaded into NetBox."""
    machine, options = describe_machine(), Options(fabrics, interval, loads, objects, baseline)
    with Stack(report_progress) as stack:
        for service in NETBOX_SERVICES:
            lower_priority(stack.list_processes(service))
        print_result("load", machine, asyncio.run(measure(stack, options)))


async def measure(stack: Stack, options: Options) -> dict[str, Any]:
    """Return lateness without and with loads, the loads, and the goals."""
    database = NetBoxDatabase.of_stack(stack)
    async with running_installation(stack, options.interval) as installation:
        # All sources first: to make them takes time, in which this process answers no request.
        small = [f"small-{number:03}" for number in range(options.fabrics)]
        large = [f"large-{number}" for number in range(options.loads)]
        small_url = installation.publish(small, SMALL_FABRIC_OBJECTS)
        large_url = installation.publish(large, options.objects)
        fleet = await installation.create_records(small, small_url)
        reports = ReportLog(fleet)
        has_settled = await settle(fleet, database, options.interval)
        baseline, _ = await observe_fleet(
            reports, asyncio.sleep(options.baseline), options.interval
        )
        before = database.read_bytes(), database.read_table(CHANGELOG_TABLE).rows
        loads = _load_fabrics(installation, large, large_url)
        loaded, new_fabrics = await observe_fleet(reports, loads, options.interval)
    return {
        "fabrics": options.fabrics,
        "interval_s": options.interval,
        "has_settled": has_settled,
        "lateness": [{"phase": "without loads"} | baseline, {"phase": "with loads"} | loaded],
        "new_fabrics": new_fabrics,
        "netbox_growth": {
            "mb": round((database.read_bytes() - before[0]) / 1e6, 1),
            "changelog_rows": database.read_table(CHANGELOG_TABLE).rows - before[1],
        },
        "goals": judge_load(baseline, loaded, new_fabrics),
    }


@asynccontextmanager
async def running_installation(stack: Stack, interval: int) -> AsyncIterator[Installation]:
    """Run a Kubernetes API with fixed lists, and a worker."""
    files = stack.log_dir.parent / "bench"
    settings = make_worker_environment(stack, set_up_netbox(stack), files)
    credentials = files / "credentials"
    api = StaticKubernetesApi()
    async with static_api(api) as api_url:
        api.auth.write_credential(credentials / CREDENTIAL, api_url)
        client = await Client.connect(
            stack.temporal.address, data_converter=pydantic_data_converter
        )
        with worker_process(stack.log_dir, settings) as worker:
            yield Installation(stack, client, api, api_url, interval, credentials, worker)


async def settle(fleet: Sequence[LoopProbe], database: NetBoxDatabase, interval: int) -> bool:
    """Wait until all are in sync, and NetBox got no write for an interval.

    Return false if writes still go on after `SETTLING_TIMEOUT_SECONDS`.
    """
    deadline = time.time() + SETTLING_TIMEOUT_SECONDS
    for probe in fleet:
        await probe.wait_until_in_sync()
    await asyncio.sleep(SETTLING_INTERVALS * interval)
    for probe in fleet:
        await probe.wait_for_inventory()
    # In a thread, as this process also answers for the Kubernetes API.
    return await asyncio.to_thread(wait_until_quiet, database.read_last_write, interval, deadline)


async def observe_fleet[T](
    reports: ReportLog, work: Coroutine[Any, Any, T], interval: int
) -> tuple[dict[str, Any], T]:
    """Do some work, and return the fleet's lateness meanwhile and the work's result."""
    since, task = datetime.now(UTC), asyncio.create_task(work)
    while not task.done():
        await asyncio.wait([task], timeout=COLLECT_INTERVALS * interval)
        until = datetime.now(UTC)
        await reports.collect()
    seconds = round((until - since).total_seconds())
    return {"seconds": seconds, **reports.summarize(since, until)}, task.result()


async def _load_fabrics(
    installation: Installation, names: Sequence[str], repository: str
) -> list[dict[str, Any]]:
    """Create fabrics, and describe how long each takes to be loaded into NetBox."""
    probes = await installation.create_records(names, repository)
    return list(await asyncio.gather(*map(_follow_load, probes)))


async def _follow_load(probe: LoopProbe) -> dict[str, Any]:
    await probe.wait_for(lambda status: status.drift_count is not None, poll_seconds=POLL_SECONDS)
    drift_known = datetime.now(UTC)
    await probe.wait_for(lambda status: status.syncs > 0)
    first = (await probe.query_reports())[0]
    planned = first.slot or await probe.fetch_first_plan()
    assert planned is not None  # noqa: S101  a sync without a slot follows a timer, too
    await asyncio.sleep(INVENTORY_START_SECONDS)
    await probe.wait_for_inventory()
    loaded = datetime.now(UTC)
    return {
        "fabric": probe.fabric_id,
        "objects": first.objects,
        "drift_known_s": round((drift_known - planned).total_seconds(), 2),
        "loaded_s": round((loaded - planned).total_seconds(), 1),
        "missed": (await probe.wait_for(lambda _status: True)).missed,
    }


if __name__ == "__main__":
    typer.run(main)
