"""Each sample fabric shows what it is there to show, in the eyes of the code that finds drift."""

from collections import defaultdict

from fabrics.drift import Change, Drift, Live, find_drift
from fabrics.resources.kinds import KINDS, Kind
from fabrics.resources.manifests import collect, parse_manifests
from fabrics.resources.resource import Resource, from_api
from stack.demo.fabrics import FABRICS, SampleFabric

BERLIN, OSLO, LYON = FABRICS


def test_berlin_is_in_sync_although_most_objects_differ_from_git() -> None:
    assert drift_of(BERLIN).entries == ()
    desired, live = BERLIN.desired(), live_manifests(BERLIN)
    assert len(desired) == len(live)
    assert sum(manifest not in live for manifest in desired) > len(desired) / 2


def test_oslo_has_one_drift_of_each_sort() -> None:
    found = {(str(entry.key), entry.change) for entry in drift_of(OSLO).entries}
    assert found == {
        ("VPC/default/research", Change.CHANGED),
        ("VPCAttachment/default/research-storage--nfs-01", Change.MISSING),
        ("Server/default/gpu-loan-01", Change.EXTRA),
    }


def test_the_changed_object_of_oslo_differs_in_its_vlan_alone() -> None:
    (changed,) = (each for each in drift_of(OSLO).entries if each.change is Change.CHANGED)
    assert [(field.desired, field.live) for field in changed.fields] == [(1100, 1140)]


def test_lyon_has_nothing_live_to_read() -> None:
    assert LYON.live is None


def drift_of(fabric: SampleFabric) -> Drift:
    files = sorted(fabric.directory.rglob("*.yaml"))
    desired = collect(parse_manifests(file.name, file.read_bytes()) for file in files)
    resources: defaultdict[Kind, list[Resource]] = defaultdict(list)
    for manifest in live_manifests(fabric):
        resource = from_api(manifest)
        resources[resource.kind].append(resource)
    return find_drift(desired, Live({kind: tuple(resources[kind]) for kind in KINDS}))


def live_manifests(fabric: SampleFabric) -> list[dict[str, object]]:
    assert fabric.live is not None
    return fabric.live(fabric.desired())
