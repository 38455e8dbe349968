"""No missed drift: each small change of a live object is reported, and only that."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from fabrics.drift.compare import find_drift
from fabrics.drift.model import Drift, DriftType, LiveState
from fabrics.resources.kinds import get_kind
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.resource import Resource, resource_from_api
from fabrics.resources.schema import get_spec_schema
from tests.support.fabrics.mutations import Mutation, mutations
from tests.support.fabrics.sample_sets import SETS, SampleSet, needs_samples

pytestmark = needs_samples


@pytest.fixture(scope="module")
def tried() -> Iterator[Counter[str]]:
    """Counts mutations by description and prints them at the end (`pytest -s`)."""
    counts: Counter[str] = Counter()
    yield counts
    print()
    for description, count in sorted(counts.items()):
        print(f"{count:8,} {description}")
    print(f"{counts.total():8,} mutations, each reported on exactly its object and field")


def _pairs(sample: SampleSet) -> Iterator[tuple[Resource, dict[str, Any]]]:
    desired = sample.desired()
    for item in sample.dump()["items"]:
        yield desired.resources[resource_from_api(item, get_kind(item["kind"])).key], item


def _drift(desired: Resource, item: dict[str, Any]) -> Drift:
    live = resource_from_api(item, desired.kind)
    return find_drift(DesiredState({desired.key: desired}), LiveState({live.kind: (live,)}))


@pytest.mark.parametrize("sample", SETS, ids=str)
def test_each_mutation_of_a_live_spec_is_reported(sample: SampleSet, tried: Counter[str]) -> None:
    for desired, item in _pairs(sample):
        for mutation in mutations(get_spec_schema(desired.kind), item.get("spec", {})):
            drift = _drift(desired, item | {"spec": mutation.spec})
            if mutation.hydrated and not sample.hydrated:
                _assert_unmanaged(desired, drift, mutation)
                tried["hydrated field that Git does not set: listed as unmanaged"] += 1
            elif mutation.unknown:
                assert drift.entries == ()
                assert any(mutation.explains(field.path) for field in drift.unknown_fields)
                tried["unknown field that Git does not set: listed as unknown"] += 1
            else:
                _assert_reported(desired, drift, mutation)
                tried[mutation.description] += 1


def _assert_reported(desired: Resource, drift: Drift, mutation: Mutation) -> None:
    where = f"{desired.key}: {mutation.description} at {mutation.path}: {drift.entries}"
    assert [(entry.key, entry.change) for entry in drift.entries] == [
        (desired.key, DriftType.CHANGED)
    ], where
    fields = drift.entries[0].fields
    unexplained = [field.path for field in fields if not mutation.explains(field.path)]
    if mutation.description == "rename a map key":  # the old name goes, the new one comes
        unexplained = [path for path in unexplained if "zzz" not in path]
        assert len(fields) == 2, where
    assert len(fields) >= 1, where
    assert unexplained == [], where


def _assert_unmanaged(desired: Resource, drift: Drift, mutation: Mutation) -> None:
    where = f"{desired.key}: {mutation.description} at {mutation.path}: {drift.entries}"
    assert drift.entries == (), where
    if mutation.description == "change a leaf":
        unmanaged = {field.path for field in drift.unmanaged}
        assert any(mutation.path == path or mutation.explains(path) for path in unmanaged), where


@pytest.mark.parametrize("sample", SETS, ids=str)
@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_each_change_of_user_metadata_is_reported(
    sample: SampleSet, field: str, tried: Counter[str]
) -> None:
    for desired, item in _pairs(sample):
        metadata = item["metadata"]
        live: dict[str, str] = metadata.get(field, {})
        git: dict[str, str] = getattr(desired, field)
        own = [name for name in git if name in live and _is_user_entry(name)]
        trials: list[dict[str, str]] = [live | {"team": "blue"}]
        trials += [live | {name: live[name] + "x"} for name in own]
        trials += [{key: value for key, value in live.items() if key != name} for name in own]
        for name, trial in zip(["team", *own, *own], trials, strict=True):
            drift = _drift(desired, item | {"metadata": metadata | {field: trial}})
            (entry,) = drift.entries
            (difference,) = entry.fields
            assert difference.path.startswith(f"metadata.{field}")
            assert name in difference.path
            tried[f"change {field}"] += 1


def _is_user_entry(name: str) -> bool:
    return "githedgehog.com" not in name or "hhfab." in name or name.endswith("p2p-link")


@pytest.mark.parametrize("sample", SETS, ids=str)
def test_metadata_written_by_tools_is_not_drift(sample: SampleSet) -> None:
    noise = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "argocd.argoproj.io/tracking-id": "fabric:vpc/VPC:default/x",
        "app.kubernetes.io/instance": "fabric",
        "kustomize.toolkit.fluxcd.io/name": "fabric",
        "fabric.githedgehog.com/new-in-the-next-release": "x",
        "vpc.gateway.githedgehog.com/vpc-1": "true",
        "objectset.rio.cattle.io/hash": "x",
    }
    for desired, item in _pairs(sample):
        metadata = item["metadata"]
        noisy = metadata | {
            field: metadata.get(field, {}) | noise for field in ("labels", "annotations")
        }
        assert _drift(desired, item | {"metadata": noisy}).entries == ()
