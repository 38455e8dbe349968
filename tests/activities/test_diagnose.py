"""Checks of a fabric's sources: readability, and what to fix."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.checks import Check
from activities.observe import FabricActivities
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.resources.kinds import COMPARED_KINDS, LATER_KINDS
from settings import Settings
from stack.kubernetes.base import KubernetesApi
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from stack.kubernetes.releases import HedgehogRelease
from stack.services.git_server import GitRepository, GitServer

TOKEN = "s3cret-token"
SERVED = sum(kind not in LATER_KINDS for kind in COMPARED_KINDS)
"""The kinds that today's release serves."""

NAMES = ["Git credential", "Git", "Kubernetes credential", "Kubernetes"]


@pytest.fixture(scope="module")
def repository(git_server: GitServer) -> GitRepository:
    """A repository that requires a token."""
    made = git_server.create_repository("examined", token=TOKEN)
    made.commit({"oslo/a.yaml": "a: 1\n", "oslo/b.yaml": "b: 1\n", "bergen/c.yaml": "c: 1\n"})
    return made


@pytest.fixture
def source(git_server: GitServer, repository: GitRepository, credential: Path) -> GitSource:
    """The repository as a record names it, and the token in the worker's credential."""
    (credential / "git-token").write_text(TOKEN)
    (credential / "git-url").write_text(git_server.url)
    return GitSource(repository=repository.url, branch="main", directory="oslo", credential="lab")


@pytest.fixture
def config(target: KubernetesTarget, source: GitSource) -> FabricConfig:
    return FabricConfig(
        fabric_id="oslo", name="Oslo", record_id=1, enabled=True, kubernetes=target, git=source
    )


def diagnose(config: FabricConfig, settings: Settings) -> list[Check]:
    checks: list[Check] = ActivityEnvironment().run(FabricActivities(settings).diagnose, config)
    assert TOKEN not in str(checks)
    return checks


def sentences(checks: Iterable[Check]) -> dict[str, str]:
    """The sentences of the failed checks, by name."""
    return {check.name: check.sentence for check in checks if not check.ok}


def test_readable_sources_pass_all_checks(
    config: FabricConfig, source: GitSource, settings: Settings
) -> None:
    checks = diagnose(config, settings)
    assert [check.name for check in checks] == NAMES
    assert sentences(checks) == {}
    git, kubernetes = checks[1].sentence, checks[3].sentence
    assert f"main of {source.repository}" in git
    assert "oslo holds 2 files" in git
    assert (
        f"all {SERVED} kinds that it serves, 0 objects in the namespace default; it does not serve"
        " fabrics, vpcinterconnects, which belong to other releases."
    ) in kubernetes


def test_both_credentials_are_reported(
    config: FabricConfig, settings: Settings, credential: Path
) -> None:
    assert [
        check.sentence for check in diagnose(config, settings) if "credential" in check.name
    ] == [
        'The worker has the credential "lab" for the repository.',
        'The worker has the credential "lab" for the API.',
    ]
    for file in credential.iterdir():
        file.unlink()
    git, refused, kubernetes = diagnose(config, settings)
    assert git.sentence.endswith("reads the repository anonymously.")
    assert refused.sentence.endswith(f"put git-token and git-url into its folder {credential}.")
    assert not kubernetes.ok
    assert 'no credential "lab" for Kubernetes: put a kubeconfig' in kubernetes.sentence
    assert kubernetes.sentence.endswith(f"into its folder {credential}.")


def test_credential_for_another_place_is_not_used(
    config: FabricConfig,
    settings: Settings,
    credential: Path,
    api: EmulatedKubernetesApi,
) -> None:
    (credential / "git-url").write_text("https://git.example.com/")
    (credential / "server").write_text("https://10.0.0.1:6443")
    findings = sentences(diagnose(config, settings))
    assert "its file git-url names another place" in findings["Git credential"]
    assert "its file server names another server" in findings["Kubernetes credential"]
    assert len(findings) == 2
    assert api.request_paths == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"branch": "mian"}, "has no branch mian (but main): check hh_git_branch"),
        ({"directory": "olso"}, "olso does not exist in branch main"),
        ({"directory": "oslo/a.yaml"}, "is not a directory"),
    ],
)
def test_missing_branch_or_directory_is_reported(
    config: FabricConfig,
    source: GitSource,
    settings: Settings,
    wrong: dict[str, str],
    expected: str,
) -> None:
    changed = config.model_copy(update={"git": source.model_copy(update=wrong)})
    findings = sentences(diagnose(changed, settings))
    assert expected in findings.pop("Git")
    assert findings == {}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(401), "refused the credential lab: renew its token"),
        (Fault(403, "vpcs"), "does not let the credential lab list vpcs.vpc.githedgehog.com"),
        (Fault(403, "vpcs"), "bind deploy/clusterrole.yaml to it"),
        (Fault(503), "503"),
    ],
    ids=["401", "403", "403 fix", "503"],
)
def test_unreadable_api_is_reported(
    config: FabricConfig,
    settings: Settings,
    api: EmulatedKubernetesApi,
    fault: Fault,
    expected: str,
) -> None:
    api.inject_fault(fault)
    findings = sentences(diagnose(config, settings))
    assert expected in findings.pop("Kubernetes")
    assert findings == {}


def test_silent_api_is_reported(
    config: FabricConfig, settings: Settings, api: EmulatedKubernetesApi
) -> None:
    api.inject_fault(Fault(0))
    findings = sentences(diagnose(config, settings.model_copy(update={"read_timeout": 0.2})))
    assert "did not answer" in findings.pop("Kubernetes")
    assert findings == {}


def test_unserved_kinds_are_named(
    own_api: KubernetesApi, own_target: KubernetesTarget, config: FabricConfig, settings: Settings
) -> None:
    vpc = next(kind for kind in COMPARED_KINDS if kind.name == "VPC")
    own_api.stop_serving(vpc)
    changed = config.model_copy(update={"kubernetes": own_target})
    *_, kubernetes = diagnose(changed, settings)
    assert kubernetes.ok
    assert f"all {SERVED - 1} kinds" in kubernetes.sentence
    assert "it does not serve fabrics, vpcinterconnects, vpcs, which" in kubernetes.sentence


def test_forbidden_profiles_do_not_fail_the_check(
    config: FabricConfig, settings: Settings, api: EmulatedKubernetesApi
) -> None:
    *_, allowed = diagnose(config, settings)
    assert "switchprofiles" not in allowed.sentence
    api.inject_fault(Fault(403, "switchprofiles"))
    *_, kubernetes = diagnose(config, settings)
    assert kubernetes.ok
    assert f"all {SERVED} kinds that it serves, 0 objects" in kubernetes.sentence
    assert "does not let switchprofiles be listed" in kubernetes.sentence
    assert "apply deploy/clusterrole.yaml again" in kubernetes.sentence


def test_missing_repository_passes_and_missing_server_fails(
    config: FabricConfig, settings: Settings
) -> None:
    git, kubernetes = diagnose(
        config.model_copy(update={"git": None, "kubernetes": None}), settings
    )
    assert (git.ok, kubernetes.ok) == (True, False)
    assert "only the inventory is kept" in git.sentence
    assert kubernetes.sentence == "hh_kubernetes_server is empty: name the fabric's API there."


def test_later_kinds_that_may_not_be_listed_are_named(
    config: FabricConfig, settings: Settings, api: EmulatedKubernetesApi
) -> None:
    api.inject_fault(Fault(403, "fabrics"))
    *_, kubernetes = diagnose(config, settings)
    assert kubernetes.ok
    assert kubernetes.sentence.endswith(
        " It does not let fabrics be listed: apply deploy/clusterrole.yaml again."
    )


def test_name_of_the_fabric_is_checked_last(
    config: FabricConfig, settings: Settings, api: EmulatedKubernetesApi
) -> None:
    api.upgrade(HedgehogRelease.NEXT)
    vpc = {"apiVersion": "vpc.githedgehog.com/v1beta1", "kind": "VPC", "metadata": {"name": "v"}}
    api.apply_all([{**vpc, "spec": {"topology": {"fabric": "b"}}}])
    found = diagnose(config.model_copy(update={"fabric_name": "b"}), settings)[-1]
    assert (found.name, found.ok) == ("Fabric name", True)
    assert found.sentence == "The fabric b has 1 objects."
    wrong = diagnose(config.model_copy(update={"fabric_name": "c"}), settings)[-1]
    assert not wrong.ok
    assert wrong.sentence == (
        "hh_fabric_name is c, but no Fabric and no object has that name: the fabrics are b, default."
    )


def test_name_of_the_fabric_is_not_checked_in_an_unreadable_source(
    config: FabricConfig, settings: Settings, api: EmulatedKubernetesApi
) -> None:
    api.inject_fault(Fault(401))
    checks = diagnose(config.model_copy(update={"fabric_name": "b"}), settings)
    assert [check.name for check in checks] == NAMES
