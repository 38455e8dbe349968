"""What it costs to compare a large fabric with its Git directory, beside what no one can avoid.

Run `.venv/bin/python bench/drift.py`; it prints one JSON line. 10,000 objects in 200 files are made
up, then synced three times over: cold, warm with nothing changed, and warm with one file changed,
each from the bytes of files and lists to drift and digests. The floor is measured in the same run:
the C YAML parser alone on the same files plus JSON decoding alone of the same lists. All seconds are
processor time, medians of some rounds.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/drift.py`

from fabrics.drift import Drift, LiveState, find_drift
from fabrics.resources.defaults import apply_defaults
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import COMPARED_KINDS, Kind, get_kind
from fabrics.resources.list_response import parse_list_response
from fabrics.resources.manifests import ParsedFile, build_desired_state, parse_manifests
from fabrics.resources.resource import Resource, digest_resources

OBJECTS_PER_FILE = 50


@dataclass(frozen=True)
class FabricInput:
    """Manifest files by path, and the answer of each Kubernetes list."""

    files: Mapping[str, bytes]
    lists: Mapping[Kind, bytes]


@dataclass(frozen=True)
class SyncCache:
    """What a worker keeps from one sync to the next."""

    parsed: Mapping[tuple[str, bytes], ParsedFile]
    live: Mapping[str, Resource]


def main() -> None:
    """Measures, and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    fabric = _make_fabric(options.objects)
    print(json.dumps({"benchmark": "drift", **_measure(fabric, options.runs)}))


def _measure(fabric: FabricInput, runs: int) -> dict[str, Any]:
    nothing = SyncCache({}, {})
    drift, known = _run_sync(fabric, nothing)
    edited = _edit_one_object(fabric)
    drifted, _ = _run_sync(edited, known)
    if drift.entries or len(drifted.entries) != 1:
        raise SystemExit(
            "The benchmark's fabric is wrong: it should be in sync until it is edited."
        )
    # In turns, so that a busy moment of the machine hits the work and its floor alike.
    works: dict[str, Callable[[], object]] = {
        "yaml_parse": lambda: _parse_yaml(fabric),
        "cold": lambda: _run_sync(fabric, nothing),
        "json_decode": lambda: _decode_json(fabric),
        "unchanged": lambda: _run_sync(fabric, known),
        "one_file": lambda: _run_sync(edited, known),
    }
    rounds = [
        {name: _measure_cpu_seconds(work) for name, work in works.items()} for _ in range(runs)
    ]
    seconds = {name: statistics.median(each[name] for each in rounds) for name in works}
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


def _measure_cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
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
    """What a sync computes, from bytes to digests and drift."""
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
    resources = [each for listed in live.resources.values() for each in listed]
    digest_resources(desired.resources.values())
    digest_resources(resources)
    return find_drift(desired, live), SyncCache(parsed, {each.uid: each for each in resources})


def _make_fabric(count: int) -> FabricInput:
    objects = [_make_object(number) for number in range(count)]
    documents = [yaml.dump(each, Dumper=yaml.CSafeDumper) for each in objects]
    parts = range(0, count, OBJECTS_PER_FILE)
    files = {
        f"fabric/part-{start:05}.yaml": "---\n".join(
            documents[start : start + OBJECTS_PER_FILE]
        ).encode()
        for start in parts
    }
    items: dict[Kind, list[Json]] = {kind: [] for kind in COMPARED_KINDS}
    for number, each in enumerate(objects):
        kind = get_kind(each["kind"])
        items[kind].append(_make_live_item(number, kind, each))
    lists = {
        kind: json.dumps({"kind": f"{kind.name}List", "metadata": {}, "items": found}).encode()
        for kind, found in items.items()
    }
    return FabricInput(files, lists)


def _edit_one_object(fabric: FabricInput) -> FabricInput:
    """The same fabric after a commit that changes one object in one file."""
    path, data = next(iter(fabric.files.items()))
    edited = data.replace(b"description: leaf 0\n", b"description: leaf nought\n", 1)
    return replace(fabric, files={**fabric.files, path: edited})


def _make_object(number: int) -> dict[str, Any]:
    """One manifest. The mix is that of a GPU rail fabric: mostly connections and attachments."""
    match number % 50:
        case 0:
            return _make_manifest("Switch", f"leaf-{number}", _make_switch_spec(number))
        case 1:
            return _make_manifest("VPC", f"vpc-{number}", _make_vpc_spec(number))
        case 2 | 3:
            return _make_manifest("Server", f"server-{number}", {"description": f"rack {number}"})
        case place if place < 27:
            return _make_manifest(
                "Connection", f"server-{number}--eslag--leaf", _make_connection_spec(number)
            )
    attachment = {"connection": f"server-{number}--eslag--leaf", "subnet": f"vpc-{number}/default"}
    return _make_manifest("VPCAttachment", f"vpc-{number}--server-{number}", attachment)


def _make_manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    api_version = get_kind(kind).api_version
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


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


def _make_live_item(number: int, kind: Kind, manifest: dict[str, Any]) -> Json:
    """A manifest as the API returns it, managed fields included."""
    labels = {f"fabric.githedgehog.com/label-{n}": manifest["metadata"]["name"] for n in range(3)}
    owned: dict[str, Any] = {f"f:{name}": {".": {}, "f:value": {}} for name in manifest["spec"]}
    managed = {
        "apiVersion": kind.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {f"f:{n}": {} for n in labels}}, "f:spec": owned},
        "manager": "hhfab",
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
    }
    metadata = manifest["metadata"] | {
        "uid": f"00000000-0000-4000-8000-{number:012}",
        "resourceVersion": str(1000 + number),
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels,
        "managedFields": [managed],
    }
    return {"metadata": metadata, "spec": apply_defaults(kind, manifest["spec"]), "status": {}}


if __name__ == "__main__":
    main()
