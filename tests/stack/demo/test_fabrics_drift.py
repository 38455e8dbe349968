"""Each sample fabric shows what it is there to show, in the eyes of the code that finds drift."""

from collections import defaultdict

from fabrics.drift import Drift, DriftType, LiveState, find_drift
from fabrics.resources.kinds import COMPARED_KINDS, Kind
from fabrics.resources.manifests import build_desired_state, parse_manifests
from fabrics.resources.resource import Resource, resource_from_api
from stack.demo.fabrics import SAMPLE_FABRICS, SampleFabric

BERLIN, OSLO, LYON = SAMPLE_FABRICS


def test_berlin_is_in_sync_although_most_objects_differ_from_git() -> None:
    assert drift_of(BERLIN).entries == ()
    desired, live = BERLIN.read_desired(), live_manifests(BERLIN)
    assert len(desired) == len(live)
    assert sum(manifest not in live for manifest in desired) > len(desired) / 2


def test_oslo_has_one_drift_of_each_sort() -> None:
    found = {(str(entry.key), entry.change) for entry in drift_of(OSLO).entries}
    assert found == {
        ("VPC/default/research", DriftType.CHANGED),
        ("VPCAttachment/default/research-storage--nfs-01", DriftType.MISSING),
        ("Server/default/gpu-loan-01", DriftType.EXTRA),
    }


def test_the_changed_object_of_oslo_differs_in_its_vlan_alone() -> None:
    (changed,) = (each for each in drift_of(OSLO).entries if each.change is DriftType.CHANGED)
    assert [(field.desired, field.live) for field in changed.fields] == [(1100, 1140)]


def test_lyon_has_nothing_live_to_read() -> None:
    assert LYON.make_live is None


def drift_of(fabric: SampleFabric) -> Drift:
    files = sorted(fabric.directory.rglob("*.yaml"))
    desired = build_desired_state(parse_manifests(file.name, file.read_bytes()) for file in files)
    resources: defaultdict[Kind, list[Resource]] = defaultdict(list)
    for manifest in live_manifests(fabric):
        resource = resource_from_api(manifest)
        resources[resource.kind].append(resource)
    return find_drift(desired, LiveState({kind: tuple(resources[kind]) for kind in COMPARED_KINDS}))


def live_manifests(fabric: SampleFabric) -> list[dict[str, object]]:
    assert fabric.make_live is not None
    return fabric.make_live(fabric.read_desired())
