"""Accepted differences, other desired states and exports, in activities."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.errors import PermanentError
from activities.observe import (
    ComparisonRequest,
    FabricActivities,
    LiveManifests,
    ObserveRequest,
)
from fabrics.drift.diff_report import DiffReport
from fabrics.drift.export import MANIFESTS_FILE
from fabrics.packed_files import pack_files, unpack_files
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import LastKnownState, Observation, SyncStatus, compute_sync_status
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from tests.support.git.repositories import Repository

SERVER = """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {{name: {name}}}
spec: {{description: {description}}}
"""
SERVERS = {f"{name}.yaml": SERVER.format(name=name, description="old") for name in ("a", "b")}
LAST_DAY = date(2027, 3, 8)
RULES = f"""\
[[accept]]
kind = "Server"
name = "b"
path = "spec.description"
reason = "being replaced"
until = {LAST_DAY}
"""


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
def activities(settings: Settings) -> FabricActivities:
    return FabricActivities(settings)


def set_clock(patches: pytest.MonkeyPatch, moment: datetime) -> None:
    """Let syncs begin at this moment. Certificates and mirrors keep the real time."""
    patches.setattr("activities.observe.datetime", SimpleNamespace(now=lambda _: moment))


def observe(activities: FabricActivities, config: FabricConfig) -> Observation:
    result: Observation = ActivityEnvironment().run(
        activities.observe, ObserveRequest(config=config)
    )
    return result


def compare(activities: FabricActivities, config: FabricConfig, **desired: str) -> DiffReport:
    request = ComparisonRequest(config=config, answered=True, **desired)
    report: DiffReport = ActivityEnvironment().run(activities.compare, request)
    return report


def export(activities: FabricActivities, config: FabricConfig) -> LiveManifests:
    result: LiveManifests = ActivityEnvironment().run(activities.export, config)
    return result


def test_accepted_difference_is_no_drift_and_comes_back_by_itself(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.commit_files(SERVERS | {".fabric-sync.toml": RULES})
    api.apply_all([server("a"), server("b", "new")])
    end = datetime.combine(LAST_DAY + timedelta(days=1), datetime.min.time(), UTC)
    known = LastKnownState()
    seen: list[tuple[SyncStatus, int]] = []
    for moment in (end - timedelta(days=9), end - timedelta(seconds=1), end):
        set_clock(monkeypatch, moment)
        observation = observe(activities, config)
        known = known.after_sync(observation, moment)
        seen.append((compute_sync_status(config, known), observation.accepted_count))
    assert seen == [
        (SyncStatus.IN_SYNC, 1),
        (SyncStatus.IN_SYNC, 1),
        (SyncStatus.OUT_OF_SYNC, 0),
    ]


def test_accepted_differences_are_named_and_their_end_is_announced(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.commit_files(SERVERS | {"oslo/.fabric-sync.toml": "", ".fabric-sync.toml": RULES})
    api.apply_all([server("a"), server("b", "new")])
    set_clock(monkeypatch, datetime(2027, 3, 1, 12, tzinfo=UTC))
    observation = observe(activities, config)
    report: DiffReport = ActivityEnvironment().run(activities.diff, config)
    assert (observation.error, observation.drift_count, observation.drift) == ("", 0, ())
    assert observation.accepted_text == "Server b: spec.description (being replaced)"
    notice = ".fabric-sync.toml:1: accepted until 2027-03-08; then these differences count again."
    assert observation.rule_notice == notice
    assert (report.exit_code, report.drift_count, report.accepted_count) == (0, 0, 1)
    assert report.notices == (notice,)


def test_malformed_rules_are_said_and_are_no_error(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS | {".fabric-sync.toml": "[[accept]]\nkind = VPC\n"})
    api.apply_all([server("a"), server("b", "new")])
    observation = observe(activities, config)
    assert (observation.error, observation.drift_count) == ("", 1)
    assert observation.rule_notice.startswith(".fabric-sync.toml:2: not valid TOML: ")


def test_other_branch_commit_and_files_are_compared_with_the_live_state(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    other = {**SERVERS, "b.yaml": SERVER.format(name="b", description="newer")}
    commit = repository.commit_files(other, branch="pull-request")
    api.apply_all([server("a"), server("b")])
    before = observe(activities, config)
    assert before.drift_count == 0

    assert config.git is not None
    branch = config.git.model_copy(update={"branch": "pull-request"})
    on_branch: DiffReport = ActivityEnvironment().run(
        activities.diff, config.model_copy(update={"git": branch})
    )
    at_commit = compare(activities, config, commit=commit)
    packed = pack_files({path: text.encode() for path, text in other.items()})
    of_files = compare(activities, config, packed_files=packed)

    assert on_branch == at_commit == of_files.model_copy(update={"commit": commit})
    assert [(entry.name, entry.change) for entry in at_commit.entries] == [("b", "changed")]
    assert at_commit.exit_code == 1
    assert api.request_methods == {"GET"}
    after = observe(activities, config)
    assert (after.commit, after.drift_count) == (before.commit, 0)


def test_commit_of_a_deleted_branch_is_compared_too(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    commit = repository.commit_files({"a.yaml": SERVERS["a.yaml"]}, branch="gone")
    repository.git("update-ref", "-d", "refs/heads/gone")
    api.apply_all([server("a"), server("b")])
    for _ in range(2):
        report = compare(activities, config, commit=commit)
        assert [(entry.name, entry.change) for entry in report.entries] == [("b", "extra")]
    assert compare(activities, config, commit=observe(activities, config).commit).exit_code == 0


@pytest.mark.parametrize(
    ("commit", "sentence"),
    [
        ("1" * 40, "has no commit 1111111111"),
        ("1234567", "all its 40 or 64 hexadecimal digits"),
        ("+refs/heads/main:refs/heads/x", "all its 40 or 64 hexadecimal digits"),
    ],
)
def test_commits_that_git_does_not_have_are_errors(  # noqa: PLR0917
    commit: str,
    sentence: str,
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    api.apply_all([server("a")])
    report = compare(activities, config, commit=commit)
    assert sentence in report.error
    assert (report.exit_code, report.entries) == (2, ())


def test_rules_of_the_compared_state_hold(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    api.apply_all([server("a"), server("b", "new")])
    rule = RULES.replace(str(LAST_DAY), "9999-12-31")
    files = {path: text.encode() for path, text in (SERVERS | {".fabric-sync.toml": rule}).items()}
    report = compare(activities, config, packed_files=pack_files(files))
    assert (report.exit_code, report.accepted_count) == (0, 1)


@pytest.mark.parametrize("packed", ["", "AAAA", "é"])
def test_other_messages_than_packed_files_are_errors(
    packed: str, api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    api.apply_all([server("a")])
    assert "holds no packed files" in compare(activities, config, packed_files=packed).error


def test_files_with_very_many_values_are_refused(
    api: EmulatedKubernetesApi,
    config: FabricConfig,
    activities: FabricActivities,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activities.sources.MAX_VALUES", 5)
    api.apply_all([server("a")])
    packed = pack_files({path: text.encode() for path, text in SERVERS.items()})
    assert "more than 5 values" in compare(activities, config, packed_files=packed).error


def test_commit_needs_a_repository(
    api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    without = config.model_copy(update={"git": None})
    with pytest.raises(PermanentError, match="hh_git_repository is empty"):
        compare(activities, without, commit="1" * 40)


def commit_export(repository: Repository, result: LiveManifests) -> None:
    assert result.error == ""
    repository.commit_files({MANIFESTS_FILE: unpack_files(result.packed_files)[MANIFESTS_FILE]})


def test_exported_manifests_in_git_end_the_drift(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS)
    api.apply_all([server("b", "new"), server("c", "65000:10")])
    assert observe(activities, config).drift_count == 3
    commit_export(repository, export(activities, config))
    after = observe(activities, config)
    assert (after.error, after.drift_count, after.counts) == ("", 0, {"Server": 2})


def test_fabric_without_git_is_exported_as_a_whole(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    api.apply_all([server("a")])
    commit_export(repository, export(activities, config.model_copy(update={"git": None})))
    assert observe(activities, config).drift_count == 0


def test_nothing_is_exported_of_a_state_that_was_read_in_part(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
) -> None:
    repository.commit_files(SERVERS | {"broken.yaml": "kind: ["})
    api.apply_all([server("a")])
    result = export(activities, config)
    assert result.packed_files == ""
    assert "a part would be lost: broken.yaml" in result.error


def test_export_that_does_not_fit_into_a_message_is_an_error(
    api: EmulatedKubernetesApi,
    repository: Repository,
    config: FabricConfig,
    activities: FabricActivities,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fabrics.packed_files.MAX_PACKED_CHARS", 10)
    repository.commit_files(SERVERS)
    api.apply_all([server("a")])
    assert "when compressed" in export(activities, config).error


def test_report_of_a_hostile_directory_is_a_small_message(
    api: EmulatedKubernetesApi, config: FabricConfig, activities: FabricActivities
) -> None:
    names = [f"{'n' * 200}-{number}" for number in range(400)]
    api.apply_all([server(name[-63:], "x" * 400) for name in names[:100]])
    rule = '[[accept]]\nkind = "Server"\nname = "*"\nchange = "%s"\nreason = "%s"\n'
    files: dict[str, Any] = {
        f"{name}.yaml": SERVER.format(name=name, description="y" * 300).encode() for name in names
    }
    files[".fabric-sync.toml"] = (rule % ("extra", "é" * 200)).encode() + b"[[accept]]\n" * 50
    report = compare(activities, config, packed_files=pack_files(files))
    assert (report.drift_count, report.accepted_count) == (400, 100)
    assert len(report.model_dump_json().encode()) < 64 * 1024
