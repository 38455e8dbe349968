"""How fast a fabric's inventory comes into NetBox, beside the fastest that the same NetBox takes it.

Run `.venv/bin/python bench/inventory.py [--racks N ...] [--dump FILE.json ...]`; it prints one JSON line with
the figures of each fabric: made-up ones of so many racks, and such as `kubectl get ... -o json` prints. Two
fabrics of the same objects go into a real NetBox, as the user that workers are: one by a whole sync, from
reading NetBox to its report, the other as nothing but the bulk requests that it takes, in the same order and
from as many writers (the floor). Then a sync with nothing changed is timed and its requests are counted. A
rack has 65 objects of Hedgehog: two leaves, twenty servers at both, and a VPC with a server in it. 17 racks
are as many as the largest real fabric at hand has, 170 are ten times that: on two cores, they take an hour.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, override

import requests
from temporalio.testing import ActivityEnvironment

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/inventory.py`

from activities import setup
from activities.inventory.netbox.client import MAX_CONCURRENT_REQUESTS, InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.read.reader import Reader
from activities.inventory.update import InventoryActivities
from activities.inventory.write.batches import Lane, split_into_lanes
from activities.inventory.write.writer import Writer
from activities.kubernetes.live_state import LiveStateCache
from activities.netbox.client import NetBox
from cli.fabrics.offline import read_live
from fabrics.drift import LiveState, parse_dump
from fabrics.inventory.compare.changes import Changes, Stage, Write, find_changes
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.report.report import FindingType, InventoryReport
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig, KubernetesTarget
from settings import Settings
from stack.stack import Stack

DEFAULT_RACK_COUNTS: Final = (17, 170)
"""Racks of the fabrics that are measured unless others are named."""

SERVERS_PER_RACK: Final = 20
WIRING_API_VERSION: Final = "wiring.githedgehog.com/v1beta1"
VPC_API_VERSION: Final = "vpc.githedgehog.com/v1beta1"


class BenchmarkCase(NamedTuple):
    """A fabric to measure."""

    number: int
    name: str
    live: LiveState


def make_live_state(racks: int) -> LiveState:
    """The live state of a fabric with so many racks."""
    namespaces = [
        _make_object("IPv4Namespace", "default", {"subnets": ["10.0.0.0/8"]}, VPC_API_VERSION),
        _make_object("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}),
    ]
    items = [*namespaces, *(each for rack in range(racks) for each in _make_rack(rack))]
    return parse_dump({"apiVersion": "v1", "kind": "List", "items": items})


def _make_rack(rack: int) -> Iterator[Any]:
    leaves = [f"leaf-{rack}-{side}" for side in "ab"]
    for leaf in leaves:
        yield _make_object("Switch", leaf, {"role": "server-leaf", "profile": "vs"})
    subnet = {"subnet": f"10.{rack}.0.0/24", "vlan": 1000 + rack, "gateway": f"10.{rack}.0.1"}
    yield _make_object("VPC", f"vpc-{rack}", {"subnets": {"default": subnet}}, VPC_API_VERSION)
    attached = {"connection": f"server-{rack}-0--{leaves[0]}", "subnet": f"vpc-{rack}/default"}
    yield _make_object("VPCAttachment", f"vpc-{rack}--server-{rack}-0", attached, VPC_API_VERSION)
    for number in range(SERVERS_PER_RACK):
        server = f"server-{rack}-{number}"
        yield _make_object("Server", server, {})
        for side, leaf in enumerate(leaves):
            link = {"server": f"{server}/eth{side}", "switch": f"{leaf}/E1/{number + 1}"}
            ends = {end: {"port": port} for end, port in link.items()}
            yield _make_object("Connection", f"{server}--{leaf}", {"unbundled": {"link": ends}})


def _make_object(kind: str, name: str, spec: Any, api_version: str = WIRING_API_VERSION) -> Any:  # noqa: ANN401  as YAML
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def measure_floor(netbox: InventoryNetBox, plan: Plan) -> float:
    """Seconds that the bare requests take."""
    reader = Reader(netbox, plan.fabric.fabric_id)
    changes = find_changes(plan, reader.read(plan))
    rows = Writer(netbox, reader, plan.fabric.fabric_id, "bench").serialize
    started = time.monotonic()
    with ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS) as pool:
        _send_changes(changes, pool, netbox, rows)
    return time.monotonic() - started


type RowSerializer = Callable[[Write, dict[Ref, ObjectId]], dict[str, Any]]


def _send_changes(
    changes: Changes, pool: ThreadPoolExecutor, netbox: InventoryNetBox, serialize: RowSerializer
) -> None:
    ids = dict(changes.existing_ids)

    def send(lane: Lane) -> list[tuple[Ref, ObjectId]]:
        found = []
        for batch in lane:
            body = [serialize(write, ids) for write in batch.writes]
            answer = netbox.write(batch.method, PATHS[batch.model], body)
            numbers = (ObjectId(batch.model, row["id"]) for row in answer)
            found += list(zip((write.ref for write in batch.writes), numbers, strict=True))
        return found

    for stage in changes.stages:
        for found in pool.map(send, split_into_lanes(_fill_ids(stage, ids))):
            ids.update(found)


def _fill_ids(stage: Stage, ids: dict[Ref, ObjectId]) -> Stage:
    return tuple(
        Write(each.ref, each.id or ids.get(each.ref), each.fields, each.key) for each in stage
    )


class CountingNetBox(InventoryNetBox):
    """Counts the answers that it gets."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(
            url, token, connect_timeout=5, timeout=120, max_concurrent=MAX_CONCURRENT_REQUESTS
        )
        self.response_count = 0
        self._session.hooks["response"].append(self._count_response)

    def _count_response(self, answer: requests.Response, **_: object) -> requests.Response:
        self.response_count += 1
        return answer


class FixedLiveStates(LiveStateCache):
    """What an observation would have read."""

    def __init__(self, live: LiveState) -> None:
        super().__init__()
        self._live = live

    @override
    def get_cached(self, target: KubernetesTarget, expected_digest: str) -> LiveState:
        return self._live


class SyncMeasurement(NamedTuple):
    """One sync as the activity does it: what it wrote, how long it took, and in how many requests."""

    report: InventoryReport
    seconds: float
    request_count: int


def measure_sync(netbox: CountingNetBox, config: FabricConfig, live: LiveState) -> SyncMeasurement:
    """Bring NetBox up to a live state, which may have objects that are skipped."""
    activities = InventoryActivities(netbox, FixedLiveStates(live), Settings())
    request = InventoryRequest(config=config, live_digest="", expected_counts={}, sync_number=1)
    before, started = netbox.response_count, time.monotonic()
    report = ActivityEnvironment().run(activities.update_inventory, request).report
    seconds = time.monotonic() - started
    if report.problems.keys() - {FindingType.SKIPPED}:
        raise SystemExit(f"NetBox did not take all of it: {report.findings[0]}")
    return SyncMeasurement(report, seconds, netbox.response_count - before)


def measure_case(
    admin: NetBox, netbox: CountingNetBox, benchmark_case: BenchmarkCase
) -> dict[str, str | float]:
    """All figures of a fabric; the floor is measured first, so that its caches are not the warm ones."""
    live, ours = (
        benchmark_case.live,
        FabricIdentity(f"ours-{benchmark_case.number}", benchmark_case.name),
    )
    raw = make_plan(
        live, FabricIdentity(f"floor-{benchmark_case.number}", f"Floor of {benchmark_case.name}")
    )
    objects, config = len(raw.objects), _create_record(admin, ours)
    at_best, first = measure_floor(netbox, raw), measure_sync(netbox, config, live)
    again = measure_sync(netbox, config, live)
    if again.report.has_changes:
        raise SystemExit(f"There was something left to write: {again.report}")
    taken = first.seconds
    return {
        "fabric": benchmark_case.name,
        "hedgehog_objects": sum(map(len, live.resources.values())),
        "objects": objects,
        "load_seconds": round(taken, 1),
        "objects_per_second": round(objects / taken, 1),
        "floor_objects_per_second": round(objects / at_best, 1),
        "of_the_floor": round(at_best / taken, 2),
        "unchanged_seconds": round(again.seconds, 2),
        "unchanged_requests": again.request_count,
        "unchanged_of_the_load": round(again.seconds / taken, 3),
    }


def _create_record(admin: NetBox, fabric: FabricIdentity) -> FabricConfig:
    """That of a record made for the fabric."""
    record = admin.create_record(fabric.name, {"hh_fabric_id": fabric.fabric_id})
    target = KubernetesTarget(server="https://10.0.0.1:6443", namespace="default", credential="x")
    return FabricConfig(
        fabric_id=fabric.fabric_id, name=fabric.name, record_id=record["id"], kubernetes=target
    )


def main() -> None:
    """Start a stack, measure, and print the line."""
    parser = argparse.ArgumentParser(description="Loads inventories into a real NetBox.")
    parser.add_argument("--racks", type=int, nargs="*", default=[], help="sizes of made-up fabrics")
    parser.add_argument("--dump", type=Path, nargs="*", default=[], help="files of `kubectl get`")
    sizes = list(_iter_cases(parser.parse_args()))
    with Stack(lambda text: print(text, file=sys.stderr)) as stack, ExitStack() as clients:
        url = stack.netbox.url
        admin = NetBox(url, stack.netbox.token, connect_timeout=5, timeout=60)
        clients.enter_context(closing(admin))
        for _ in setup.apply(admin, setup.all_items(stack.temporal.ui_url, "default")):
            pass
        netbox = CountingNetBox(url, setup.issue_token(admin) or "")
        clients.enter_context(closing(netbox))
        print(json.dumps({"sizes": [measure_case(admin, netbox, size) for size in sizes]}))


def _iter_cases(arguments: argparse.Namespace) -> Iterator[BenchmarkCase]:
    """What is asked for; if nothing is, fabrics as large as a real one and ten times that."""
    numbers = count()
    for dump in arguments.dump:
        yield BenchmarkCase(next(numbers), dump.name, read_live(dump))
    for racks in arguments.racks or ([] if arguments.dump else DEFAULT_RACK_COUNTS):
        yield BenchmarkCase(next(numbers), f"{racks} racks", make_live_state(racks))


if __name__ == "__main__":
    main()
