"""Whole fabrics in the real NetBox: what it then says of them is what their manifests say."""

import pytest

from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import FindingType
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.inventory.expected_inventory import Manifest, Reader, ports_of
from tests.support.inventory.live_samples import (
    MADE_UP,
    OWN,
    REAL,
    SKIPPED,
    LiveSet,
    live_of,
    profiles,
)
from tests.support.netbox.fabric_inventory import FabricInventory
from tests.support.netbox.inventory_assertions import assert_shows

SHORT = {
    "demo-gitops-env-1",
    "demo-gitops-env-3",
    "docs-build-wiring",
    "vlab-gateway-externals",
    "lyon-edge",
    "made-up-1",
}
"""Sets of every sort that take a minute together; all others are for the soak."""

MOST_REQUESTS = 8
"""Of a sync with nothing to write, however large the fabric."""


def _params() -> list[object]:
    real = [pytest.param(each, marks=[needs_samples, *_soak(each)]) for each in REAL]
    return [*real, *(pytest.param(each, marks=_soak(each)) for each in (*OWN, *MADE_UP))]


def _soak(sample: LiveSet) -> list[pytest.MarkDecorator]:
    return [] if sample.name in SHORT else [pytest.mark.soak]


@pytest.mark.parametrize("sample", _params(), ids=str)
def test_a_fabric_is_mirrored_and_then_left_alone(sample: LiveSet, mirror: FabricInventory) -> None:
    items, skipped = sample.items(), SKIPPED.get(sample.name, {})
    report = mirror.sync_live(live_of(items)).report
    assert report.problems == ({FindingType.SKIPPED: len(skipped)} if skipped else {})
    assert {each.what: each.why for each in report.findings} == skipped
    assert_shows(mirror, items)
    before = mirror.latest()
    with mirror.requests() as sent:
        again = mirror.sync_live(live_of(items))
    assert len(sent) <= MOST_REQUESTS, sent
    assert not again.report.has_changes
    assert again.report.unchanged == sum(Reader(items).counts().values())
    assert not again.has_pending_work
    assert mirror.changelog(before) == []


@pytest.mark.soak
@needs_samples
def test_netbox_takes_the_ports_of_all_profiles(mirror: FabricInventory) -> None:
    """Each of Hedgehog's models of switches, with every type and speed of port that these have."""
    known = {each["metadata"]["name"]: each["spec"] for each in profiles()}
    switches = [switch_of(name) for name in known]
    live = live_of([*switches, *profiles()])
    assert mirror.sync_live(live).report.problems == {}
    ports: dict[str, set[str]] = {name: set() for name in known}
    for row in mirror.own(Model.INTERFACE):
        ports[row["device"]["name"]].add(row["name"])
        assert row["speed"] or row["mgmt_only"]
    assert ports == {name: ports_of({}, profile) for name, profile in known.items()}
    assert not mirror.sync_live(live).report.has_changes


def switch_of(profile: str) -> Manifest:
    """A switch that is called after its profile."""
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Switch",
        "metadata": {"name": profile, "namespace": "default"},
        "spec": {"role": "spine", "profile": profile},
    }
