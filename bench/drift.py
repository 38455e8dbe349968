"""Measure the cost of comparing a large fabric with its Git directory.

Run `.venv/bin/python bench/drift.py`. It generates 10,000 objects in 200
files and syncs them cold, warm with no change, and warm with one changed file, each time from the
bytes of files and lists to drift and digests. The floor is the unavoidable cost, measured in the same
run: parsing the files with the C YAML parser and decoding the lists as JSON. All seconds are
processor time, the median of several rounds.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/drift.py`

from bench.manifests import make_files, make_live_object, make_manifest
from bench.measure.result import describe_machine, print_result
from fabrics.drift.compare import find_drift
from fabrics.drift.model import Drift, LiveState
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import COMPARED_KINDS, Kind, get_kind
from fabrics.resources.list_response import parse_list_response
from fabrics.resources.manifests.files import ParsedFile, build_desired_state, parse_manifests
from fabrics.resources.resource import Resource, digest_resources


@dataclass(frozen=True)
class FabricInput:
    """Manifest files by path, and the response to each Kubernetes list request."""

    files: Mapping[str, bytes]
    lists: Mapping[Kind, bytes]


@dataclass(frozen=True)
class SyncCache:
    """The parsed files and live objects that a worker keeps between syncs."""

    parsed: Mapping[tuple[str, bytes], ParsedFile]
    live: Mapping[str, Resource]


def main(
    objects: Annotated[int, typer.Option(min=50, help="Objects of the fabric.")] = 10_000,
    runs: Annotated[int, typer.Option(min=1, help="Rounds, of which the median counts.")] = 5,
) -> None:
    """Measure the cost of comparing a large fabric with its Git directory."""
    machine = describe_machine()
    print_result("drift", machine, _measure(make_fabric(objects), runs))


def _measure(fabric: FabricInput, runs: int) -> dict[str, Any]:
    no_cache = SyncCache({}, {})
    drift, cache = _run_sync(fabric, no_cache)
    edited = _edit_one_object(fabric)
    edited_drift, _ = _run_sync(edited, cache)
    if drift.entries or len(edited_drift.entries) != 1:
        raise SystemExit("The benchmark's fabric must be in sync, and have one drift once edited.")
    # Interleave the steps, so that other load on the machine affects the floor equally.
    steps: dict[str, Callable[[], object]] = {
        "yaml_parse": lambda: _parse_yaml(fabric),
        "cold": lambda: _run_sync(fabric, no_cache),
        "json_decode": lambda: _decode_json(fabric),
        "unchanged": lambda: _run_sync(fabric, cache),
        "one_file": lambda: _run_sync(edited, cache),
    }
    rounds = [{n: _measure_cpu_seconds(step) for n, step in steps.items()} for _ in range(runs)]
    seconds = {name: statistics.median(times[name] for times in rounds) for name in steps}
    floor = seconds["yaml_parse"] + seconds["json_decode"]
    return {
        "objects": sum(count.live for count in drift.counts.values()),
        "files": len(fabric.files),
        "megabytes": {
            "yaml": round(sum(map(len, fabric.files.values())) / 1e6, 2),
            "json": round(sum(map(len, fabric.lists.values())) / 1e6, 2),
        },
        "floors": {name: round(seconds[name], 4) for name in ("yaml_parse", "json_decode")},
        "cold": _compare_with_floor(seconds["cold"], floor),
        "warm_unchanged": _compare_with_floor(seconds["unchanged"], floor),
        "warm_one_file_changed": _compare_with_floor(seconds["one_file"], floor),
        "goals": {"cold": 2.0, "warm_unchanged": 0.15},
    }


def _measure_cpu_seconds(step: Callable[[], object]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


def _compare_with_floor(seconds: float, floor: float) -> dict[str, float]:
    return {
        "seconds": round(seconds, 4),
        "floor": round(floor, 4),
        "ratio": round(seconds / floor, 3),
    }


def _parse_yaml(fabric: FabricInput) -> None:
    for data in fabric.files.values():
        list(yaml.load_all(data, Loader=yaml.CSafeLoader))


def _decode_json(fabric: FabricInput) -> None:
    for data in fabric.lists.values():
        json.loads(data)


def _run_sync(fabric: FabricInput, cache: SyncCache) -> tuple[Drift, SyncCache]:
    """Compute what a sync does: digests and drift from bytes of files and lists."""
    parsed = {
        (path, data): cache.parsed.get((path, data)) or parse_manifests(path, data)
        for path, data in fabric.files.items()
    }
    desired = build_desired_state(parsed.values())
    live = LiveState(
        {
            kind: parse_list_response(data).parse_resources(kind, cache.live)
            for kind, data in fabric.lists.items()
        }
    )
    by_uid = {resource.uid: resource for listed in live.resources.values() for resource in listed}
    digest_resources(desired.resources.values())
    digest_resources(by_uid.values())
    return find_drift(desired, live), SyncCache(parsed, by_uid)


def make_fabric(count: int) -> FabricInput:
    objects = [_make_object(number) for number in range(count)]
    files = {path: text.encode() for path, text in make_files(objects).items()}
    items: dict[Kind, list[Json]] = {kind: [] for kind in COMPARED_KINDS}
    for number, manifest in enumerate(objects):
        kind = get_kind(manifest["kind"])
        items[kind].append(make_live_object(number, manifest))
    lists = {
        kind: json.dumps({"kind": f"{kind.name}List", "metadata": {}, "items": live}).encode()
        for kind, live in items.items()
    }
    return FabricInput(files, lists)


def _edit_one_object(fabric: FabricInput) -> FabricInput:
    """Return the fabric after a commit that changes one object in one file."""
    path, data = next(iter(fabric.files.items()))
    edited = data.replace(b"description: leaf 0\n", b"description: leaf nought\n", 1)
    return replace(fabric, files={**fabric.files, path: edited})


def _make_object(number: int) -> dict[str, Any]:
    """Return one manifest, in the mix of a GPU rail fabric."""
    connection = f"server-{number}--eslag--leaf"
    match number % 50:
        case 0:
            return make_manifest("Switch", f"leaf-{number}", _make_switch_spec(number))
        case 1:
            return make_manifest("VPC", f"vpc-{number}", _make_vpc_spec(number))
        case 2 | 3:
            return make_manifest("Server", f"server-{number}", {"description": f"rack {number}"})
        case remainder if remainder < 27:
            return make_manifest("Connection", connection, _make_connection_spec(number))
    attachment = {"connection": connection, "subnet": f"vpc-{number}/default"}
    return make_manifest("VPCAttachment", f"vpc-{number}--server-{number}", attachment)


def _make_switch_spec(number: int) -> dict[str, Any]:
    return {
        "role": "server-leaf",
        "description": f"leaf {number}",
        "profile": "celestica-ds4000",
        "boot": {"mac": f"0c:20:12:{number >> 8 & 255:02x}:{number & 255:02x}:00"},
        "asn": 65101 + number % 400,
        "ip": f"172.30.{number >> 8 & 7}.{number & 255}/21",
        "protocolIP": f"172.30.8.{number & 255}/32",
        "vtepIP": f"172.30.12.{number & 255}/32",
        "redundancy": {"group": f"eslag-{number}", "type": "eslag"},
        "portBreakouts": {f"E1/{port}": "4x100G" for port in range(1, 17)},
        "portSpeeds": {f"E1/{port}": "25G" for port in range(17, 33)},
    }


def _make_vpc_spec(number: int) -> dict[str, Any]:
    subnet = {
        "subnet": f"10.{number >> 8 & 255}.{number & 255}.0/24",
        "vlan": 1000 + number % 2000,
        "dhcp": {"enable": True, "options": {"dnsServers": ["1.1.1.1", "9.9.9.9"]}},
    }
    return {"subnets": {"default": subnet}, "permit": [["default"]]}


def _make_connection_spec(number: int) -> dict[str, Any]:
    links = [
        {
            "server": {"port": f"server-{number}/enp2s{side}"},
            "switch": {"port": f"leaf-{number}/E1/{number % 32 + side}/1"},
        }
        for side in (1, 2)
    ]
    return {"eslag": {"links": links, "mtu": 9036}}


if __name__ == "__main__":
    typer.run(main)
