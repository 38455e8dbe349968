"""One look at a fabric: what is found, what is said of a source that fails, and when to try again."""

import socket
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.errors import TransientError
from activities.observe import FabricActivities, ObserveRequest
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.status import Observation
from fabrics.resources.kinds import get_kind
from settings import Settings
from stack.kubernetes.api import KubernetesApi
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.fabrics.sample_sets import SETS, SampleSet, needs_samples
from tests.support.git.repositories import Repository
from tests.support.paths import HEDGEHOG

SERVER = """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {{name: {name}}}
spec: {{description: {description}}}
"""
SERVERS = {f"{name}.yaml": SERVER.format(name=name, description="old") for name in ("a", "b")}


def server(name: str, description: str = "old") -> dict[str, object]:
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Server",
        "metadata": {"name": name},
        "spec": {"description": description},
    }


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "fleet.git")


@pytest.fixture
def config(target: KubernetesTarget, repository: Repository) -> FabricConfig:
    return FabricConfig(
        fabric_id="oslo",
        name="Oslo",
        record_id=1,
        enabled=True,
        kubernetes=target,
        git=repository.source(),
    )


@pytest.fixture
def fabric_config(config: FabricConfig, fabric_target: KubernetesTarget) -> FabricConfig:
    return config.model_copy(update={"kubernetes": fabric_target})


@pytest.fixture
def activities(settings: Settings) -> FabricActivities:
    return FabricActivities(settings)


def observe(
    activities: FabricActivities, config: FabricConfig, *, attempt: int = 3, attempts: int = 3
) -> Observation:
    environment = ActivityEnvironment()
    policy = RetryPolicy(maximum_attempts=attempts)
    environment.info = replace(environment.info, attempt=attempt, retry_policy=policy)
    found: Observation = environment.run(activities.observe, ObserveRequest(config=config))
    return found


def size(found: Observation) -> int:
    return len(found.model_dump_json().encode())


@needs_samples
@pytest.mark.parametrize("sample", SETS, ids=str)
def test_the_sample_sets_are_in_sync(
    sample: SampleSet,
    fabric_api: KubernetesApi,
    repository: Repository,
    fabric_config: FabricConfig,
    activities: FabricActivities,
) -> None:
    files = {name: (HEDGEHOG / "samples" / name).read_bytes() for name in sample.files}
    commit = repository.commit_files(files)
    fabric_api.apply_all(sample.dump()["items"])

    begun = time.monotonic()
    found = observe(activities, fabric_config)
    took = time.monotonic() - begun

    assert found.error == ""
    assert found.commit == commit
    assert found.counts == Counter(item["kind"] for item in sample.dump()["items"])
    assert found.drift_count == 0
    assert took < 10
    assert size(found) < 64 * 1024


def test_drift_of_every_sort(
    fabric_api: KubernetesApi,
    repository: Repository,
    fabric_config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    fabric_api.apply_all([server("b", "new"), server("c")])

    found = observe(activities, fabric_config)

    assert found.error == ""
    assert found.drift_count == 3
    assert {entry.name: entry.change for entry in found.drift} == {
        "a": "missing",
        "b": "changed",
        "c": "extra",
    }


def test_profiles_of_switches_are_neither_counted_nor_drift_but_looked_at(
    fabric_api: KubernetesApi,
    repository: Repository,
    fabric_config: FabricConfig,
    activities: FabricActivities,
) -> None:
    wiring = "wiring.githedgehog.com/v1beta1"
    switch = {
        "kind": "Switch",
        "metadata": {"name": "s"},
        "spec": {"role": "spine", "profile": "p"},
    }
    profile = {"kind": "SwitchProfile", "metadata": {"name": "p"}, "spec": {"displayName": "P"}}
    repository.commit_files({"a.yaml": yaml.safe_dump({"apiVersion": wiring, **switch})})
    fabric_api.apply({"apiVersion": wiring, **switch})
    without = observe(activities, fabric_config)

    fabric_api.apply({"apiVersion": wiring, **profile})
    found = observe(activities, fabric_config)

    assert (found.error, found.counts) == ("", {"Switch": 1})
    assert found.drift == without.drift
    assert found.live_digest != without.live_digest


def test_a_kind_that_is_no_longer_served_counts_as_before_until_that_is_accepted(
    api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    api.apply_all([server("a")])
    alone = config.model_copy(update={"git": None})
    api.stop_serving(get_kind("VPC"))
    asked = ObserveRequest(config=alone, previous_counts={"Server": 1, "VPC": 7, "External": 0})
    accepted = asked.model_copy(update={"accept_empty": True})

    found, later = (
        ActivityEnvironment().run(activities.observe, each) for each in (asked, accepted)
    )

    assert (found.error, found.counts) == ("", {"Server": 1, "VPC": 7})
    assert (later.error, later.counts) == ("", {"Server": 1})


def test_digests_change_with_what_they_stand_for_alone(
    fabric_api: KubernetesApi,
    repository: Repository,
    fabric_config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    fabric_api.apply_all([server("a"), server("b")])
    first = observe(activities, fabric_config)

    repository.commit_files({**SERVERS, "README.md": "text"})
    second = observe(activities, fabric_config)
    assert second.commit != first.commit
    assert (second.desired_digest, second.live_digest) == (first.desired_digest, first.live_digest)

    fabric_api.apply(server("a", "new"))
    third = observe(activities, fabric_config)
    assert third.desired_digest == first.desired_digest
    assert third.live_digest != first.live_digest
    assert third.drift_count == 1


def test_without_a_repository_nothing_is_said_of_drift(
    api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    api.apply_all([server("a")])

    found = observe(activities, config.model_copy(update={"git": None}))

    assert (found.error, found.commit, found.counts) == ("", "", {"Server": 1})
    assert found.drift_count is None


def test_a_failing_git_leaves_kubernetes_its_say(
    api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    api.apply_all([server("a")])

    found = observe(activities, config)

    assert "has no branches" in found.git_error
    assert found.kubernetes_error == ""
    assert found.counts == {"Server": 1}
    assert found.drift_count is None


def test_a_failing_kubernetes_leaves_git_its_say(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    commit = repository.commit_files(SERVERS)
    api.inject_fault(Fault(403, "connections"))

    found = observe(activities, config)

    assert "does not let the credential lab list connections" in found.kubernetes_error
    assert (found.git_error, found.commit) == ("", commit)
    assert found.counts == {}
    assert found.drift_count is None, "a list that failed must not make objects missing"


def test_both_may_fail(config: FabricConfig, activities: FabricActivities) -> None:
    nowhere = config.model_copy(update={"kubernetes": None})

    found = observe(activities, nowhere)

    assert "hh_kubernetes_server is empty" in found.error
    assert "has no branches" in found.error


def test_a_failure_that_may_pass_is_raised_while_another_try_follows(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    api.inject_fault(Fault(503, retry_after=2))

    for attempt in (1, 2):
        with pytest.raises(TransientError, match="not available") as caught:
            observe(activities, config, attempt=attempt)
        assert caught.value.retry_after == 2
    assert "not available" in observe(activities, config, attempt=3).kubernetes_error
    assert "not available" in observe(activities, config, attempt=1, attempts=1).kubernetes_error
    assert "not available" in observe(activities, config, attempt=5, attempts=0).kubernetes_error


def test_a_lasting_failure_is_reported_at_once(
    config: FabricConfig, activities: FabricActivities
) -> None:
    assert "has no branches" in observe(activities, config, attempt=1).git_error


def test_both_sources_are_read_at_the_same_time(
    api: EmulatedKubernetesApi, config: FabricConfig, settings: Settings
) -> None:
    api.inject_fault(Fault(0))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        git = GitSource(repository=url, branch="main", directory="/", credential="none")
        patient = settings.model_copy(update={"git_timeout": 5.0, "read_timeout": 5.0})
        slow = FabricActivities(patient)
        before = datetime.now(UTC)
        found = observe(slow, config.model_copy(update={"git": git}))

    assert "did not answer in time" in found.kubernetes_error
    assert "did not answer in time" in found.git_error
    assert found.started - before < timedelta(seconds=2)
    assert datetime.now(UTC) - before < timedelta(seconds=patient.read_timeout + 4)


def test_a_kind_of_another_release_that_git_asks_for_is_a_problem(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    api.stop_serving(get_kind("Server"))
    api.stop_serving(get_kind("SwitchGroup"))

    found = observe(activities, config)

    assert found.problems == (
        "Git holds Server objects, but the fabric's API serves no wiring.githedgehog.com/v1beta1"
        " servers: it runs another release of Hedgehog.",
    )
    assert found.drift_count == 0


def test_an_unreadable_file_keeps_the_drift_of_the_rest(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    broken = {"oslo/broken.yaml": "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\n  x: [\n"}
    repository.commit_files(SERVERS | broken)
    api.apply_all([server("a"), server("b", "new")])

    found = observe(activities, config)

    assert found.drift_count == 1
    (problem,) = found.problems
    assert problem.startswith("oslo/broken.yaml:3: ")


def test_a_very_bad_fabric_still_fits_into_a_message(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    broken = {f"{'x' * 200}/{number}.yaml": "a: [" for number in range(500)}
    repository.commit_files(SERVERS | broken)
    api.apply_all(server(f"{'long-name-' * 20}{number}", "d" * 5000) for number in range(2000))
    managed = config.model_copy(update={"managed_kinds": ("Server",)})

    found = observe(activities, managed)

    assert found.counts == {"Server": 2000}
    assert found.problems
    assert size(found) < 64 * 1024
    assert len(found.error) < 1000
