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

from fabrics.drift import Drift, Live, find_drift
from fabrics.resources.defaults import with_defaults
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import KINDS, Kind, kind_named
from fabrics.resources.list_response import read_page
from fabrics.resources.manifests import ParsedFile, collect, parse_manifests
from fabrics.resources.resource import Resource, digest

OBJECTS_PER_FILE = 50


@dataclass(frozen=True)
class Fabric:
    """Manifest files by path, and the answer of each Kubernetes list."""

    files: Mapping[str, bytes]
    lists: Mapping[Kind, bytes]


@dataclass(frozen=True)
class Known:
    """What a worker keeps from one sync to the next."""

    parsed: Mapping[tuple[str, bytes], ParsedFile]
    live: Mapping[str, Resource]


def main() -> None:
    """Measures, and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    fabric = _fabric(options.objects)
    print(json.dumps({"benchmark": "drift", **_measure(fabric, options.runs)}))


def _measure(fabric: Fabric, runs: int) -> dict[str, Any]:
    nothing = Known({}, {})
    drift, known = _sync(fabric, nothing)
    edited = _edited(fabric)
    drifted, _ = _sync(edited, known)
    if drift.entries or len(drifted.entries) != 1:
        raise SystemExit(
            "The benchmark's fabric is wrong: it should be in sync until it is edited."
        )
    # In turns, so that a busy moment of the machine hits the work and its floor alike.
    works: dict[str, Callable[[], object]] = {
        "yaml_parse": lambda: _parse_yaml(fabric),
        "cold": lambda: _sync(fabric, nothing),
        "json_decode": lambda: _decode_json(fabric),
        "unchanged": lambda: _sync(fabric, known),
        "one_file": lambda: _sync(edited, known),
    }
    rounds = [{name: _seconds(work) for name, work in works.items()} for _ in range(runs)]
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
        "cold": _beside(seconds["cold"], floor),
        "warm_unchanged": _beside(seconds["unchanged"], floor),
        "warm_one_file_changed": _beside(seconds["one_file"], floor),
        "goals": {"cold": 2.0, "warm_unchanged": 0.15},
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _beside(seconds: float, floor: float) -> dict[str, float]:
    return {
        "seconds": round(seconds, 4),
        "floor": round(floor, 4),
        "ratio": round(seconds / floor, 3),
    }


def _parse_yaml(fabric: Fabric) -> None:
    for data in fabric.files.values():
        list(yaml.load_all(data, Loader=yaml.CSafeLoader))


def _decode_json(fabric: Fabric) -> None:
    for data in fabric.lists.values():
        json.loads(data)


def _sync(fabric: Fabric, known: Known) -> tuple[Drift, Known]:
    """What a sync computes, from bytes to digests and drift."""
    parsed = {
        (path, data): known.parsed.get((path, data)) or parse_manifests(path, data)
        for path, data in fabric.files.items()
    }
    desired = collect(parsed.values())
    live = Live(
        {kind: read_page(data).resources(kind, known.live) for kind, data in fabric.lists.items()}
    )
    resources = [each for listed in live.resources.values() for each in listed]
    digest(desired.resources.values())
    digest(resources)
    return find_drift(desired, live), Known(parsed, {each.uid: each for each in resources})


def _fabric(count: int) -> Fabric:
    objects = [_object(number) for number in range(count)]
    documents = [yaml.dump(each, Dumper=yaml.CSafeDumper) for each in objects]
    parts = range(0, count, OBJECTS_PER_FILE)
    files = {
        f"fabric/part-{start:05}.yaml": "---\n".join(
            documents[start : start + OBJECTS_PER_FILE]
        ).encode()
        for start in parts
    }
    items: dict[Kind, list[Json]] = {kind: [] for kind in KINDS}
    for number, each in enumerate(objects):
        kind = kind_named(each["kind"])
        items[kind].append(_item(number, kind, each))
    lists = {
        kind: json.dumps({"kind": f"{kind.name}List", "metadata": {}, "items": found}).encode()
        for kind, found in items.items()
    }
    return Fabric(files, lists)


def _edited(fabric: Fabric) -> Fabric:
    """The same fabric after a commit that changes one object in one file."""
    path, data = next(iter(fabric.files.items()))
    edited = data.replace(b"description: leaf 0\n", b"description: leaf nought\n", 1)
    return replace(fabric, files={**fabric.files, path: edited})


def _object(number: int) -> dict[str, Any]:
    """One manifest. The mix is that of a GPU rail fabric: mostly connections and attachments."""
    match number % 50:
        case 0:
            return _manifest("Switch", f"leaf-{number}", _switch(number))
        case 1:
            return _manifest("VPC", f"vpc-{number}", _vpc(number))
        case 2 | 3:
            return _manifest("Server", f"server-{number}", {"description": f"rack {number}"})
        case place if place < 27:
            return _manifest("Connection", f"server-{number}--eslag--leaf", _connection(number))
    attachment = {"connection": f"server-{number}--eslag--leaf", "subnet": f"vpc-{number}/default"}
    return _manifest("VPCAttachment", f"vpc-{number}--server-{number}", attachment)


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    api_version = kind_named(kind).api_version
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _switch(number: int) -> dict[str, Any]:
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


def _vpc(number: int) -> dict[str, Any]:
    subnet = {
        "subnet": f"10.{number >> 8 & 255}.{number & 255}.0/24",
        "vlan": 1000 + number % 2000,
        "dhcp": {"enable": True, "options": {"dnsServers": ["1.1.1.1", "9.9.9.9"]}},
    }
    return {"subnets": {"default": subnet}, "permit": [["default"]]}


def _connection(number: int) -> dict[str, Any]:
    links = [
        {
            "server": {"port": f"server-{number}/enp2s{side}"},
            "switch": {"port": f"leaf-{number}/E1/{number % 32 + side}/1"},
        }
        for side in (1, 2)
    ]
    return {"eslag": {"links": links, "mtu": 9036}}


def _item(number: int, kind: Kind, each: dict[str, Any]) -> Json:
    """A manifest as the API returns it, managed fields included."""
    labels = {f"fabric.githedgehog.com/label-{n}": each["metadata"]["name"] for n in range(3)}
    owned: dict[str, Any] = {f"f:{name}": {".": {}, "f:value": {}} for name in each["spec"]}
    managed = {
        "apiVersion": kind.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {f"f:{n}": {} for n in labels}}, "f:spec": owned},
        "manager": "hhfab",
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
    }
    metadata = each["metadata"] | {
        "uid": f"00000000-0000-4000-8000-{number:012}",
        "resourceVersion": str(1000 + number),
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels,
        "managedFields": [managed],
    }
    return {"metadata": metadata, "spec": with_defaults(kind, each["spec"]), "status": {}}


if __name__ == "__main__":
    main()
