"""Measure how fast a fabric's inventory is loaded into NetBox.

Run `.venv/bin/python bench/inventory.py [--racks N] [--dump FILE.json] [--optics N]`, each option as often as you
like: generated fabrics with N racks, dumps of `kubectl get ... -o json`, and switches with 128 optics each that report
N optics. Two fabrics with the same objects are loaded into a real NetBox with a worker's permissions: one by a whole
sync, from reading NetBox to the report, the other only by the necessary bulk requests, in the same order and with the
same concurrency (the floor). Then a sync without changes is timed and its requests are counted. A rack has 64
Hedgehog objects. 17 racks are about the size of the largest real sample, 170 are ten times that and take an hour on
two cores.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import requests
import typer
from temporalio.testing import ActivityEnvironment

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/inventory.py`

from activities.git.desired_state import DesiredStateCache
from activities.inventory.netbox.client import MAX_CONCURRENT_REQUESTS, InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.read.reader import Reader
from activities.inventory.update import InventoryActivities
from activities.inventory.write.batches import Lane, split_into_lanes
from activities.inventory.write.writer import Writer
from activities.netbox.client import NetBox
from bench.installation.fixed_live_states import Agents, FixedLiveStates, serialize_agents
from bench.manifests import (
    NAMESPACES,
    OBJECTS_PER_RACK,
    make_agents,
    make_fabric,
    make_switches,
)
from bench.measure.result import describe_machine, print_result, report_progress
from cli.fabrics.offline import read_live
from fabrics.agents.facts import AgentFacts, parse_facts_page
from fabrics.drift.dump import parse_dump
from fabrics.drift.model import LiveState
from fabrics.inventory.compare.changes import Changes, Stage, Write, find_changes
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.report.report import FindingType, InventoryReport
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.resources.json_types import Json
from settings import Settings
from stack.demo.seed import set_up_netbox
from stack.stack import Stack

DEFAULT_RACK_COUNTS: Final = (17, 170)
"""Racks of the fabrics that are measured by default."""


class BenchmarkCase(NamedTuple):
    """A fabric to measure, with what its agents report."""

    number: int
    name: str
    live: LiveState
    agents: Agents = ()


def make_live_state(manifests: Sequence[dict[str, Any]]) -> LiveState:
    """Return the live state of a fabric with these objects."""
    items: list[Json] = [*manifests]
    return parse_dump({"apiVersion": "v1", "kind": "List", "items": items})


def measure_floor(netbox: InventoryNetBox, plan: Plan) -> float:
    """Return the seconds that only the necessary requests take."""
    reader = Reader(netbox, plan.fabric.fabric_id)
    changes = find_changes(plan, reader.read(plan))
    serialize = Writer(netbox, reader, plan.fabric.fabric_id, "bench").serialize
    started = time.monotonic()
    with ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS) as pool:
        _send_changes(changes, pool, netbox, serialize)
    return time.monotonic() - started


type RowSerializer = Callable[[Write, dict[Ref, ObjectId]], dict[str, Any]]


def _send_changes(
    changes: Changes, pool: ThreadPoolExecutor, netbox: InventoryNetBox, serialize: RowSerializer
) -> None:
    ids = dict(changes.existing_ids)

    def send(lane: Lane) -> list[tuple[Ref, ObjectId]]:
        written = []
        for batch in lane:
            body = [serialize(write, ids) for write in batch.writes]
            rows = netbox.write(batch.method, PATHS[batch.model], body)
            new_ids = (ObjectId(batch.model, row["id"]) for row in rows)
            written += list(zip((write.ref for write in batch.writes), new_ids, strict=True))
        return written

    for stage in changes.stages:
        for written in pool.map(send, split_into_lanes(_fill_ids(stage, ids))):
            ids.update(written)


def _fill_ids(stage: Stage, ids: dict[Ref, ObjectId]) -> Stage:
    return tuple(Write(w.ref, w.id or ids.get(w.ref), w.fields, w.key) for w in stage)


class CountingNetBox(InventoryNetBox):
    """A client that counts its responses."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(
            url, token, connect_timeout=5, timeout=120, max_concurrent=MAX_CONCURRENT_REQUESTS
        )
        self.response_count = 0
        self._session.hooks["response"].append(self._count_response)

    def _count_response(self, response: requests.Response, **_: object) -> requests.Response:
        self.response_count += 1
        return response


class SyncMeasurement(NamedTuple):
    """The report, duration and number of requests of one sync."""

    report: InventoryReport
    seconds: float
    request_count: int


def measure_sync(
    netbox: CountingNetBox, config: FabricConfig, live_states: FixedLiveStates
) -> SyncMeasurement:
    """Update NetBox to the live state, and measure it. Skipped objects are allowed."""
    activities = InventoryActivities(netbox, DesiredStateCache(), live_states, Settings(), "bench")
    request = InventoryRequest(config=config, live_digest="", expected_counts={}, sync_number=1)
    before, started = netbox.response_count, time.monotonic()
    report = ActivityEnvironment().run(activities.update_inventory, request).report
    seconds = time.monotonic() - started
    if report.problems.keys() - {FindingType.SKIPPED}:
        raise SystemExit(f"The inventory update was incomplete: {report.findings[0]}")
    return SyncMeasurement(report, seconds, netbox.response_count - before)


def measure_case(admin: NetBox, netbox: CountingNetBox, case: BenchmarkCase) -> dict[str, Any]:
    """Return all figures of a fabric; the floor first, before caches are warm."""
    live, live_states = case.live, FixedLiveStates(case.live, case.agents)
    plan = make_plan(
        live,
        FabricIdentity(f"floor-{case.number}", f"Floor of {case.name}"),
        {fact.name: fact for fact in _parse_facts(case.agents)},
    )
    config = _create_record(admin, FabricIdentity(f"synced-{case.number}", case.name))
    objects, floor_seconds = len(plan.objects), measure_floor(netbox, plan)
    load, unchanged = (measure_sync(netbox, config, live_states) for _ in range(2))
    if unchanged.report.has_changes:
        raise SystemExit(f"The sync without changes wrote to NetBox: {unchanged.report}")
    return {
        "fabric": case.name,
        "hedgehog_objects": sum(map(len, live.resources.values())),
        "objects": objects,
        "load_seconds": round(load.seconds, 1),
        "objects_per_second": round(objects / load.seconds, 1),
        "floor_objects_per_second": round(objects / floor_seconds, 1),
        "floor_ratio": round(floor_seconds / load.seconds, 2),
        "unchanged_seconds": round(unchanged.seconds, 2),
        "unchanged_requests": unchanged.request_count,
        "unchanged_ratio": round(unchanged.seconds / load.seconds, 3),
    }


def _parse_facts(agents: Agents) -> tuple[AgentFacts, ...]:
    return parse_facts_page(serialize_agents(agents)).facts


def _create_record(admin: NetBox, fabric: FabricIdentity) -> FabricConfig:
    """Create a record for the fabric, and return its configuration."""
    record = admin.create_record(fabric.name, {"hh_fabric_id": fabric.fabric_id})
    target = KubernetesTarget(server="https://10.0.0.1:6443", namespace="default", credential="x")
    return FabricConfig(
        fabric_id=fabric.fabric_id, name=fabric.name, record_id=record["id"], kubernetes=target
    )


def main(
    racks: Annotated[list[int] | None, typer.Option(help="A size of a generated fabric.")] = None,
    dump: Annotated[list[Path] | None, typer.Option(help="A file of `kubectl get`.")] = None,
    optics: Annotated[list[int] | None, typer.Option(help="Optics that switches report.")] = None,
) -> None:
    """Measure how fast inventories are loaded into a real NetBox."""
    machine = describe_machine()
    cases = list(_iter_cases(racks or [], dump or [], optics or []))
    with Stack(report_progress) as stack, ExitStack() as clients:
        url = stack.netbox.url
        admin = NetBox(url, stack.netbox.token, connect_timeout=5, timeout=60)
        clients.enter_context(closing(admin))
        netbox = CountingNetBox(url, set_up_netbox(stack))
        clients.enter_context(closing(netbox))
        result = {"sizes": [measure_case(admin, netbox, case) for case in cases]}
    print_result("inventory", machine, result)


def _iter_cases(racks: list[int], dumps: list[Path], optics: list[int]) -> Iterator[BenchmarkCase]:
    """Yield the requested fabrics, by default those of `DEFAULT_RACK_COUNTS`."""
    numbers = count()
    for dump in dumps:
        yield BenchmarkCase(next(numbers), dump.name, read_live(dump))
    for number in racks or ([] if dumps or optics else DEFAULT_RACK_COUNTS):
        live = make_live_state(make_fabric(NAMESPACES + number * OBJECTS_PER_RACK))
        yield BenchmarkCase(next(numbers), f"{number} racks", live)
    for number in optics:
        agents = make_agents(number)
        live = make_live_state(make_switches(agents))
        yield BenchmarkCase(next(numbers), f"{number} optics", live, agents)


if __name__ == "__main__":
    typer.run(main)
