"""The live sets that the inventory is tested with: of a real fabric, of the demo, and made up."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from fabrics.drift import LiveState, parse_dump
from fabrics.resources.json_types import Json
from stack.demo.fabrics import SAMPLE_FABRICS, SampleFabric, make_in_sync_objects
from tests.support.fabrics.sample_sets import LEGACY, SETS, needs_samples
from tests.support.inventory.sample_objects import sample_objects
from tests.support.paths import HEDGEHOG

PROFILES = HEDGEHOG / "samples" / "switchprofiles" / "switchprofiles.yaml"


@dataclass(frozen=True)
class LiveSet:
    """A live set by name: a file of `kubectl get`, a fabric of the demo, or a made-up one's number."""

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


def live_of(items: list[dict[str, Any]]) -> LiveState:
    """The live state of these objects."""
    return parse_dump({"apiVersion": "v1", "kind": "List", "items": cast(Json, items)})


@cache
def profiles() -> list[dict[str, Any]]:
    """The switch profiles that Hedgehog's controller writes into every fabric."""
    return [each for each in yaml.load_all(PROFILES.read_bytes(), yaml.CSafeLoader) if each]


REAL = tuple(
    LiveSet(name, HEDGEHOG / "live" / f"{name}.webhook.json")
    for name in sorted({each.live for each in (*SETS, LEGACY)})
)
OWN = tuple(LiveSet(fabric.name, fabric) for fabric in SAMPLE_FABRICS)
MADE_UP = tuple(LiveSet(f"made-up-{number}", number) for number in range(8))

each_sample = pytest.mark.parametrize(
    "sample", [*(pytest.param(each, marks=needs_samples) for each in REAL), *OWN, *MADE_UP], ids=str
)

DEFAULT_ROUTE = "is the default route 0.0.0.0/0, which NetBox takes for no prefix"
NO_NAMESPACE = "names the VLANNamespace default, which is not there"


def _absent(kind: str, name: str) -> str:
    return f"names the {kind} {name}, which is not there"


SKIPPED: dict[str, dict[str, str]] = {
    "demo-gitops-env-1": {  # a repository of VPCs alone: wiring and namespaces are elsewhere
        "ExternalPeering/default/demo-vpc-1--default": _absent("External", "default"),
        "VPC/default/demo-vpc-1#default/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-2#default/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-3#subnet-1/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-3#subnet-2/vlan": NO_NAMESPACE,
        "VPC/default/vpc-test#default/vlan": NO_NAMESPACE,
        "VPCAttachment/default/demo-vpc-1--server-1--mclag--s5248-01--s5248-02": _absent(
            "Connection", "server-1--mclag--s5248-01--s5248-02"
        ),
        "VPCAttachment/default/demo-vpc-2--server-4--unbundled--s5248-02": _absent(
            "Connection", "server-4--unbundled--s5248-02"
        ),
        "VPCAttachment/default/demo-vpc-3--server-3--bundled--s5248-01": _absent(
            "Connection", "server-3--bundled--s5248-01"
        ),
    },
    "demo-gitops-env-3": {
        "ExternalPeering/default/demo-vpc-1--default--5835": _absent("External", "default--5835"),
        "VPC/default/demo-vpc-1#default/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-2#default/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-3#subnet-1/vlan": NO_NAMESPACE,
        "VPC/default/demo-vpc-3#subnet-2/vlan": NO_NAMESPACE,
        "VPCAttachment/default/demo-vpc-1--server-1--mclag--s5248-05--as7326-01": _absent(
            "Connection", "server-1--mclag--s5248-05--as7326-01"
        ),
        "VPCAttachment/default/demo-vpc-2--server-4--bundled--sse-c4632-02": _absent(
            "Connection", "server-4--bundled--sse-c4632-02"
        ),
        "VPCAttachment/default/demo-vpc-3--server-3--unbundled--as7326-01": _absent(
            "Connection", "server-3--unbundled--as7326-01"
        ),
    },
    "vlab-gateway-externals": {
        "External/default/ext-snp-02#0.0.0.0/0": DEFAULT_ROUTE,
        "External/default/ext-sp-01#0.0.0.0/0": DEFAULT_ROUTE,
    },
}
"""All that is left out of any set, with the reason."""
