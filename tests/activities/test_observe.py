"""The activity `observe`: its result, failing sources, and retries."""

import asyncio
import json
import socket
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.errors import TransientError
from activities.observe import (
    MAX_PROBLEMS,
    MAX_SENTENCE_CHARS,
    FabricActivities,
    ObserveRequest,
)
from activities.parsing import PARSING
from fabrics.drift.ages import DriftIds, make_object_id
from fabrics.drift.compare import find_drift
from fabrics.drift.diff_report import DiffReport
from fabrics.drift.model import Author, Drift
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.sync_status import LastKnownState, Observation
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from settings import Settings
from stack.kubernetes.base import KubernetesApi
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import BrokenConnection, Fault
from tests.support.fabrics.sample_sets import SETS, SampleSet, needs_samples
from tests.support.git.repositories import Repository
from tests.support.metrics import count_from_now
from tests.support.paths import HEDGEHOG
from tests.support.system.installation import wait_until

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
    observation: Observation = environment.run(activities.observe, ObserveRequest(config=config))
    return observation


def size(observation: Observation) -> int:
    return len(observation.model_dump_json().encode())


@needs_samples
@pytest.mark.parametrize("sample", SETS, ids=str)
def test_sample_sets_are_in_sync(
    sample: SampleSet,
    fabric_api: KubernetesApi,
    repository: Repository,
    fabric_config: FabricConfig,
    activities: FabricActivities,
) -> None:
    files = {name: (HEDGEHOG / "samples" / name).read_bytes() for name in sample.files}
    commit = repository.commit_files(files)
    fabric_api.apply_all(sample.dump()["items"])

    started = time.monotonic()
    observation = observe(activities, fabric_config)
    elapsed = time.monotonic() - started

    assert observation.error == ""
    assert observation.commit == commit
    assert observation.counts == Counter(item["kind"] for item in sample.dump()["items"])
    assert observation.drift_count == 0
    assert elapsed < 10
    assert size(observation) < 64 * 1024


def test_every_type_of_drift_is_found(
    fabric_api: KubernetesApi,
    repository: Repository,
    fabric_config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    fabric_api.apply_all([server("b", "new"), server("c")])

    observation = observe(activities, fabric_config)

    assert observation.error == ""
    assert observation.drift_count == 3
    assert {entry.name: entry.change for entry in observation.drift} == {
        "a": "missing",
        "b": "changed",
        "c": "extra",
    }


def test_drift_says_who_made_it_and_costs_nothing_while_it_stays(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    first = repository.commit_files(SERVERS)
    api.apply_all([server("a"), server("b")])
    observe(activities, config)  # which alone asks for kinds of later releases
    requests_before = len(api.request_paths)
    assert observe(activities, config).drifted == DriftIds()
    requests_in_sync = len(api.request_paths) - requests_before

    time = "2026-11-24T14:02:00Z"
    fields: Json = {"f:spec": {"f:description": {}}}
    edited = server("a", "new")
    managed = {"manager": "kubectl-edit", "time": time, "fieldsV1": fields}
    edited["metadata"] = {"name": "a", "managedFields": [managed]}
    api.apply(edited)
    changed = SERVERS | {"b.yaml": SERVER.format(name="b", description="newer")}
    repository.commit_files(changed, parents=[first])

    a, b = observe(activities, config).drift
    assert a.fields[0].changed_by == Author("kubectl-edit", datetime.fromisoformat(time))
    assert (a.committed_by, b.fields[0].changed_by) == (None, None)
    assert b.committed_by is not None
    assert b.committed_by.name == "Fabric Sync"

    requests_before = len(api.request_paths)
    again = observe(activities, config)
    assert again.drift == (a, b)
    assert again.drifted == DriftIds(ids="".join(make_object_id(e.key) for e in (a, b)), count=2)
    assert len(api.request_paths) - requests_before == requests_in_sync


def test_nothing_but_reads_is_asked_of_the_api(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    """However much differs there from Git."""
    repository.commit_files(SERVERS | {"gizmo.yaml": GIZMO})
    api.apply_all([server("b", "new"), server("c")])

    assert observe(activities, config).drift_count == 4
    environment = ActivityEnvironment()
    assert environment.run(activities.diff, config).drift_count == 4
    assert all(check.ok for check in environment.run(activities.diagnose, config))

    assert api.request_methods == {"GET"}


def test_readings_of_sources_are_counted_by_result(
    repository: Repository, config: FabricConfig, activities: FabricActivities
) -> None:
    repository.commit_files(SERVERS)
    elsewhere = KubernetesTarget(
        server="https://k8s.example", namespace="default", credential="lab"
    )
    reads = "fabric_sync_source_reads_total"
    git = count_from_now(reads, source="git", result="ok")
    refused = count_from_now(reads, source="kubernetes", result="permanent")
    duration = count_from_now("fabric_sync_source_read_duration_seconds_count", source="git")

    observe(activities, config.model_copy(update={"kubernetes": elsewhere}))
    observe(activities, config.model_copy(update={"kubernetes": elsewhere, "git": None}))

    assert (git(), refused(), duration()) == (1, 2, 1)


def test_switch_profiles_change_only_the_live_digest(
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
    observation = observe(activities, fabric_config)

    assert (observation.error, observation.counts) == ("", {"Switch": 1})
    assert observation.drift == without.drift
    assert observation.live_digest != without.live_digest


def test_unserved_kind_keeps_its_count_until_accepted(
    api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    api.apply_all([server("a")])
    live_only = config.model_copy(update={"git": None})
    api.stop_serving(get_kind("VPC"))
    cautious = ObserveRequest(
        config=live_only, previous_counts={"Server": 1, "VPC": 7, "External": 0}
    )
    accepting = cautious.model_copy(update={"accept_empty": True})

    before, after = (
        ActivityEnvironment().run(activities.observe, request) for request in (cautious, accepting)
    )

    assert (before.error, before.counts) == ("", {"Server": 1, "VPC": 7})
    assert (after.error, after.counts) == ("", {"Server": 1})


def test_digests_change_only_with_their_state(
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


@pytest.mark.parametrize(
    "step",
    [
        "activities.git.desired_state.parse_manifests",
        "activities.kubernetes.live_state.parse_list_response",
        "activities.observe.find_drift",
    ],
)
def test_states_are_parsed_and_compared_in_turn(  # noqa: PLR0917
    step: str,
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, _, name = step.rpartition(".")
    original = getattr(import_module(module), name)
    turns = []

    def record_turn(*arguments: object) -> object:
        turns.append(PARSING.locked())
        return original(*arguments)

    monkeypatch.setattr(step, record_turn)
    repository.commit_files(SERVERS)
    api.apply_all([server("a"), server("b")])
    assert observe(activities, config).drift_count == 0
    assert set(turns) == {True}


def test_diff_compares_in_turn(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = []

    def record_turn(*arguments: Any) -> Drift:  # noqa: ANN401
        turns.append(PARSING.locked())
        return find_drift(*arguments)

    monkeypatch.setattr("activities.observe.find_drift", record_turn)
    repository.commit_files(SERVERS)
    api.apply_all([server("a"), server("b", "new")])
    report: DiffReport = ActivityEnvironment().run(activities.diff, config)
    assert (report.drift_count, turns) == (1, [True])


def test_no_drift_without_repository(
    api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    api.apply_all([server("a")])

    observation = observe(activities, config.model_copy(update={"git": None}))

    assert (observation.error, observation.commit, observation.counts) == ("", "", {"Server": 1})
    assert observation.drift_count is None


def test_git_failure_keeps_the_live_state(
    api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    api.apply_all([server("a")])

    observation = observe(activities, config)

    assert "has no branches" in observation.git_error
    assert observation.kubernetes_error == ""
    assert observation.counts == {"Server": 1}
    assert observation.drift_count is None


def test_kubernetes_failure_keeps_the_desired_state(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    commit = repository.commit_files(SERVERS)
    api.inject_fault(Fault(403, "connections"))

    observation = observe(activities, config)

    assert "does not let the credential lab list connections" in observation.kubernetes_error
    assert (observation.git_error, observation.commit) == ("", commit)
    assert observation.counts == {}
    assert observation.drift_count is None, "a list that failed must not make objects missing"


def test_failures_of_both_sources_are_reported(
    config: FabricConfig, activities: FabricActivities
) -> None:
    without_kubernetes = config.model_copy(update={"kubernetes": None})

    observation = observe(activities, without_kubernetes)

    assert "hh_kubernetes_server is empty" in observation.error
    assert "has no branches" in observation.error


def test_transient_error_is_raised_until_last_attempt(
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


def test_permanent_error_is_reported_at_once(
    config: FabricConfig, activities: FabricActivities
) -> None:
    assert "has no branches" in observe(activities, config, attempt=1).git_error


async def test_both_sources_are_read_in_parallel(
    api: EmulatedKubernetesApi, config: FabricConfig, settings: Settings
) -> None:
    api.inject_fault(Fault(0))
    patient = settings.model_copy(update={"git_timeout": 60.0, "read_timeout": 60.0})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        git = GitSource(repository=url, branch="main", directory="/", credential="none")
        before = datetime.now(UTC)
        observing = asyncio.create_task(
            asyncio.to_thread(
                observe, FabricActivities(patient), config.model_copy(update={"git": git})
            )
        )
        # Neither source has answered when the other one is asked.
        connection, _ = await asyncio.to_thread(silent.accept)
        await wait_until(partial(count_requests, api), bool, seconds=30)
        both_asked = datetime.now(UTC)
        connection.close()
    api.clear_faults()
    observation = await observing
    assert observation.kubernetes_error
    assert observation.git_error
    assert before <= observation.started <= both_asked


async def count_requests(api: EmulatedKubernetesApi) -> int:
    """Return the number of requests so far."""
    return len(api.request_paths)


def test_unserved_kind_in_git_is_a_problem(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    api.stop_serving(get_kind("Server"))
    api.stop_serving(get_kind("SwitchGroup"))

    observation = observe(activities, config)

    assert observation.problems == (
        "Git defines Server objects, but the fabric's API does not serve"
        " wiring.githedgehog.com/v1beta1 servers: it runs another release of Hedgehog.",
    )
    assert observation.drift_count == 0


GIZMO = "apiVersion: vpc.githedgehog.com/v9\nkind: Gizmo\nmetadata: {name: g}\nspec: {x: pin-7}\n"


def test_unknown_kind_is_drift_but_starts_no_inventory(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    api.apply_all([server("a"), server("b")])
    before = observe(activities, config)
    assert find_discovery_paths(api) == []
    repository.commit_files(SERVERS | {"gizmo.yaml": GIZMO})

    after = observe(activities, config)

    assert [(entry.kind, entry.change) for entry in after.drift] == [("Gizmo", "missing")]
    assert (after.error, after.problems) == ("", ())
    for name in ("desired_digest", "live_digest", "counts"):
        assert getattr(after, name) == getattr(before, name)
    assert find_discovery_paths(api) == [
        "/apis/vpc.githedgehog.com",
        "/apis/vpc.githedgehog.com/v1beta1",
    ]


def find_discovery_paths(api: EmulatedKubernetesApi) -> list[str]:
    """Return the paths that were asked for and that are no lists of objects."""
    return [path for path in api.request_paths if "/namespaces/" not in path]


def test_unknown_kind_that_may_not_be_listed_is_no_error(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS | {"gizmo.yaml": GIZMO})
    api.apply_all([server("a"), server("b")])
    rows = [{"name": "gizmos", "kind": "Gizmo", "verbs": ["list"], "namespaced": True}]
    body = json.dumps({"kind": "APIResourceList", "resources": rows})
    api.inject_fault(Fault(403, "gizmos"))
    api.inject_fault(ExactFault(200, "/apis/vpc.githedgehog.com/v1beta1", body=body))

    observation = observe(activities, config)
    report = ActivityEnvironment().run(activities.diff, config)

    assert (observation.error, observation.drift_count) == ("", 0)
    assert (report.error, report.exit_code) == ("", 0)
    (notice,) = report.notices
    assert "the worker may not list them" in notice


@dataclass
class ExactFault(Fault):
    """A fault of the one path in `plural`."""

    def applies_to(self, request: web.BaseRequest) -> bool:
        return request.path == self.plural


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_failed_discovery_hides_nothing_that_is_known(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
    status: int,
) -> None:
    repository.commit_files(SERVERS | {"gizmo.yaml": GIZMO})
    api.apply_all([server("a"), server("b", "new")])
    api.inject_fault(ExactFault(status, "/apis/vpc.githedgehog.com"))

    observation = observe(activities, config)

    assert observation.error == ""
    found = {entry.name: entry.change for entry in observation.drift}
    assert found == {"b": "changed"} | ({"g": "missing"} if status == 404 else {})


def test_silent_discovery_does_not_make_the_api_unresponsive(
    api: EmulatedKubernetesApi, repository: Repository, config: FabricConfig, settings: Settings
) -> None:
    repository.commit_files(SERVERS | {"gizmo.yaml": GIZMO})
    api.apply_all([server("a"), server("b")])
    api.inject_fault(ExactFault(0, "/apis/vpc.githedgehog.com"))
    hasty = FabricActivities(settings.model_copy(update={"read_timeout": 2.0}))
    observation = observe(hasty, config, attempt=1)
    assert (observation.error, observation.drift_count) == ("", 0)
    assert observation.answered


def test_unreadable_file_keeps_the_drift_of_other_files(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    broken = {"oslo/broken.yaml": "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\n  x: [\n"}
    repository.commit_files(SERVERS | broken)
    api.apply_all([server("a"), server("b", "new")])

    observation = observe(activities, config)

    assert observation.drift_count == 1
    (problem,) = observation.problems
    assert problem.startswith("oslo/broken.yaml:3: ")


def test_observation_of_a_bad_fabric_fits_into_a_message(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    broken = {f"{'x' * 200}/" * 3 + f"{number}.yaml": "a: [" for number in range(500)}
    repository.commit_files(SERVERS | broken)
    api.apply_all(server(f"{'long-name-' * 20}{number}", "d" * 5000) for number in range(2000))
    managed = config.model_copy(update={"managed_kinds": ("Server",)})

    observation = observe(activities, managed)

    assert observation.counts == {"Server": 2000}
    assert len(observation.problems) == MAX_PROBLEMS
    assert max(map(len, observation.problems)) <= MAX_SENTENCE_CHARS
    assert size(observation) < 64 * 1024
    assert len(observation.error) < 1000


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, "servers", later_pages_only=True),
        Fault(404, "servers", later_pages_only=True),
        BrokenConnection(plural="servers", later_pages_only=True),
    ],
    ids=repr,
)
def test_incomplete_list_keeps_what_was_known_of_drift(
    fault: Fault,
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    api.apply_all(server(f"server-{number}") for number in range(501))
    before = LastKnownState().after_sync(observe(activities, config), datetime.now(UTC))
    assert before.drift_count == 503
    api.inject_fault(fault)

    observation = observe(activities, config)
    after = before.after_sync(observation, datetime.now(UTC))

    assert observation.drift_count is None
    assert after.connection_error
    assert (after.drift_count, after.drift, after.counts) == (
        before.drift_count,
        before.drift,
        before.counts,
    )
