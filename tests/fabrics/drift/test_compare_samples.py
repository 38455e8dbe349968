"""No false drift between real manifests and what a real fabric makes of them."""

from itertools import chain

import pytest

from fabrics.drift.compare import find_drift
from fabrics.drift.model import DriftType, LiveState
from fabrics.resources.kinds import COMPARED_KINDS, get_kind
from fabrics.resources.resource import digest_resources
from tests.support.fabrics.sample_sets import LEGACY, SETS, SampleSet, needs_samples

pytestmark = needs_samples


@pytest.mark.parametrize("sample", SETS, ids=str)
def test_sample_set_has_no_drift_from_its_live_form(sample: SampleSet) -> None:
    desired = sample.desired()
    drift = find_drift(desired, sample.live_state())
    assert desired.problems == ()
    assert drift.entries == ()
    assert drift.unread_kinds == ()
    assert sum(count.desired for count in drift.counts.values()) == len(desired.resources) > 0
    assert sum(count.live for count in drift.counts.values()) == len(sample.dump()["items"])
    if sample.hydrated:
        assert drift.unmanaged == ()


def test_fields_filled_by_the_installer_are_unmanaged() -> None:
    sample = next(sample for sample in SETS if sample.name == "gateway-externals-unhydrated")
    drift = find_drift(sample.desired(), sample.live_state())
    paths = {(field.key.kind.name, field.path) for field in drift.unmanaged}
    assert {path for kind, path in paths if kind == "Switch"} == {
        "spec.asn",
        "spec.ip",
        "spec.protocolIP",
        "spec.vtepIP",
    }
    assert ("Gateway", "spec.neighbors") in paths
    assert ("Gateway", "spec.interfaces.enp2s1.ips") in paths
    assert ("Connection", "spec.fabric.links[leaf-01/E1/5, spine-01/E1/1].leaf.ip") in paths
    assert {kind for kind, _ in paths} == {"Switch", "Gateway", "Connection"}


def test_hydrated_git_against_unhydrated_fabric_is_drift() -> None:
    hydrated, _, unhydrated = SETS[:3]
    drift = find_drift(hydrated.desired(), unhydrated.live_state())
    drifted = {str(entry.key): entry for entry in drift.entries}
    assert len(drifted) == 11
    leaf = drifted["Switch/default/leaf-01"]
    assert leaf.change is DriftType.CHANGED
    assert [field.path for field in leaf.fields] == [
        "spec.asn",
        "spec.ip",
        "spec.protocolIP",
        "spec.vtepIP",
    ]
    assert all(field.live is None for field in leaf.fields)


def test_connections_refused_by_release_are_missing() -> None:
    drift = find_drift(LEGACY.desired(), LEGACY.live_state())
    assert [(entry.key.name, entry.change) for entry in drift.entries] == [
        ("leaf-01--mclag-domain--leaf-02", DriftType.MISSING),
        ("server-01--mclag--leaf-01--leaf-02", DriftType.MISSING),
        ("server-02--mclag--leaf-01--leaf-02", DriftType.MISSING),
    ]


@pytest.mark.parametrize("sample", SETS, ids=str)
def test_kind_that_was_not_listed_is_never_missing(sample: SampleSet) -> None:
    desired, live = sample.desired(), sample.live_state()
    for kind in COMPARED_KINDS:
        rest = {other: live.resources[other] for other in live.resources if other != kind}
        drift = find_drift(desired, LiveState(rest))
        assert drift.entries == ()
        in_git = any(key.kind == kind for key in desired.resources)
        assert drift.unread_kinds == ((kind,) if in_git else ())


@pytest.mark.parametrize("sample", SETS, ids=str)
def test_digests_of_both_sides_agree_when_git_is_hydrated(sample: SampleSet) -> None:
    live = list(chain.from_iterable(sample.live_state().resources.values()))
    desired_digest = digest_resources(sample.desired().resources.values())
    assert (desired_digest == digest_resources(reversed(live))) == sample.hydrated


def test_managed_kinds_follow_git_unless_configured() -> None:
    vpcs = next(sample for sample in SETS if sample.name == "demo-gitops-env-1")
    wiring = SETS[0]
    both = LiveState({**wiring.live_state().resources, **vpcs.live_state().resources})
    assert find_drift(vpcs.desired(), both).entries == ()
    everything = find_drift(vpcs.desired(), both, frozenset(COMPARED_KINDS))
    assert {entry.change for entry in everything.entries} == {DriftType.EXTRA}
    assert len(everything.entries) == len(wiring.dump()["items"])
    servers = find_drift(vpcs.desired(), both, frozenset({get_kind("Server")}))
    assert {entry.key.kind.name for entry in servers.entries} == {"Server"}
