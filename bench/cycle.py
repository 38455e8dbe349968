"""Measure what one sync costs while nothing changes, and after one change.

Run `.venv/bin/python bench/cycle.py 40 1000 10000`. For each number of objects, a real worker syncs one fabric with
its objects in a Git server and a Kubernetes API, its record and its inventory in a real NetBox, and its loop in a
real Temporal server. The API is the real one if `KUBEBUILDER_ASSETS` is set, otherwise the emulator. The worker
reaches all three through proxies that count requests and bytes. Settings in the environment that concern neither
servers nor files of the bench, such as FABRIC_SYNC_ENCRYPTION_KEYS_FILE, count for that worker.

First the idle worker is measured; its CPU time is subtracted from that of cycles. Then come cycles with nothing
changed, and cycles before each of which the description of one server is changed in the API, so that a sync finds
drift, or finds none any more, writes the record and updates the inventory. The floor is the CPU time of only
receiving and decoding the same lists over a kept connection, in the same run.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/cycle.py`

import temporal
from activities.kubernetes.paged_lists import PAGE_SIZE
from activities.netbox.client import NetBox
from bench.installation.counting_proxy import counting_proxy
from bench.installation.cycle_cost import (
    Window,
    count_pages,
    describe_cycles,
    describe_traffic,
    judge_unchanged,
)
from bench.installation.list_floor import measure_floor_cpu_ms
from bench.installation.loop_probe import LoopProbe
from bench.installation.measured_fabric import MeasuredFabric
from bench.installation.worker_process import worker_process
from bench.manifests import make_fabric, make_files, make_live_object
from bench.measure.result import describe_machine, print_result, report_progress
from fabrics.resources.kinds import LISTED_KINDS
from stack.demo.demo import make_worker_environment
from stack.demo.seed import set_up_netbox
from stack.kubernetes.api import kubernetes_api
from stack.kubernetes.base import KubernetesApi
from stack.processes.supervisor import get_base_environment
from stack.stack import Stack

SIZES: Final = (40, 1000, 10_000)
STARTER_SCRIPT: Final = Path(__file__).parents[1] / "starter.py"

SETTLING_INTERVALS: Final = 4
"""After the first sync: its pass may take longer than an interval."""

PREFIX: Final = "FABRIC_SYNC_"
KEYS_FILE: Final = "FABRIC_SYNC_ENCRYPTION_KEYS_FILE"

START_SECONDS: Final = 10
"""A worker that has started is idle after this."""

CHANGED_SERVER: Final = "server-0-0"
SMALLEST_FABRIC: Final = 40
"""Objects; fewer may not include the server that is changed."""


@dataclass(frozen=True)
class Options:
    """What is measured; `interval` is in seconds.

    Above `inventory_up_to` objects no inventory is written.
    """

    objects: Sequence[int]
    cycles: int
    changes: int
    interval: int
    inventory_up_to: int


def main(
    objects: Annotated[list[int] | None, typer.Argument(help="Sizes: 40 1000 10000.")] = None,
    cycles: Annotated[int, typer.Option(min=1, help="Cycles with nothing changed.")] = 10,
    changes: Annotated[int, typer.Option(min=1, help="Cycles with one change.")] = 4,
    interval: Annotated[int, typer.Option(min=5, help="Seconds between syncs.")] = 10,
    inventory_up_to: Annotated[
        int, typer.Option(help="Objects above which no inventory is written, to save an hour.")
    ] = 1000,
) -> None:
    """Measure what one sync costs while nothing changes, and after one change."""
    machine = describe_machine()
    options = Options(objects or SIZES, cycles, changes, interval, inventory_up_to)
    with Stack(report_progress) as stack:
        print_result("cycle", machine, measure(stack, options))


def measure(stack: Stack, options: Options) -> dict[str, Any]:
    """Return the figures of each size and kind of cycle, and the goals."""
    own = make_worker_environment(stack, set_up_netbox(stack), stack.log_dir.parent / "bench")
    settings = {name: os.environ[name] for name in os.environ if name.startswith(PREFIX)} | own
    result: dict[str, Any] = {
        "kubernetes": "kube-apiserver" if "KUBEBUILDER_ASSETS" in os.environ else "emulator",
        "interval_s": options.interval,
        "runs": [],
        "traffic": [],
        "goals": [],
    }
    for objects in options.objects:
        with kubernetes_api() as api:
            api.apply_all(_make_live_objects(objects))
            floor = round(measure_floor_cpu_ms(api), 1)
            measured = asyncio.run(_measure_size(stack, settings, objects, api, options))
        for cycle, (run, traffic) in measured.items():
            name = {"objects": objects, "cycle": cycle}
            result["runs"].append(name | {"floor_cpu_ms": floor} | run)
            result["traffic"] += [name | row for row in traffic]
        unchanged, traffic = measured["unchanged"]
        unchanged |= {"objects": objects, "floor_cpu_ms": floor}
        result["goals"] += judge_unchanged(unchanged, traffic, _count_pages(objects))
    return result


type Measured = tuple[dict[str, Any], list[dict[str, Any]]]
"""The figures of one kind of cycle, and its traffic by source."""


async def _measure_size(
    stack: Stack,
    settings: dict[str, str],
    objects: int,
    api: KubernetesApi,
    options: Options,
) -> dict[str, Measured]:
    """Return what was measured by kind of cycle."""
    has_inventory = objects <= options.inventory_up_to
    settings = settings | {
        "FABRIC_SYNC_INVENTORY": str(has_inventory),
        "FABRIC_SYNC_FLEET_INTERVAL": "3600",  # its rounds are no part of a cycle
    }
    async with _running_fabric(stack, settings, objects, api, options.interval) as fabric:
        idle = await _measure_idle(fabric)
        await _start_syncs(fabric, settings)
        windows = {
            "unchanged": await _measure_unchanged(fabric, options.cycles),
            "one change": await _measure_changed(fabric, options.changes),
        }
        memory = round(fabric.worker.read_memory_mb())
        await _run_starter("disable", fabric, settings)
    common = {"inventory": has_inventory, "worker_memory_mb": memory}
    return {
        cycle: (describe_cycles(window, idle) | common, list(describe_traffic(window)))
        for cycle, window in windows.items()
    }


@asynccontextmanager
async def _running_fabric(
    stack: Stack, settings: dict[str, str], objects: int, api: KubernetesApi, interval: int
) -> AsyncIterator[MeasuredFabric]:
    """Run a worker for a fabric that is not enabled yet."""
    name = f"fabric-{objects}"
    repository = stack.git.create_repository(name)
    repository.commit(make_files(make_fabric(objects)))
    async with AsyncExitStack() as exits:
        git_url, git = await exits.enter_async_context(counting_proxy(stack.git.url))
        api_url, kubernetes = await exits.enter_async_context(counting_proxy(api.server, api.auth))
        netbox_url, netbox = await exits.enter_async_context(counting_proxy(stack.netbox.url))
        credential = Path(settings["FABRIC_SYNC_CREDENTIALS_DIR"]) / name
        api.auth.write_credential(credential, api_url)
        fields = {
            "hh_fabric_id": name,
            "hh_sync_interval": interval,
            "hh_kubernetes_server": api_url,
            "hh_git_repository": f"{git_url}/{repository.path.name}",
        }
        with closing(_make_netbox_client(stack)) as admin:
            admin.create_record(name, fields)
        worker = exits.enter_context(
            worker_process(stack.log_dir, settings | {"FABRIC_SYNC_NETBOX_URL": netbox_url})
        )
        keys_file = Path(settings[KEYS_FILE]) if KEYS_FILE in settings else None
        client = await temporal.connect(settings, keys_file)
        proxies = {"git": git, "kubernetes": kubernetes, "netbox": netbox}
        yield MeasuredFabric(LoopProbe(client, name), api, worker, proxies, interval)


def _make_netbox_client(stack: Stack) -> NetBox:
    return NetBox(stack.netbox.url, stack.netbox.token, connect_timeout=5, timeout=60)


async def _measure_idle(fabric: MeasuredFabric) -> float:
    """Return the CPU time of the idle worker in ms a second."""
    await asyncio.sleep(START_SECONDS)
    start = fabric.take_snapshot()
    await fabric.sleep_for_cycles(2)
    end = fabric.take_snapshot()
    seconds = (end.moment - start.moment).total_seconds()
    return 1000 * (end.cpu_seconds - start.cpu_seconds) / seconds


async def _start_syncs(fabric: MeasuredFabric, settings: Mapping[str, str]) -> None:
    """Enable the fabric, and wait until it is in sync and all that follows has ended."""
    await _run_starter("enable", fabric, settings)
    await fabric.probe.wait_until_in_sync()
    await fabric.sleep_for_cycles(SETTLING_INTERVALS)
    await fabric.wait_between_cycles()


async def _run_starter(command: str, fabric: MeasuredFabric, settings: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        STARTER_SCRIPT,
        command,
        fabric.probe.fabric_id,
        env=get_base_environment() | dict(settings),
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        raise SystemExit(f"`starter.py {command} {fabric.probe.fabric_id}` failed.")


async def _measure_unchanged(fabric: MeasuredFabric, cycles: int) -> Window:
    await fabric.wait_between_cycles()
    start = fabric.take_snapshot()
    await fabric.sleep_for_cycles(cycles)
    return await fabric.measure_window(start)


async def _measure_changed(fabric: MeasuredFabric, cycles: int) -> Window:
    """Measure cycles with a change in the API before each."""
    await fabric.wait_between_cycles()
    start = fabric.take_snapshot()
    for number in range(cycles):
        _change_server(fabric.api, "changed" if number % 2 == 0 else "")
        await fabric.sleep_for_cycles(1)
        await fabric.probe.wait_for_inventory()
    return await fabric.measure_window(start)


def _change_server(api: KubernetesApi, description: str) -> None:
    """Change one object in the API; an empty text is what Git says."""
    server = next(
        item
        for item in _make_live_objects(SMALLEST_FABRIC)
        if item["metadata"]["name"] == CHANGED_SERVER
    )
    api.apply(server | {"spec": {"description": description} if description else {}})


def _make_live_objects(objects: int) -> list[dict[str, Any]]:
    return [make_live_object(number, item) for number, item in enumerate(make_fabric(objects))]


def _count_pages(objects: int) -> int:
    kinds = Counter(item["kind"] for item in make_fabric(objects))
    return count_pages((kinds[kind.name] for kind in LISTED_KINDS), PAGE_SIZE)


if __name__ == "__main__":
    typer.run(main)
