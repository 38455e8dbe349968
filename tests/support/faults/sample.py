"""What a fabric of the fault suite has in each phase of its life."""

from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Final

import yaml

from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.plan import make_plan
from fabrics.resources.kinds import Kind, find_listed_kind
from stack.demo.admission import admit
from stack.kubernetes.interconnects import make_owned_objects
from stack.kubernetes.topology import add_topology
from tests.support.inventory.live_samples import parse_live_state

MANIFESTS: Final = Path(__file__).parent / "manifests"

WRITTEN_BY_CONTROLLERS: Final = "SwitchProfile"
"""The kind of the sample that nobody has in Git."""

UNKNOWN_KIND: Final = Kind("wiring.githedgehog.com", "Rack", "v1beta1", "racks")
"""A kind of a later release, which the product finds by discovery."""

OBSERVED_MODELS: Final = frozenset({Model.MODULE, Model.MODULE_BAY})
"""Objects that follow from what agents report."""

type Item = dict[str, Any]
type Key = tuple[Model, str]


class Phase(StrEnum):
    """A phase in the life of a fabric; after the last comes the first."""

    STEADY = "steady"
    GROW = "grow"
    CHANGE = "change"
    SHRINK = "shrink"


ADDITIONS: Final = {Phase.GROW: "extra", Phase.CHANGE: "changed"}
"""The file with what a fabric has in a phase, beside its base."""


@dataclass(frozen=True)
class Contents:
    """The objects of a fabric, as people and Hedgehog's installer write them."""

    items: tuple[Item, ...]

    @property
    def in_git(self) -> dict[str, str]:
        """The files in Git."""
        stated = [item for item in self.items if item["kind"] != WRITTEN_BY_CONTROLLERS]
        return {
            "fabric.yaml": yaml.safe_dump_all(stated),
            "unknown.yaml": (MANIFESTS / "unknown.yaml").read_text(),
        }

    @property
    def live(self) -> list[Item]:
        """The objects that the API stores."""
        return [admit(item) for item in self.items]

    @property
    def _owned(self) -> list[Item]:
        """What the controller makes of interconnects."""
        links = (add_topology(item) for item in self.live if item["kind"] == "VPCInterconnect")
        return [
            owned
            for link in links
            for owned in make_owned_objects(link | {"metadata": {**link["metadata"], "uid": ""}})
        ]

    def without(self, other: "Contents") -> list[tuple[Kind, str]]:
        """Return kind and name of the objects that `other` does not have."""
        return sorted({*map(_identify, self.items)} - {*map(_identify, other.items)})

    def find_expected_keys(self, fabric_id: str) -> frozenset[Key]:
        """Return the keys of what NetBox must have, without what agents report."""
        items = [*self.live, *self._owned]
        plan = make_plan(parse_live_state(items), FabricIdentity(fabric_id, fabric_id))
        return frozenset(
            (planned.MODEL, planned.key)
            for planned in plan.objects
            if not planned.SHARED and planned.MODEL not in OBSERVED_MODELS
        )


def make_contents(phase: Phase, unique: str) -> Contents:
    """Return what a fabric has in a phase; `unique` is part of new, shared names."""
    names = ["base", *filter(None, [ADDITIONS.get(phase)])]
    return Contents(tuple(item for name in names for item in _read(name, unique)))


def read_unknown_object() -> Item:
    """Return the object of the unknown kind."""
    [item] = _read("unknown", "")
    return item


def _read(name: str, unique: str) -> list[Item]:
    text = Template(_read_text(name)).substitute(unique=unique)
    items: list[Item] = list(yaml.safe_load_all(text))
    return [_with_namespace(item) for item in items]


@cache
def _read_text(name: str) -> str:
    return (MANIFESTS / f"{name}.yaml").read_text()


def _with_namespace(item: Item) -> Item:
    complete = deepcopy(item)
    complete["metadata"].setdefault("namespace", "default")
    return complete


def _identify(item: Item) -> tuple[Kind, str]:
    kind = find_listed_kind(item["apiVersion"].partition("/")[0], item["kind"])
    assert kind is not None, item["kind"]
    return kind, item["metadata"]["name"]
