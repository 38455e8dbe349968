"""Sample sets (../shared/hedgehog): files in Git, and objects in a real fabric."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from fabrics.drift.dump import parse_dump
from fabrics.drift.model import LiveState
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from tests.support.paths import HEDGEHOG

needs_samples = pytest.mark.skipif(
    not HEDGEHOG.is_dir(),
    reason="the Hedgehog samples (../shared/hedgehog) are not on this machine",
)


@dataclass(frozen=True)
class SampleSet:
    """Manifest files, and the objects that a real fabric made of them."""

    name: str
    files: tuple[str, ...]
    live: str
    hydrated: bool = True  # Git sets the fields that the installer would fill

    def __str__(self) -> str:
        return self.name

    def desired(self) -> DesiredState:
        return _desired(self.files)

    def dump(self) -> dict[str, Any]:
        return _dump(self.live)

    def live_state(self) -> LiveState:
        return parse_dump(self.dump())


@cache
def _desired(files: tuple[str, ...]) -> DesiredState:
    samples = HEDGEHOG / "samples"
    return build_desired_state(
        parse_manifests(file, (samples / file).read_bytes()) for file in files
    )


@cache
def _dump(name: str) -> dict[str, Any]:
    dump: dict[str, Any] = json.loads((HEDGEHOG / "live" / f"{name}.webhook.json").read_text())
    return dump


def _set(name: str, live: str, *files: str, hydrated: bool = True) -> SampleSet:
    return SampleSet(name, files, live, hydrated)


SETS = (
    _set("spine-leaf", "vlab-spine-leaf", "vlab-spine-leaf/hydrated.yaml"),
    _set("spine-leaf-unhydrated", "vlab-spine-leaf", "vlab-spine-leaf/wiring.yaml", hydrated=False),
    _set("spine-leaf-never-hydrated", "vlab-spine-leaf-unhydrated", "vlab-spine-leaf/wiring.yaml"),
    _set(
        "gateway-externals",
        "vlab-gateway-externals",
        "vlab-gateway-externals/hydrated.yaml",
        "vlab-gateway-externals/vpcs.composed.yaml",
    ),
    _set(
        "gateway-externals-unhydrated",
        "vlab-gateway-externals",
        "vlab-gateway-externals/wiring.yaml",
        "vlab-gateway-externals/vpcs.composed.yaml",
        hydrated=False,
    ),
    _set("gpu-rail-large", "vlab-gpu-rail-large", "vlab-gpu-rail-large/hydrated.yaml"),
    _set(
        "gpu-rail-large-unhydrated",
        "vlab-gpu-rail-large",
        "vlab-gpu-rail-large/wiring.yaml",
        hydrated=False,
    ),
    _set(
        "docs-build-wiring",
        "docs-build-wiring",
        "docs-build-wiring/install-upgrade_build-wiring_L200.yaml",
    ),
    _set(
        "demo-gitops-env-1",
        "demo-gitops-env-1",
        "demo-gitops/env-1-demo.yaml",
        "demo-gitops/env-1-pre-demo.yaml",
        "demo-gitops/env-1-vpc-test.yaml",
    ),
    _set(
        "demo-gitops-env-3",
        "demo-gitops-env-3",
        "demo-gitops/env-3-demo.yaml",
        "demo-gitops/env-3-pre-demo.yaml",
    ),
)

LEGACY = _set(
    "mclag-eslag-legacy", "vlab-mclag-eslag-legacy", "vlab-mclag-eslag-legacy/wiring.yaml"
)
"""Its three MCLAG connections are not live: release 26.03 refuses them."""


def in_git(sample: SampleSet) -> dict[str, str]:
    """Return the texts of a set's files by their paths in the repository."""
    return {name: (HEDGEHOG / "samples" / name).read_text() for name in sample.files}


def live_items(sample: SampleSet) -> list[Mapping[str, Any]]:
    """Return the live objects of a set."""
    dump = json.loads((HEDGEHOG / "live" / f"{sample.live}.webhook.json").read_text())
    items: list[Mapping[str, Any]] = dump["items"]
    return items
