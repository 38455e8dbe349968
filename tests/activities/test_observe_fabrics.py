"""Observations of one of several fabrics that one API of the next release holds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.update import InventoryActivities
from activities.observe import FabricActivities, ObserveRequest
from fabrics.drift.diff_report import DiffReport
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import Observation
from fabrics.resources.kinds import get_kind
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from stack.kubernetes.releases import HedgehogRelease
from tests.support.git.repositories import Repository

type Manifest = dict[str, Any]


def make(kind: str, name: str, spec: Mapping[str, Any] | None = None) -> Manifest:
    return {
        "apiVersion": get_kind(kind).api_version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": dict(spec or {}),
    }


LEAF = {"role": "server-leaf", "vlanNamespaces": ["default"]}


def make_fabric(name: str) -> list[Manifest]:
    """Return a fabric of one leaf with a server and a VPC."""
    own = {"topology": {"fabric": name}}
    ends = {"server": {"port": f"server-{name}/eth1"}, "switch": {"port": f"leaf-{name}/E1/1"}}
    vpc = {**own, "ipv4Namespace": "default", "vlanNamespace": "default"}
    return [
        make("Fabric", name, {"leafASNStart": 65101, "leafASNEnd": 65200}),
        make("Switch", f"leaf-{name}", {**own, **LEAF}),
        make("Server", f"server-{name}"),
        make("Connection", f"connection-{name}", {**own, "unbundled": {"link": ends}}),
        make("VPC", f"vpc-{name}", vpc),
    ]


SPARE = make("Server", "spare")


def in_git(*manifests: Manifest) -> dict[str, str]:
    return {"fabric.yaml": yaml.safe_dump_all(manifests)}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "fleet.git")


@pytest.fixture
def two_fabrics(api: EmulatedKubernetesApi) -> EmulatedKubernetesApi:
    """The API of the next release, with the fabrics a and b and a server of none."""
    api.upgrade(HedgehogRelease.NEXT)
    api.delete_all(get_kind("Fabric"))
    api.apply_all([*make_fabric("a"), *make_fabric("b"), SPARE])
    return api


@pytest.fixture
def config(
    two_fabrics: EmulatedKubernetesApi, target: KubernetesTarget, repository: Repository
) -> FabricConfig:
    assert two_fabrics.server == target.server
    return FabricConfig(
        fabric_id="oslo",
        name="Oslo",
        record_id=1,
        enabled=True,
        kubernetes=target,
        git=repository.source(),
        fabric_name="a",
    )


@pytest.fixture
def activities(settings: Settings) -> FabricActivities:
    return FabricActivities(settings)


def observe(
    activities: FabricActivities, config: FabricConfig, counts: dict[str, int] | None = None
) -> Observation:
    environment = ActivityEnvironment()
    policy = RetryPolicy(maximum_attempts=3)
    environment.info = replace(environment.info, attempt=3, retry_policy=policy)
    request = ObserveRequest(config=config, previous_counts=counts or {})
    observation: Observation = environment.run(activities.observe, request)
    return observation


def diff(activities: FabricActivities, config: FabricConfig) -> DiffReport:
    report: DiffReport = ActivityEnvironment().run(activities.diff, config)
    return report


def read_for_inventory(
    activities: FabricActivities, config: FabricConfig, observation: Observation
) -> str:
    """Return the digest of what an inventory reads; it writes none without Externals."""
    inventories = InventoryActivities(
        cast(InventoryNetBox, None),
        activities.desired_states,
        activities.live_states,
        activities.settings,
        "test",
    )
    request = InventoryRequest(
        config=config,
        live_digest=observation.live_digest,
        expected_counts={"External": 1},
        sync_number=1,
    )
    outcome: InventoryOutcome = ActivityEnvironment().run(inventories.update_inventory, request)
    assert outcome.withheld
    return outcome.live_digest


COUNTS = {"Fabric": 1, "Switch": 1, "Server": 1, "Connection": 1, "VPC": 1}


def test_each_record_has_its_own_fabric(
    repository: Repository, config: FabricConfig, activities: FabricActivities
) -> None:
    repository.commit_files(in_git(*make_fabric("a")))
    own = observe(activities, config)
    assert (own.error, own.drift_count, own.counts) == ("", 0, COUNTS)
    other = observe(activities, config.model_copy(update={"fabric_name": "b"}))
    assert (other.error, other.counts) == ("", COUNTS)
    assert own.live_digest != other.live_digest
    everything = observe(activities, config.model_copy(update={"fabric_name": ""}))
    assert everything.counts == {kind: 2 * count for kind, count in COUNTS.items()} | {"Server": 3}
    assert {entry.name.rpartition("-")[2] for entry in everything.drift} == {"b", "spare"}


def test_drift_of_a_fabric_is_its_own(
    two_fabrics: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(in_git(*make_fabric("a"), *make_fabric("b")))
    leaf = {"topology": {"fabric": "b"}, **LEAF, "role": "spine"}
    two_fabrics.apply_all([make("Switch", "leaf-b", leaf)])
    two_fabrics.delete(get_kind("Server"), "server-b")
    assert observe(activities, config).drift_count == 0
    other = observe(activities, config.model_copy(update={"fabric_name": "b"}))
    assert {entry.name: entry.change for entry in other.drift} == {
        "leaf-b": "changed",
        "server-b": "missing",
    }


def test_server_without_a_connection_counts_where_it_is_in_git(
    repository: Repository, config: FabricConfig, activities: FabricActivities
) -> None:
    repository.commit_files(in_git(*make_fabric("a")))
    without = observe(activities, config)
    assert diff(activities, config).notices == (
        "Live objects that belong to no fabric, as they are not in Git and no object refers to them:"
        " 1 Server.",
    )
    repository.commit_files(in_git(*make_fabric("a"), SPARE))
    observation = observe(activities, config)
    assert (observation.drift_count, observation.counts) == (0, COUNTS | {"Server": 2})
    assert observation.live_digest != without.live_digest
    assert diff(activities, config).notices == ()


@pytest.mark.parametrize("manifests", [make_fabric("a"), [*make_fabric("a"), SPARE]])
def test_inventory_reads_what_was_observed(
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
    settings: Settings,
    manifests: list[Manifest],
) -> None:
    repository.commit_files(in_git(*manifests))
    observation = observe(activities, config)
    assert read_for_inventory(activities, config, observation) == observation.live_digest
    elsewhere = FabricActivities(settings)
    assert read_for_inventory(elsewhere, config, observation) == observation.live_digest


def test_unreadable_git_stops_no_inventory(
    repository: Repository, config: FabricConfig, activities: FabricActivities
) -> None:
    repository.commit_files(in_git(*make_fabric("a")))
    digest = observe(activities, config).live_digest
    assert config.git
    lost = config.git.model_copy(update={"branch": "lost"})
    config = config.model_copy(update={"git": lost})
    observation = observe(activities, config)
    assert "lost" in observation.git_error
    assert observation.live_digest == digest
    assert read_for_inventory(activities, config, observation) == digest


def test_name_that_no_fabric_has_is_an_error_that_lists_the_names(
    repository: Repository, config: FabricConfig, activities: FabricActivities
) -> None:
    repository.commit_files(in_git(*make_fabric("a")))
    wrong = config.model_copy(update={"fabric_name": "c"})
    observation = observe(activities, wrong)
    sentence = (
        "hh_fabric_name is c, but no Fabric and no object has that name: the fabrics are a, b."
    )
    assert observation.kubernetes_error == sentence
    assert (observation.counts, observation.drift_count) == ({}, None)
    assert diff(activities, wrong).error == sentence


def test_kind_that_only_other_fabrics_have_is_not_suddenly_empty(
    two_fabrics: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(in_git(*make_fabric("a")))
    two_fabrics.delete(get_kind("VPC"), "vpc-a")
    observation = observe(activities, config, COUNTS)
    assert observation.error == ""
    assert [(entry.name, entry.change) for entry in observation.drift] == [("vpc-a", "missing")]
    two_fabrics.delete(get_kind("VPC"), "vpc-b")
    assert "no longer lists any vpcs" in observe(activities, config, COUNTS).error


def test_file_errors_of_a_shared_directory_count_in_each_record(
    repository: Repository, config: FabricConfig, activities: FabricActivities
) -> None:
    files = in_git(*make_fabric("a"), *make_fabric("b"))
    repository.commit_files({**files, "broken.yaml": "kind: VPC\n  x: ["})
    for name in ("a", "b"):
        observation = observe(activities, config.model_copy(update={"fabric_name": name}))
        (problem,) = observation.problems
        assert problem.startswith("broken.yaml:")
        assert (observation.drift_count, observation.counts) == (0, COUNTS)


def test_later_kind_in_git_that_may_not_be_listed_is_a_problem(
    two_fabrics: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    two_fabrics.inject_fault(Fault(403, "fabrics"))
    repository.commit_files(in_git(*make_fabric("a")[1:]))
    assert observe(activities, config).error == ""
    repository.commit_files(in_git(*make_fabric("a")))
    observation = observe(activities, config)
    (problem,) = observation.problems
    assert "Git defines Fabric objects, but no fabrics were listed" in problem
    assert observation.drift_count == 0
