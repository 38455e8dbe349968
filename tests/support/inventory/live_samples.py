"""Live sets for tests of the inventory: real, of the demo, and generated."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from fabrics.drift.dump import parse_dump
from fabrics.drift.model import LiveState
from fabrics.resources.json_types import Json
from stack.demo.fabrics import SAMPLE_FABRICS, SampleFabric, make_in_sync_objects
from tests.support.fabrics.sample_sets import LEGACY, SETS, needs_samples
from tests.support.inventory.sample_objects import sample_objects
from tests.support.paths import HEDGEHOG

PROFILES = HEDGEHOG / "samples" / "switchprofiles" / "switchprofiles.yaml"


@dataclass(frozen=True)
class LiveSet:
    """A live set: a file of `kubectl get`, a fabric of the demo, or a seed."""

    name: str
    source: Path | SampleFabric | int

    def __str__(self) -> str:
        return self.name

    @cache  # noqa: B019 - there are some twenty, for the whole run
    def items(self) -> list[dict[str, Any]]:
        """The objects as an API server returns them."""
        if isinstance(self.source, Path):
            items: list[dict[str, Any]] = json.loads(self.source.read_text())["items"]
            return items
        if isinstance(self.source, int):
            return sample_objects(self.source)
        return (self.source.make_live or make_in_sync_objects)(self.source.read_desired())


def parse_live_state(items: list[dict[str, Any]]) -> LiveState:
    """Return the live state of these objects."""
    return parse_dump({"apiVersion": "v1", "kind": "List", "items": cast(Json, items)})


@cache
def profiles() -> list[dict[str, Any]]:
    """The switch profiles that Hedgehog's controller writes into every fabric."""
    return [
        document for document in yaml.load_all(PROFILES.read_bytes(), yaml.CSafeLoader) if document
    ]


REAL = tuple(
    LiveSet(name, HEDGEHOG / "live" / f"{name}.webhook.json")
    for name in sorted({sample.live for sample in (*SETS, LEGACY)})
)
NEXT = LiveSet(
    "vlab-gateway-externals.topology",
    HEDGEHOG / "next" / "vlab-gateway-externals.topology.live.json",
)
"""A set of the release after 26.03."""

OWN = tuple(LiveSet(fabric.name, fabric) for fabric in SAMPLE_FABRICS)
MADE_UP = tuple(LiveSet(f"made-up-{number}", number) for number in range(8))

each_sample = pytest.mark.parametrize(
    "sample",
    [*(pytest.param(live_set, marks=needs_samples) for live_set in (*REAL, NEXT)), *OWN, *MADE_UP],
    ids=str,
)

DEFAULT_ROUTE = "is the default route 0.0.0.0/0, which NetBox does not accept"
NO_NAMESPACE = "refers to the VLANNamespace default, which does not exist"


def _missing(kind: str, name: str) -> str:
    return f"refers to the {kind} {name}, which does not exist"


SKIPPED: dict[str, dict[str, str]] = {
    "demo-gitops-env-1": {  # a repository of VPCs alone: wiring and namespaces are elsewhere
        "ExternalPeering/default/demo-vpc-1--default": _missing("External", "default"),
        "VPC/default/demo-vpc-1#default/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-2#default/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-3#subnet-1/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-3#subnet-2/vlan": NO_NAMESPACE,
        "VPC/default/vpc-test#default/vlan": NO_NAMESPACE,
        "VPCAttachment/default/demo-vpc-1--server-1--mclag--s5248-01--s5248-02": _missing(
            "Connection", "server-1--mclag--s5248-01--s5248-02"
        ),
        "VPCAttachment/default/demo-vpc-2--server-4--unbundled--s5248-02": _missing(
            "Connection", "server-4--unbundled--s5248-02"
        ),
        "VPCAttachment/default/demo-vpc-3--server-3--bundled--s5248-01": _missing(
            "Connection", "server-3--bundled--s5248-01"
        ),
    },
    "demo-gitops-env-3": {
        "ExternalPeering/default/demo-vpc-1--default--5835": _missing("External", "default--5835"),
        "VPC/default/demo-vpc-1#default/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-2#default/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-3#subnet-1/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-3#subnet-2/vlan": NO_NAMESPACE,
        "VPCAttachment/default/demo-vpc-1--server-1--mclag--s5248-05--as7326-01": _missing(
            "Connection", "server-1--mclag--s5248-05--as7326-01"
        ),
        "VPCAttachment/default/demo-vpc-2--server-4--bundled--sse-c4632-02": _missing(
            "Connection", "server-4--bundled--sse-c4632-02"
        ),
        "VPCAttachment/default/demo-vpc-3--server-3--unbundled--as7326-01": _missing(
            "Connection", "server-3--unbundled--as7326-01"
        ),
    },
    "vlab-gateway-externals": {
        "External/default/ext-snp-02#0.0.0.0/0": DEFAULT_ROUTE,
        "External/default/ext-sp-01#0.0.0.0/0": DEFAULT_ROUTE,
    },
}
SKIPPED[NEXT.name] = SKIPPED["vlab-gateway-externals"]
"""The skipped objects of every set, with the reason."""
