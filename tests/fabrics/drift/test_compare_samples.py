"""No false drift: what a real fabric makes of real manifests is what the manifests ask for."""

import pytest

from fabrics.drift import DriftType, LiveState, find_drift
from fabrics.resources.kinds import COMPARED_KINDS, get_kind
from fabrics.resources.resource import digest_resources
from tests.support.fabrics.sample_sets import LEGACY, SETS, SampleSet, needs_samples

pytestmark = needs_samples


@pytest.mark.parametrize("sample", SETS, ids=str)
def test_a_set_and_its_live_form_do_not_differ(sample: SampleSet) -> None:
    desired = sample.desired()
    drift = find_drift(desired, sample.live_state())
    assert desired.problems == ()
    assert drift.entries == ()
    assert drift.unread_kinds == ()
    assert sum(count.desired for count in drift.counts.values()) == len(desired.resources) > 0
    assert sum(count.live for count in drift.counts.values()) == len(sample.dump()["items"])
    if sample.hydrated:
        assert drift.unmanaged == ()


def test_what_the_installer_filled_is_listed_as_unmanaged() -> None:
    sample = next(each for each in SETS if each.name == "gateway-externals-unhydrated")
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


def test_hydrated_git_against_an_unhydrated_fabric_is_drift() -> None:
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


def test_connections_that_a_release_refuses_are_missing() -> None:
    drift = find_drift(LEGACY.desired(), LEGACY.live_state())
    assert [(entry.key.name, entry.change) for entry in drift.entries] == [
        ("leaf-01--mclag-domain--leaf-02", DriftType.MISSING),
        ("server-01--mclag--leaf-01--leaf-02", DriftType.MISSING),
        ("server-02--mclag--leaf-01--leaf-02", DriftType.MISSING),
    ]


@pytest.mark.parametrize("sample", SETS, ids=str)
def test_a_kind_that_was_not_listed_is_never_missing(sample: SampleSet) -> None:
    desired, live = sample.desired(), sample.live_state()
    for kind in COMPARED_KINDS:
        rest = {each: live.resources[each] for each in live.resources if each != kind}
        drift = find_drift(desired, LiveState(rest))
        assert drift.entries == ()
        held = any(key.kind == kind for key in desired.resources)
        assert drift.unread_kinds == ((kind,) if held else ())


@pytest.mark.parametrize("sample", SETS, ids=str)
def test_digests_of_both_sides_agree_when_git_is_hydrated(sample: SampleSet) -> None:
    live = [each for listed in sample.live_state().resources.values() for each in listed]
    agree = digest_resources(sample.desired().resources.values()) == digest_resources(
        reversed(live)
    )
    assert agree == sample.hydrated


def test_scope_follows_git_when_nothing_is_configured() -> None:
    vpcs = next(each for each in SETS if each.name == "demo-gitops-env-1")
    wiring = SETS[0]
    both = LiveState({**wiring.live_state().resources, **vpcs.live_state().resources})
    assert find_drift(vpcs.desired(), both).entries == ()
    everything = find_drift(vpcs.desired(), both, frozenset(COMPARED_KINDS))
    assert {entry.change for entry in everything.entries} == {DriftType.EXTRA}
    assert len(everything.entries) == len(wiring.dump()["items"])
    servers = find_drift(vpcs.desired(), both, frozenset({get_kind("Server")}))
    assert {entry.key.kind.name for entry in servers.entries} == {"Server"}
