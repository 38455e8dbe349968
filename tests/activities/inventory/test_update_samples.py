"""Whole fabrics in NetBox: their inventories match their manifests."""

from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

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
    parse_live_state,
    profiles,
)
from tests.support.netbox.fabric_inventory import FAKE, NETBOX, FabricInventory
from tests.support.netbox.inventory_assertions import assert_inventory_matches

ALWAYS_REAL = {"demo-gitops-env-1", "docs-build-wiring", "made-up-1"}
"""Samples with all types of objects; the soak tests load all others into the real NetBox."""

LARGE = "vlab-gpu-rail-large"
"""The sample with thousands of objects, for which the fake is too slow."""

MOST_REQUESTS = 8
"""The limit of a sync that writes nothing, for fabrics of any size."""


def _params() -> Iterator[ParameterSet]:
    """Yield each sample in the fake NetBox and in the real one."""
    for sample in (*REAL, *OWN, *MADE_UP):
        marks = [needs_samples] if sample in REAL else []
        soak = [] if sample.name in ALWAYS_REAL else [pytest.mark.soak]
        if sample.name != LARGE:
            yield pytest.param(FAKE, sample, marks=marks)
        yield pytest.param(NETBOX, sample, marks=[*marks, *soak])


@pytest.mark.parametrize(
    ("make_inventory", "sample"), [*_params()], indirect=["make_inventory"], ids=str
)
def test_inventory_matches_manifests_and_second_sync_writes_nothing(
    sample: LiveSet, inventory: FabricInventory
) -> None:
    items, skipped = sample.items(), SKIPPED.get(sample.name, {})
    report = inventory.sync_live(parse_live_state(items)).report
    assert report.problems == ({FindingType.SKIPPED: len(skipped)} if skipped else {})
    assert {finding.what: finding.why for finding in report.findings} == skipped
    assert_inventory_matches(inventory, items)
    before = inventory.latest_change()
    with inventory.record_requests() as sent:
        again = inventory.sync_live(parse_live_state(items))
    assert len(sent) <= MOST_REQUESTS, sent
    assert not again.report.has_changes
    assert again.report.unchanged == sum(Reader(items).counts().values())
    assert not again.has_pending_work
    assert inventory.changes_since(before) == []


@pytest.mark.soak
@needs_samples
def test_netbox_accepts_ports_of_all_profiles(inventory: FabricInventory) -> None:
    """Each switch model of Hedgehog, with all its types and speeds of ports."""
    specs = {profile["metadata"]["name"]: profile["spec"] for profile in profiles()}
    switches = [switch_of(name) for name in specs]
    live = parse_live_state([*switches, *profiles()])
    assert inventory.sync_live(live).report.problems == {}
    ports: dict[str, set[str]] = {name: set() for name in specs}
    for row in inventory.objects(Model.INTERFACE):
        ports[row["device"]["name"]].add(row["name"])
        assert row["speed"] or row["mgmt_only"]
    assert ports == {name: ports_of({}, profile) for name, profile in specs.items()}
    assert not inventory.sync_live(live).report.has_changes


def switch_of(profile: str) -> Manifest:
    """Return a switch that is named like its profile."""
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Switch",
        "metadata": {"name": profile, "namespace": "default"},
        "spec": {"role": "spine", "profile": profile},
    }
