"""Manifests for the fabrics that benchmarks generate."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import batched, count, islice
from typing import Any, Final

import yaml

from fabrics.resources.defaults import apply_defaults
from fabrics.resources.kinds import get_kind

SERVERS_PER_RACK: Final = 20
OBJECTS_PER_RACK: Final = 4 + 3 * SERVERS_PER_RACK
NAMESPACES: Final = 2
"""The objects of a fabric that are in no rack."""

OBJECTS_PER_FILE: Final = 50
OPTICS_PER_SWITCH: Final = 128
OPTIC_TYPES: Final = 4


def make_manifest(kind: str, name: str, spec: Any, namespace: str = "default") -> dict[str, Any]:  # noqa: ANN401  YAML
    """Return the manifest of one object."""
    metadata = {"name": name, "namespace": namespace}
    api_version = get_kind(kind).api_version
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def make_fabric(objects: int) -> list[dict[str, Any]]:
    """Return the manifests of a fabric with this number of objects, at most 16,000.

    A rack has 64 of them: two leaves, twenty servers connected to both, and a VPC with one attached server.
    """
    return list(islice(_iter_fabric(), objects))


def _iter_fabric() -> Iterator[dict[str, Any]]:
    yield make_manifest("IPv4Namespace", "default", {"subnets": ["10.0.0.0/8"]})
    yield make_manifest("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]})
    for rack in count():
        yield from _make_rack(rack)


def _make_rack(rack: int) -> Iterator[dict[str, Any]]:
    leaves = [f"leaf-{rack}-{side}" for side in "ab"]
    for leaf in leaves:
        yield make_manifest("Switch", leaf, {"role": "server-leaf", "profile": "vs"})
    subnet = {"subnet": f"10.{rack}.0.0/24", "vlan": 1000 + rack, "gateway": f"10.{rack}.0.1"}
    yield make_manifest("VPC", f"vpc-{rack}", {"subnets": {"default": subnet}})
    attachment = {"connection": f"server-{rack}-0--{leaves[0]}", "subnet": f"vpc-{rack}/default"}
    yield make_manifest("VPCAttachment", f"vpc-{rack}--server-{rack}-0", attachment)
    for number in range(SERVERS_PER_RACK):
        server = f"server-{rack}-{number}"
        yield make_manifest("Server", server, {})
        for side, leaf in enumerate(leaves):
            link = {"server": f"{server}/eth{side}", "switch": f"{leaf}/E1/{number + 1}"}
            ends = {end: {"port": port} for end, port in link.items()}
            yield make_manifest("Connection", f"{server}--{leaf}", {"unbundled": {"link": ends}})


def make_switches(agents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the manifests of the switches of these agents."""
    spec = {"role": "server-leaf", "profile": "vs"}
    return [make_manifest("Switch", agent["metadata"]["name"], spec) for agent in agents]


def make_agents(optics: int) -> list[dict[str, Any]]:
    """Return agents that report this number of optics, `OPTICS_PER_SWITCH` each."""
    switches = batched(range(optics), OPTICS_PER_SWITCH)
    return [_make_agent(f"leaf-{number}", numbers) for number, numbers in enumerate(switches)]


def _make_agent(name: str, optics: Sequence[int]) -> dict[str, Any]:
    transceivers = {
        f"E1/{port}": {
            "vendor": "Bench Optics",
            "vendorPart": f"BO-{number % OPTIC_TYPES}",
            "serial": f"BO{number:08}",
            "formFactor": "QSFP28",
            "present": "PRESENT",
        }
        for port, number in enumerate(optics, 1)
    }
    nos = {"serialNumber": f"SN-{name}", "softwareVersion": "4.5.0"}
    return {
        "metadata": {"name": name, "generation": 1},
        "status": {"lastAppliedGen": 1, "state": {"nos": nos, "transceivers": transceivers}},
    }


def make_files(manifests: list[dict[str, Any]], directory: str = "fabric") -> dict[str, str]:
    """Return the manifests as YAML files by path, `OBJECTS_PER_FILE` in each."""
    documents = [yaml.dump(manifest, Dumper=yaml.CSafeDumper) for manifest in manifests]
    return {
        f"{directory}/part-{start:05}.yaml": "---\n".join(
            documents[start : start + OBJECTS_PER_FILE]
        )
        for start in range(0, len(documents), OBJECTS_PER_FILE)
    }


def make_live_object(number: int, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest as the API returns it, including managed fields.

    `number` makes its uid unique.
    """
    kind = get_kind(manifest["kind"])
    labels = {f"fabric.githedgehog.com/label-{n}": manifest["metadata"]["name"] for n in range(3)}
    fields: dict[str, Any] = {f"f:{name}": {".": {}, "f:value": {}} for name in manifest["spec"]}
    managed = {
        "apiVersion": kind.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {f"f:{n}": {} for n in labels}}, "f:spec": fields},
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
    spec = apply_defaults(kind, manifest["spec"])
    return {**manifest, "metadata": metadata, "spec": spec, "status": {}}
