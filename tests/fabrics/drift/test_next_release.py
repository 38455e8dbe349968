"""Inputs of the release after 26.03 (../shared/hedgehog/next), and today's on it."""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pytest

from fabrics.drift.compare import find_drift
from fabrics.drift.diff_report import DiffReport, build_diff_report
from fabrics.drift.dump import parse_dump
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kinds
from fabrics.resources.manifests.files import build_desired_state, parse_manifests
from tests.support.fabrics.objects import desired, live, live_state, manifest
from tests.support.fabrics.sample_sets import SETS, SampleSet, needs_samples
from tests.support.paths import HEDGEHOG

NEXT = HEDGEHOG / "next"

needs_next = pytest.mark.skipif(
    not NEXT.is_dir(), reason="the samples of the next release are not on this machine"
)

FABRIC_ONLY = {"fabric": "default"}
FABRIC_AND_DOMAIN = {"fabric": "default", "domain": "default"}
FABRIC_AND_DOMAINS = {"fabric": "default", "domains": ["default"]}
TOPOLOGY = {
    **dict.fromkeys(("External", "Gateway", "GatewayGroup"), FABRIC_AND_DOMAIN),
    **dict.fromkeys(("Switch", "VPC"), FABRIC_AND_DOMAINS),
    **dict.fromkeys(("Server", "VLANNamespace"), None),
}


def diff(git: Path, cluster: Path) -> DiffReport:
    state = build_desired_state([parse_manifests(git.name, git.read_bytes())])
    fabric = parse_dump(json.loads(cluster.read_text()))
    return build_diff_report(state, find_drift(state, fabric))


def fields(report: DiffReport) -> dict[str, list[str]]:
    return {
        f"{entry.kind}/{entry.name}": [field.path for field in entry.fields]
        for entry in report.entries
    }


@needs_next
@pytest.mark.parametrize("name", ["bfd-and-topology", "bfd-only"])
def test_only_bfd_differs(name: str) -> None:
    report = diff(NEXT / f"{name}.git.yaml", NEXT / f"{name}.live.json")
    assert fields(report) == {"ExternalAttachment/ds3000-03--other": ["spec.bfd"]}
    assert (report.exit_code, report.notices) == (1, ())


@needs_next
def test_changed_fabric_is_drift() -> None:
    report = diff(NEXT / "new-kinds.git.yaml", NEXT / "new-kinds.live.json")
    assert fields(report) == {
        "Fabric/fabric-a": ["spec.domains.default", "spec.leafASNEnd", "spec.leafASNStart"]
    }
    assert report.problems == (
        "Git defines VPCInterconnect objects, but no vpcinterconnects were listed; they are not compared."
        " The fabric's account needs the rights in deploy/clusterrole.yaml to list them.",
    )


@needs_samples
@pytest.mark.parametrize("sample", SETS, ids=str)
def test_upgrade_of_a_fabric_makes_no_drift(sample: SampleSet) -> None:
    items: list[dict[str, Any]] = sample.dump()["items"]
    upgraded = [
        item | {"spec": item.get("spec", {}) | ({"topology": topology} if topology else {})}
        for item in items
        for topology in [TOPOLOGY.get(item["kind"], FABRIC_ONLY)]
    ]
    made: dict[str, Any] = {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Fabric",
        "metadata": {"name": "default"},
    }
    state = sample.desired()

    before = find_drift(state, sample.live_state())
    after = find_drift(state, parse_dump(cast(Json, {"kind": "List", "items": [*upgraded, made]})))

    assert after.entries == ()
    assert after.unknown_fields == ()
    filled_in = {field.path for field in after.unmanaged} - {
        field.path for field in before.unmanaged
    }
    assert all(path.startswith("spec.topology.") for path in filled_in)
    assert filled_in


def test_objects_of_an_interconnect_are_never_extra() -> None:
    owners: Json = [{"apiVersion": "v1", "kind": "VPCInterconnect", "name": "isp", "uid": "1"}]
    state = desired(manifest("VPCInterconnect", "isp"))
    fabric = live_state(
        live("VPCInterconnect", "isp", {"ipv4Namespace": "default"}),
        live("External", "isp", ownerReferences=owners),
        live("ExternalAttachment", "isp--c--100", ownerReferences=owners),
        live("ExternalPeering", "isp--v", ownerReferences=owners),
    )
    assert find_drift(state, fabric).entries == ()


def test_only_the_default_fabric_is_made_by_a_controller() -> None:
    state = desired(manifest("Server", "s"))
    fabric = live_state(live("Server", "s"), live("Fabric", "default"), live("Fabric", "mine"))
    assert [str(entry.key) for entry in find_drift(state, fabric).entries] == [
        "Fabric/default/mine"
    ]
    stated = desired(manifest("Fabric", "default", "{leafASNStart: 1}"))
    drift = find_drift(stated, live_state(live("Fabric", "default", {"leafASNStart": 2})))
    assert [field.path for field in chain(*(entry.fields for entry in drift.entries))] == [
        "spec.leafASNStart"
    ]


def test_release_without_the_new_kinds_is_as_before() -> None:
    state = desired(manifest("Server", "s"), manifest("VPC", "v"))
    served = live_state(
        live("Server", "s"),
        live("VPC", "v", {"ipv4Namespace": "default", "vlanNamespace": "default"}),
    )
    fabric = replace(served, unserved_kinds=get_kinds(["Fabric", "VPCInterconnect"]))
    report = build_diff_report(state, find_drift(state, fabric))
    assert (report.exit_code, report.problems, report.notices) == (0, (), ())

    stated = desired(manifest("Fabric", "f"))
    (problem,) = build_diff_report(stated, find_drift(stated, fabric)).problems
    assert "does not serve wiring.githedgehog.com/v1beta1 fabrics" in problem
