"""How late fabrics are read while others are black holes, beside the same fabrics shortly before.

Run `.venv/bin/python bench/bulkheads.py`; it prints one JSON line. A real worker process reads fabrics
from an emulated Kubernetes API and a Git server, each fabric through gates of its own, and keeps its
records in a real NetBox. Then some fall silent, both their API and their Git host: in a third of them
packets are lost, in a third connections are accepted and nothing follows, and in a third the API does
all but answer requests. The lateness of the others (from the slot to the look at the fabric, seconds)
is taken from their loops' own reports: of a phase before, and of one that begins as the first fall
silent. At last the silent ones come back, and it is measured how long all of them take.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/bulkheads.py`

from activities.netbox.client import NetBox
from bench.tcp_proxy import LOOPBACK, TcpProxy
from fabrics.loop.loop import workflow_id
from fabrics.loop.report import SyncReport
from stack.demo.demo import make_worker_environment
from stack.demo.seed import set_up_netbox
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.kubernetes.faults import Fault
from stack.processes.supervisor import Supervisor
from stack.stack import Stack
from workflows.fabric_sync import FabricSync

WORKER_SCRIPT: Final = Path(__file__).parents[1] / "worker.py"

UNRESPONSIVE_SHARE: Final = 0.3
"""The part of the fabrics that fall silent."""

SETTLING_INTERVALS: Final = 3
"""Intervals in which NetBox takes what changed for many fabrics at once, before a baseline is taken."""

IN_SYNC_TIMEOUT_SECONDS: Final = 600.0
"""Seconds that all fabrics get to be in sync."""


@dataclass(frozen=True)
class Fabric:
    """One fabric: what it is called, its loop, and what stands before its API and its Git host."""

    name: str
    loop: WorkflowHandle[FabricSync, str]
    api_proxy: TcpProxy
    git_proxy: TcpProxy

    async def is_in_sync(self) -> bool:
        """Whether its loop runs and says so."""
        try:
            return (await self.loop.query(FabricSync.status)).sync_status == "in_sync"
        except RPCError:  # its loop has not been started yet
            return False

    def close(self) -> None:
        """Close its gates."""
        self.api_proxy.close()
        self.git_proxy.close()

    async def query_reports(self, since: datetime, until: datetime) -> list[SyncReport]:
        """Those of slots in that time."""
        history = await self.loop.query(FabricSync.history)
        return [each for each in history if each.slot and since <= each.slot < until]


@dataclass(frozen=True)
class Fleet:
    """All fabrics, and the API that they share behind their gates."""

    fabrics: list[Fabric]
    api: EmulatedKubernetesApi

    @property
    def unresponsive(self) -> list[Fabric]:
        """Those that fall silent."""
        return self.fabrics[: round(UNRESPONSIVE_SHARE * len(self.fabrics))]

    @property
    def responsive(self) -> list[Fabric]:
        """Those that do not."""
        return self.fabrics[len(self.unresponsive) :]

    def inject_faults(self) -> None:
        """Each third in its own way."""
        for number, fabric in enumerate(self.unresponsive):
            match number % 3:
                case 0:
                    fabric.api_proxy.drop_packets()
                    fabric.git_proxy.drop_packets()
                case 1:
                    fabric.api_proxy.hang()
                    fabric.git_proxy.hang()
                case _:
                    self.api.inject_fault(Fault(0, fabric.name))  # its namespace stands in the path
                    fabric.git_proxy.hang()

    def clear_faults(self) -> None:
        """All of them."""
        self.api.clear_faults()
        for fabric in self.unresponsive:
            fabric.api_proxy.forward()
            fabric.git_proxy.forward()


def main() -> None:
    """Measures, and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fabrics", type=int, default=40)
    parser.add_argument("--interval", type=int, default=10)
    parser.add_argument("--phase", type=int, default=60, help="seconds")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with Stack() as stack, kubernetes_emulator() as api:
        result = asyncio.run(_measure(stack, api, options))
    print(json.dumps({"benchmark": "bulkheads", **result}))


async def _measure(
    stack: Stack, api: EmulatedKubernetesApi, options: argparse.Namespace
) -> dict[str, Any]:
    async with _running_fleet(stack, api, options) as fleet:
        rounds = [await _run_round(fleet, options) for _ in range(options.rounds)]
        return {
            "fabrics": len(fleet.fabrics),
            "black": len(fleet.unresponsive),
            "interval": options.interval,
            "records": "a real NetBox on the same machine",
            "rounds": rounds,
            "p99_ratio": statistics.median(each["p99_ratio"] for each in rounds),
            "goals": {"p99_ratio": 2.0},
        }


async def _run_round(fleet: Fleet, options: argparse.Namespace) -> dict[str, Any]:
    baseline = await _measure_lateness(fleet, options.phase)
    fleet.inject_faults()
    black = await _measure_lateness(fleet, options.phase)
    fleet.clear_faults()
    begun = time.monotonic()
    await _wait_until_in_sync(fleet.unresponsive)
    recovered = time.monotonic() - begun
    await asyncio.sleep(SETTLING_INTERVALS * options.interval)
    ratio = black["p99"] / baseline["p99"]
    return {
        "baseline": baseline,
        "black": black,
        "p99_ratio": round(ratio, 2),
        "recovered_after": round(recovered, 1),
    }


async def _measure_lateness(fleet: Fleet, seconds: float) -> dict[str, float]:
    """How late the others were in the next so many seconds."""
    since = datetime.now(UTC)
    await asyncio.sleep(seconds)
    until = datetime.now(UTC)
    reports = [
        each for fabric in fleet.responsive for each in await fabric.query_reports(since, until)
    ]
    late = [each.lateness for each in reports if each.lateness is not None]
    hundredths = statistics.quantiles(late, n=100, method="inclusive")
    return {
        "p50": round(hundredths[49], 3),
        "p99": round(hundredths[98], 3),
        "max": round(max(late), 3),
        "syncs": len(late),
        "failed": len(reports) - len(late),
        "missed": sum(each.missed for each in reports),
    }


async def _wait_until_in_sync(fabrics: Iterable[Fabric]) -> None:
    for fabric in fabrics:
        await _wait_until(fabric.is_in_sync)


async def _wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    waiting = AsyncRetrying(
        wait=wait_fixed(0.2),
        stop=stop_after_delay(IN_SYNC_TIMEOUT_SECONDS),
        retry=retry_if_result(lambda held: not held),
    )
    await waiting(condition)


@asynccontextmanager
async def _running_fleet(
    stack: Stack, api: EmulatedKubernetesApi, options: argparse.Namespace
) -> AsyncIterator[Fleet]:
    """A worker, and so many fabrics, all of them in sync."""
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
        fabrics = [
            _make_fabric(name, client, api, stack.git.url, files / "credentials" / name)
            for name in names
        ]
        for fabric in fabrics:
            exits.callback(fabric.close)
        _create_records(stack, fabrics, repository.url.rpartition("/")[2], options.interval)
        supervisor = Supervisor(stack.log_dir)
        exits.callback(supervisor.close)
        supervisor.start("Worker", [sys.executable, WORKER_SCRIPT], env=settings)
        await _wait_until_in_sync(fabrics)
        await asyncio.sleep(SETTLING_INTERVALS * options.interval)
        yield Fleet(fabrics, api)


def _make_fabric(
    name: str, client: Client, api: EmulatedKubernetesApi, git_url: str, credential: Path
) -> Fabric:
    """A fabric with its objects in a namespace of the API, its gates, and its credential."""
    api.apply_all(_make_objects(name))
    api_gate, git_gate = TcpProxy(_parse_port(api.server)), TcpProxy(_parse_port(git_url))
    api.write_credential(credential)
    (credential / "server").write_text(f"https://{LOOPBACK}:{api_gate.port}")
    loop = client.get_workflow_handle_for(FabricSync.run, workflow_id(name))
    return Fabric(name, loop, api_gate, git_gate)


def _create_records(stack: Stack, fabrics: list[Fabric], repository: str, interval: int) -> None:
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
    return [
        {
            "apiVersion": "wiring.githedgehog.com/v1beta1",
            "kind": "Server",
            "metadata": {"name": f"server-{number}", "namespace": namespace},
            "spec": {"description": f"number {number}"},
        }
        for number in range(10)
    ]


def _parse_port(url: str) -> int:
    return int(url.rpartition(":")[2])


if __name__ == "__main__":
    main()
