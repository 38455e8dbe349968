"""The live sets that the inventory is tested with: of a real fabric, of the demo, and made up."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from fabrics.drift import Live, read_dump
from fabrics.values import Json
from stack.demo.fabrics import FABRICS, SampleFabric, as_asked
from tests.fabrics.inventory.made_up import made_up
from tests.fabrics.sets import HEDGEHOG, LEGACY, SETS, needs_samples

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
            return made_up(self.source)
        return (self.source.live or as_asked)(self.source.desired())


def live_of(items: list[dict[str, Any]]) -> Live:
    """The live state of these objects."""
    return read_dump({"apiVersion": "v1", "kind": "List", "items": cast(Json, items)})


@cache
def profiles() -> list[dict[str, Any]]:
    """The switch profiles that Hedgehog's controller writes into every fabric."""
    return [each for each in yaml.load_all(PROFILES.read_bytes(), yaml.CSafeLoader) if each]


REAL = tuple(
    LiveSet(name, HEDGEHOG / "live" / f"{name}.webhook.json")
    for name in sorted({each.live for each in (*SETS, LEGACY)})
)
OWN = tuple(LiveSet(fabric.name, fabric) for fabric in FABRICS)
MADE_UP = tuple(LiveSet(f"made-up-{number}", number) for number in range(8))

each_set = pytest.mark.parametrize(
    "sample", [*(pytest.param(each, marks=needs_samples) for each in REAL), *OWN, *MADE_UP], ids=str
)
