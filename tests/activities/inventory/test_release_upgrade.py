"""An upgrade of Hedgehog under an unchanged Git: no drift, and only new details."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from activities.kubernetes.live_state import LiveStateCache
from fabrics.inventory.model.planned import Model
from fabrics.record.config import FabricConfig
from settings import Settings
from stack.kubernetes.releases import DEFAULT_FABRIC, VPC_INTERCONNECT, HedgehogRelease
from tests.activities.inventory.conftest import EmulatedOslo
from tests.support.agents.emulated_fabric import Clock, Worker, make_config, run_fabric
from tests.support.fabrics.sample_sets import SETS, SampleSet, in_git, live_items, needs_samples
from tests.support.git.repositories import Repository
from tests.support.netbox.fabric_inventory import FAKE, FabricInventory

INTERCONNECT = {
    "apiVersion": VPC_INTERCONNECT.api_version,
    "kind": VPC_INTERCONNECT.name,
    "metadata": {"name": "berlin"},
    "spec": {
        "links": [{"connection": "leaf-03--external", "vlan": 77, "remoteASN": 65200, "bfd": {}}],
        "local": {"research": {"subnets": ["gpu"]}},
        "remote": {"prefixes": ["10.90.0.0/16"]},
    },
}
RECORD = {"id": 1, "name": "Lab", "custom_fields": {"hh_fabric_id": "lab"}}


def with_fabric_name(config: FabricConfig, name: str) -> FabricConfig:
    return config.model_copy(update={"fabric_name": name})


@needs_samples
@pytest.mark.parametrize("sample", SETS, ids=str)
def test_sample_sets_stay_in_sync_whether_or_not_the_record_names_the_fabric(
    sample: SampleSet, repository: Repository, credential: Path, settings: Settings
) -> None:
    repository.commit_files(in_git(sample))
    with run_fabric(live_items(sample), credential, Clock()) as api:
        config = make_config(api, credential, repository, RECORD)
        workers = [Worker(settings, with_fabric_name(config, name)) for name in ("", "default")]
        before, named_before = (worker.observe().counts for worker in workers)
        api.upgrade(HedgehogRelease.NEXT)
        restarted = [Worker(settings, worker.config, worker.last_sync) for worker in workers]
        after, named_after = (worker.observe().counts for worker in restarted)
        assert before == named_before
        assert after == named_after == before | {"Fabric": 1}
        assert workers[0].observe().counts == before, "it was asked for the kind Fabric recently"


@pytest.mark.parametrize("make_inventory", [FAKE], indirect=True)
@pytest.mark.parametrize(
    ("name_before", "name_after"), [("", ""), ("default", "default"), ("", "default")]
)
def test_upgrade_writes_nothing_but_details_of_the_fabric(
    name_before: str, name_after: str, oslo: EmulatedOslo, inventory: FabricInventory
) -> None:
    worker = replace(oslo.worker, config=with_fabric_name(oslo.worker.config, name_before))
    assert worker.update(inventory).report.problems == {}
    key = f"Fabric/default/{inventory.fabric_id}#underlay"
    underlay, before = inventory.get(Model.VRF, key), inventory.latest_change()

    oslo.upgrade()
    config = with_fabric_name(worker.config, name_after)
    restarted = Worker(worker.settings, config, worker.last_sync)
    report = restarted.update(inventory).report

    assert (report.created, report.updated, report.deleted) == (0, 1, 0)
    assert (report.adopted, report.problems) == (0, {})
    [change] = inventory.changes_since(before)
    assert (change["action"]["value"], change["changed_object_id"]) == ("update", underlay["id"])
    details = {"hh_details": {"fabrics": {"default": DEFAULT_FABRIC["spec"]}}}
    fields = {"custom_fields": underlay["custom_fields"] | details}
    assert inventory.get(Model.VRF, key) == underlay | fields
    assert not restarted.update(inventory).report.has_changes


@pytest.mark.parametrize("make_inventory", [FAKE], indirect=True)
def test_objects_that_the_controller_makes_of_an_interconnect_are_no_drift(
    oslo: EmulatedOslo, inventory: FabricInventory
) -> None:
    before = oslo.worker.observe().counts
    oslo.upgrade()
    oslo.commit(interconnect=json.dumps(INTERCONNECT))
    oslo.api.apply(INTERCONNECT)
    worker = replace(oslo.worker, live_states=LiveStateCache())
    assert worker.update(inventory).report.problems == {}
    assert worker.last_sync is not None
    assert Counter(worker.last_sync.counts) - Counter(before) == Counter(
        ["Fabric", "VPCInterconnect", "External", "ExternalAttachment", "ExternalPeering"]
    )
