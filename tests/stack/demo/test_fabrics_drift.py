"""The comparison finds the intended drift of each sample fabric."""

from collections import defaultdict

from fabrics.drift.compare import find_drift
from fabrics.drift.model import Drift, DriftType, LiveState
from fabrics.resources.kinds import COMPARED_KINDS, Kind, get_kind
from fabrics.resources.manifests.files import build_desired_state, parse_manifests
from fabrics.resources.resource import Resource, resource_from_api
from stack.demo.fabrics import SAMPLE_FABRICS, SampleFabric

BERLIN, OSLO, LYON = SAMPLE_FABRICS


def test_berlin_is_in_sync_although_most_objects_differ_from_git() -> None:
    assert drift_of(BERLIN).entries == ()
    desired, live = BERLIN.read_desired(), live_manifests(BERLIN)
    assert len(desired) == len(live)
    assert sum(manifest not in live for manifest in desired) > len(desired) / 2


def test_oslo_has_one_drift_of_each_type() -> None:
    drifted = {(str(entry.key), entry.change) for entry in drift_of(OSLO).entries}
    assert drifted == {
        ("VPC/default/research", DriftType.CHANGED),
        ("VPCAttachment/default/research-storage--nfs-01", DriftType.MISSING),
        ("Server/default/gpu-loan-01", DriftType.EXTRA),
    }


def test_changed_object_of_oslo_differs_only_in_its_vlan() -> None:
    entries = drift_of(OSLO).entries
    (changed,) = (entry for entry in entries if entry.change is DriftType.CHANGED)
    assert [(field.desired, field.live) for field in changed.fields] == [(1100, 1140)]


def test_lyon_is_unreachable() -> None:
    assert LYON.make_live is None


def drift_of(fabric: SampleFabric) -> Drift:
    files = sorted(fabric.directory.rglob("*.yaml"))
    desired = build_desired_state(parse_manifests(file.name, file.read_bytes()) for file in files)
    resources: defaultdict[Kind, list[Resource]] = defaultdict(list)
    for manifest in live_manifests(fabric):
        resource = resource_from_api(manifest, get_kind(str(manifest["kind"])))
        resources[resource.kind].append(resource)
    return find_drift(desired, LiveState({kind: tuple(resources[kind]) for kind in COMPARED_KINDS}))


def live_manifests(fabric: SampleFabric) -> list[dict[str, object]]:
    assert fabric.make_live is not None
    return fabric.make_live(fabric.read_desired())
