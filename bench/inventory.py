"""How fast a fabric's inventory comes into NetBox, beside the fastest that the same NetBox takes it.

Run `.venv/bin/python bench/inventory.py [--racks N]`; it prints one JSON line. Two fabrics of the same
objects go into a real NetBox, as the user that workers are: one by the project's writer, the other as
bare bulk requests in the same order, from as many writers (the floor). Then a full sync with nothing
changed is timed and its requests are counted. A rack is two leaves with twenty servers on both.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/inventory.py`

from activities import setup
from activities.inventory.batches import Lane, lanes
from activities.inventory.client import AT_ONCE, InventoryNetBox
from activities.inventory.models import PATHS
from activities.inventory.reader import Reader
from activities.inventory.writer import Writer
from activities.netbox import NetBox
from fabrics.drift import Live, read_dump
from fabrics.inventory import Fabric, Plan, Ref, make_plan
from fabrics.inventory.changes import Changes, Stage, Write, find_changes
from fabrics.inventory.stored import Id
from stack.stack import Stack

SERVERS: Final = 20


def fabric_of(racks: int) -> Live:
    """The live state of a fabric with so many racks."""
    items = [each for rack in range(racks) for each in _rack(rack)]
    return read_dump({"apiVersion": "v1", "kind": "List", "items": items})


def _rack(rack: int) -> Iterator[Any]:
    leaves = [f"leaf-{rack}-{side}" for side in "ab"]
    for leaf in leaves:
        yield _object("Switch", leaf, {"role": "server-leaf", "profile": "vs"})
    for number in range(SERVERS):
        server = f"server-{rack}-{number}"
        yield _object("Server", server, {})
        for side, leaf in enumerate(leaves):
            link = {"server": f"{server}/eth{side}", "switch": f"{leaf}/E1/{number + 1}"}
            ends = {end: {"port": port} for end, port in link.items()}
            yield _object("Connection", f"{server}--{leaf}", {"unbundled": {"link": ends}})


def _object(kind: str, name: str, spec: Any) -> Any:  # noqa: ANN401  as YAML has it
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def load(netbox: InventoryNetBox, plan: Plan) -> float:
    """Seconds that the writer takes."""
    reader = Reader(netbox, plan.fabric.fabric_id)
    changes = find_changes(plan, reader.read(plan))
    writer = Writer(netbox, reader, plan.fabric.fabric_id, "bench")
    started = time.monotonic()
    written = writer.write(changes, lambda _: None)
    if written.refused:
        raise SystemExit(f"NetBox refused {next(iter(written.refused.values()))}")
    return time.monotonic() - started


def floor(netbox: InventoryNetBox, plan: Plan) -> float:
    """Seconds that the bare requests take."""
    reader = Reader(netbox, plan.fabric.fabric_id)
    changes = find_changes(plan, reader.read(plan))
    rows = Writer(netbox, reader, plan.fabric.fabric_id, "bench").row
    started = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        _post(changes, pool, netbox, rows)
    return time.monotonic() - started


type Rows = Callable[[Write, dict[Ref, Id]], dict[str, Any]]


def _post(changes: Changes, pool: ThreadPoolExecutor, netbox: InventoryNetBox, rows: Rows) -> None:
    ids = dict(changes.ids)

    def send(lane: Lane) -> list[tuple[Ref, Id]]:
        found = []
        for batch in lane:
            body = [rows(write, ids) for write in batch.writes]
            answer = netbox.write(batch.method, PATHS[batch.model], body)
            numbers = (Id(batch.model, row["id"]) for row in answer)
            found += list(zip((write.ref for write in batch.writes), numbers, strict=True))
        return found

    for stage in changes.stages:
        for found in pool.map(send, lanes(_with_ids(stage, ids))):
            ids.update(found)


def _with_ids(stage: Stage, ids: dict[Ref, Id]) -> Stage:
    return tuple(
        Write(each.ref, each.id or ids.get(each.ref), each.fields, each.key) for each in stage
    )


class CountingNetBox(InventoryNetBox):
    """Counts the answers that it gets."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token, connect_timeout=5, timeout=120, at_once=AT_ONCE)
        self.answers = 0
        self._session.hooks["response"].append(self._tally)

    def _tally(self, answer: requests.Response, **_: object) -> requests.Response:
        self.answers += 1
        return answer


def unchanged(netbox: CountingNetBox, plan: Plan) -> tuple[float, int]:
    """Seconds and requests of a comparison that finds nothing to write."""
    before, started = netbox.answers, time.monotonic()
    changes = find_changes(plan, Reader(netbox, plan.fabric.fabric_id).read(plan))
    if changes.total:
        raise SystemExit(f"There was something left to write: {changes.stages[0][0]}")
    return time.monotonic() - started, netbox.answers - before


def measure(netbox: CountingNetBox, racks: int) -> dict[str, float]:
    """All figures; the floor is measured first, so that it is not the one with warm caches."""
    live = fabric_of(racks)
    raw, ours = (make_plan(live, Fabric(name, name)) for name in ("floor", "ours"))
    objects = len(ours.objects)
    at_best, taken = floor(netbox, raw), load(netbox, ours)
    compared, answers = unchanged(netbox, ours)
    return {
        "racks": racks,
        "objects": objects,
        "load_seconds": round(taken, 1),
        "objects_per_second": round(objects / taken, 1),
        "floor_objects_per_second": round(objects / at_best, 1),
        "of_the_floor": round(at_best / taken, 2),
        "unchanged_seconds": round(compared, 2),
        "unchanged_requests": answers,
        "unchanged_of_the_load": round(compared / taken, 3),
    }


def main() -> None:
    """Start a stack, measure, and print the line."""
    parser = argparse.ArgumentParser(description="Loads inventories into a real NetBox.")
    parser.add_argument("--racks", type=int, default=5, help="each some 190 objects in NetBox")
    arguments = parser.parse_args()
    with Stack(lambda text: print(text, file=sys.stderr)) as stack:
        url = stack.netbox.url
        with closing(NetBox(url, stack.netbox.token, connect_timeout=5, timeout=60)) as admin:
            for _ in setup.apply(admin, setup.items(stack.temporal.ui_url, "default")):
                pass
            token = setup.issue_token(admin)
        with closing(CountingNetBox(url, token or "")) as netbox:
            print(json.dumps(measure(netbox, arguments.racks)))


if __name__ == "__main__":
    main()
