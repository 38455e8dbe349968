"""Measure how late healthy fabrics are synced while others are unresponsive.

Run `.venv/bin/python bench/bulkheads.py`. A real worker process syncs
fabrics from an emulated Kubernetes API and a Git server, each fabric through its own proxies, with
its records in a real NetBox. Then the API and the Git host of some fabrics become unresponsive: a
third of them drop packets, a third accept connections and then hang, and a third have an API that
accepts requests and never answers. The lateness of the others (seconds from the slot to the start of
the sync) comes from the reports of their loops, for a baseline phase and for an unresponsive phase.
Finally the faults are cleared, and the time until all fabrics are in sync again is measured.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/bulkheads.py`

from activities.netbox.client import NetBox
from bench.installation.tcp_proxy import TcpProxy
from bench.manifests import make_manifest
from bench.measure.result import describe_machine, print_result
from fabrics.loop.loop import workflow_id
from fabrics.loop.report import SyncReport
from stack.demo.demo import make_worker_environment
from stack.demo.seed import set_up_netbox
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.kubernetes.faults import Fault
from stack.processes.ports import LOOPBACK
from stack.processes.supervisor import Supervisor
from stack.stack import Stack
from workflows.fabric_sync import FabricSync

WORKER_SCRIPT: Final = Path(__file__).parents[1] / "worker.py"

UNRESPONSIVE_SHARE: Final = 0.3
"""The share of the fabrics that become unresponsive."""

SETTLING_INTERVALS: Final = 3
"""Intervals before a baseline in which NetBox works off the changes of many fabrics."""

IN_SYNC_TIMEOUT_SECONDS: Final = 600.0


@dataclass(frozen=True)
class BenchFabric:
    """One fabric: its name, its loop, and the proxies to its API and its Git host."""

    name: str
    loop: WorkflowHandle[FabricSync, str]
    api_proxy: TcpProxy
    git_proxy: TcpProxy

    async def is_in_sync(self) -> bool:
        """Return whether its loop runs and reports `in_sync`."""
        try:
            return (await self.loop.query(FabricSync.status)).sync_status == "in_sync"
        except RPCError:  # its loop has not started yet
            return False

    def close(self) -> None:
        """Close the proxies."""
        self.api_proxy.close()
        self.git_proxy.close()

    async def query_reports(self, since: datetime, until: datetime) -> list[SyncReport]:
        """Return the reports of slots in this period."""
        history = await self.loop.query(FabricSync.history)
        return [report for report in history if report.slot and since <= report.slot < until]


@dataclass(frozen=True)
class BenchFleet:
    """All fabrics, and the API that they share behind their proxies."""

    fabrics: list[BenchFabric]
    api: EmulatedKubernetesApi

    @property
    def unresponsive(self) -> list[BenchFabric]:
        """The fabrics that become unresponsive."""
        return self.fabrics[: round(UNRESPONSIVE_SHARE * len(self.fabrics))]

    @property
    def responsive(self) -> list[BenchFabric]:
        """The other fabrics."""
        return self.fabrics[len(self.unresponsive) :]

    def inject_faults(self) -> None:
        """Make each third unresponsive in its own way."""
        for number, fabric in enumerate(self.unresponsive):
            match number % 3:
                case 0:
                    fabric.api_proxy.drop_packets()
                    fabric.git_proxy.drop_packets()
                case 1:
                    fabric.api_proxy.hang()
                    fabric.git_proxy.hang()
                case _:
                    self.api.inject_fault(Fault(0, fabric.name))  # its namespace is in the path
                    fabric.git_proxy.hang()

    def clear_faults(self) -> None:
        """Let all fabrics answer again."""
        self.api.clear_faults()
        for fabric in self.unresponsive:
            fabric.api_proxy.forward()
            fabric.git_proxy.forward()


@dataclass(frozen=True)
class Options:
    """The size of a measurement; `interval` and `phase` are in seconds."""

    fabrics: int
    interval: int
    phase: int
    rounds: int


def main(
    fabrics: Annotated[int, typer.Option(min=4, help="Number of fabrics.")] = 40,
    interval: Annotated[int, typer.Option(min=5, help="Seconds between syncs.")] = 10,
    phase: Annotated[int, typer.Option(help="Seconds of each phase.")] = 60,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of both phases.")] = 3,
) -> None:
    """Measure how late healthy fabrics are while others are unresponsive."""
    machine, options = describe_machine(), Options(fabrics, interval, phase, rounds)
    with Stack() as stack, kubernetes_emulator() as api:
        result = asyncio.run(_measure(stack, api, options))
    print_result("bulkheads", machine, result)


async def _measure(stack: Stack, api: EmulatedKubernetesApi, options: Options) -> dict[str, Any]:
    async with _running_fleet(stack, api, options) as fleet:
        rounds = [await _run_round(fleet, options) for _ in range(options.rounds)]
        return {
            "fabrics": len(fleet.fabrics),
            "unresponsive": len(fleet.unresponsive),
            "interval": options.interval,
            "records": "a real NetBox on the same machine",
            "rounds": rounds,
            "p99_ratio": statistics.median(figures["p99_ratio"] for figures in rounds),
            "goals": {"p99_ratio": 2.0},
        }


async def _run_round(fleet: BenchFleet, options: Options) -> dict[str, Any]:
    baseline = await _measure_lateness(fleet, options.phase)
    fleet.inject_faults()
    unresponsive = await _measure_lateness(fleet, options.phase)
    fleet.clear_faults()
    started = time.monotonic()
    await _wait_until_in_sync(fleet.unresponsive)
    recovery_seconds = time.monotonic() - started
    await asyncio.sleep(SETTLING_INTERVALS * options.interval)
    return {
        "baseline": baseline,
        "unresponsive": unresponsive,
        "p99_ratio": round(unresponsive["p99"] / baseline["p99"], 2),
        "recovery_seconds": round(recovery_seconds, 1),
    }


async def _measure_lateness(fleet: BenchFleet, seconds: float) -> dict[str, float]:
    """Return how late the responsive fabrics are synced during the next `seconds`."""
    since = datetime.now(UTC)
    await asyncio.sleep(seconds)
    until = datetime.now(UTC)
    histories = [await fabric.query_reports(since, until) for fabric in fleet.responsive]
    reports = [report for history in histories for report in history]
    lateness = [report.lateness for report in reports if report.lateness is not None]
    percentiles = statistics.quantiles(lateness, n=100, method="inclusive")
    return {
        "p50": round(percentiles[49], 3),
        "p99": round(percentiles[98], 3),
        "max": round(max(lateness), 3),
        "syncs": len(lateness),
        "failed": len(reports) - len(lateness),
        "missed": sum(report.missed for report in reports),
    }


async def _wait_until_in_sync(fabrics: Iterable[BenchFabric]) -> None:
    for fabric in fabrics:
        waiting = AsyncRetrying(
            wait=wait_fixed(0.2),
            stop=stop_after_delay(IN_SYNC_TIMEOUT_SECONDS),
            retry=retry_if_result(lambda is_in_sync: not is_in_sync),
        )
        await waiting(fabric.is_in_sync)


@asynccontextmanager
async def _running_fleet(
    stack: Stack, api: EmulatedKubernetesApi, options: Options
) -> AsyncIterator[BenchFleet]:
    """Run a worker, with all fabrics in sync."""
    with ExitStack() as exits:
        files = stack.log_dir.parent / "bench"
        settings = make_worker_environment(stack, set_up_netbox(stack), files)
        client = await Client.connect(
            stack.temporal.address, data_converter=pydantic_data_converter
        )
        names = [f"fabric-{number:03}" for number in range(options.fabrics)]
        repository = stack.git.create_repository("fabrics")
        repository.commit(
            {f"{name}/fabric.yaml": yaml.safe_dump_all(_make_objects(name)) for name in names}
        )
        credentials = files / "credentials"
        fabrics = [_make_fabric(n, client, api, stack.git.url, credentials / n) for n in names]
        for fabric in fabrics:
            exits.callback(fabric.close)
        _create_records(stack, fabrics, repository.url.rpartition("/")[2], options.interval)
        supervisor = exits.enter_context(closing(Supervisor(stack.log_dir)))
        supervisor.start("Worker", [sys.executable, WORKER_SCRIPT], env=settings)
        await _wait_until_in_sync(fabrics)
        await asyncio.sleep(SETTLING_INTERVALS * options.interval)
        yield BenchFleet(fabrics, api)


def _make_fabric(
    name: str, client: Client, api: EmulatedKubernetesApi, git_url: str, credential: Path
) -> BenchFabric:
    """Create a fabric's objects in its namespace, its proxies and its credential."""
    api.apply_all(_make_objects(name))
    api_proxy, git_proxy = TcpProxy(_parse_port(api.server)), TcpProxy(_parse_port(git_url))
    api.write_credential(credential)
    (credential / "server").write_text(f"https://{LOOPBACK}:{api_proxy.port}")
    loop: WorkflowHandle[FabricSync, str] = client.get_workflow_handle_for(
        FabricSync.run, workflow_id(name)
    )
    return BenchFabric(name, loop, api_proxy, git_proxy)


def _create_records(
    stack: Stack, fabrics: list[BenchFabric], repository: str, interval: int
) -> None:
    admin = NetBox(stack.netbox.url, stack.netbox.token, connect_timeout=5, timeout=60)
    with closing(admin) as netbox:
        for fabric in fabrics:
            fields = {
                "hh_fabric_id": fabric.name,
                "hh_sync_enabled": True,
                "hh_sync_interval": interval,
                "hh_kubernetes_server": f"https://{LOOPBACK}:{fabric.api_proxy.port}",
                "hh_kubernetes_namespace": fabric.name,
                "hh_git_repository": f"http://{LOOPBACK}:{fabric.git_proxy.port}/{repository}",
                "hh_git_directory": fabric.name,
            }
            netbox.create_record(fabric.name, fields)


def _make_objects(namespace: str) -> list[dict[str, Any]]:
    specs = [{"description": f"number {number}"} for number in range(10)]
    return [make_manifest("Server", f"server-{n}", spec, namespace) for n, spec in enumerate(specs)]


def _parse_port(url: str) -> int:
    return int(url.rpartition(":")[2])


if __name__ == "__main__":
    typer.run(main)
