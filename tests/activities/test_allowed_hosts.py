"""Hosts that records may name, by the allow-list or a credential."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import ValidationError

from activities.diagnose import diagnose_sources
from activities.errors import PermanentError
from activities.git.desired_state import DesiredStateCache
from activities.kubernetes.live_state import LiveStateCache
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.resources.kinds import SWITCH_PROFILE
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from tests.support.git.repositories import Repository

ALLOWED = "git.example.com, *.fabrics.example.com, 10.0.0.0/8"
LOOPBACK = "127.0.0.0/8, ::1"

UNUSUAL_HOSTS = [
    "https://git.example.com.evil.example.org/x",
    "https://127.0.0.1/x",
    "https://2130706433/x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://evil%2eexample.org%2f.fabrics.example.com/x",
    "https://evil.example.org\N{IDEOGRAPHIC FULL STOP}fabrics.example.com/x",
]


@pytest.fixture
def limited(settings: Settings) -> Settings:
    """Settings that allow other hosts than those of the tests."""
    return limit(settings, ALLOWED)


def limit(settings: Settings, hosts: str) -> Settings:
    return Settings.model_validate(settings.model_dump() | {"allowed_hosts": hosts})


def git(repository: str) -> GitSource:
    return GitSource(repository=repository, branch="main", directory="/", credential="lab")


def api(server: str) -> KubernetesTarget:
    return KubernetesTarget(server=server, namespace="default", credential="lab")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A host that shows whether anything connects to it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0)
        yield server


def assert_nobody_connected(listener: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    "repository",
    [
        *UNUSUAL_HOSTS,
        "ssh://git.example.com@evil.example.org/fleet.git",
        "git.example.com@evil.example.org:fleet.git",
        "git@evil.example.org:git.example.com/fleet.git",
    ],
)
def test_git_repository_on_another_host_is_refused(repository: str, limited: Settings) -> None:
    with pytest.raises(PermanentError) as caught:
        DesiredStateCache().read(git(repository), limited)
    assert str(caught.value).startswith("hh_git_repository names the host ")
    assert "FABRIC_SYNC_ALLOWED_HOSTS" in str(caught.value)


@pytest.mark.parametrize("server", UNUSUAL_HOSTS)
def test_kubernetes_api_on_another_host_is_refused(server: str, limited: Settings) -> None:
    with pytest.raises(PermanentError) as caught:
        LiveStateCache().read(api(server), limited)
    assert str(caught.value).startswith("hh_kubernetes_server names the host ")
    assert "FABRIC_SYNC_ALLOWED_HOSTS" in str(caught.value)


def test_nothing_connects_to_a_host_that_is_refused(
    listener: socket.socket, limited: Settings
) -> None:
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    config = FabricConfig(
        fabric_id="oslo",
        name="oslo",
        record_id=1,
        kubernetes=api(f"https://{address}"),
        git=git(f"http://{address}/fleet.git"),
    )
    checks = diagnose_sources(config, limited)
    assert [check.ok for check in checks] == [False, False]
    for check in checks:
        assert "names the host 127.0.0.1, which FABRIC_SYNC_ALLOWED_HOSTS" in check.sentence
    assert_nobody_connected(listener)


def test_kubeconfig_cannot_name_a_host_that_is_refused(tmp_path: Path, limited: Settings) -> None:
    """Its login program, which may be allowed, is not run either."""
    program = tmp_path / "login"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    folder = limited.credentials_dir / "lab"
    folder.mkdir(parents=True)
    (folder / "kubeconfig").write_text(
        f"""
        current-context: one
        contexts: [{{name: one, context: {{cluster: c, user: u}}}}]
        clusters: [{{name: c, cluster: {{server: "https://evil.example.org"}}}}]
        users: [{{name: u, user: {{exec: {{command: {program}}}}}}}]
        """
    )
    allow_exec = limited.model_copy(update={"kubernetes_allow_exec": True})
    with pytest.raises(PermanentError, match="hh_kubernetes_server names the host evil"):
        LiveStateCache().read(api("https://evil.example.org"), allow_exec)
    assert not (tmp_path / "ran").exists()


def test_nothing_connects_to_a_host_that_the_credential_is_not_for(
    listener: socket.socket, credential: Path, settings: Settings
) -> None:
    """Editing a record is no way to collect secrets."""
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    files = {
        "token": "s3cret",
        "server": "https://10.0.0.1:6443",
        "git-token": "s3cret",
        "git-url": "https://git.example.com",
    }
    for name, text in files.items():
        (credential / name).write_text(text)
    with pytest.raises(PermanentError, match="Credential lab is not for this repository"):
        DesiredStateCache().read(git(f"http://{address}/fleet.git"), settings)
    with pytest.raises(PermanentError, match="Credential lab is not for this API"):
        LiveStateCache().read(api(f"https://{address}"), settings)
    assert_nobody_connected(listener)


def test_hosts_that_are_covered_are_read(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    assert SWITCH_PROFILE in LiveStateCache().read(target, limit(settings, LOOPBACK)).resources


def test_repositories_on_the_workers_disk_have_no_host(tmp_path: Path, limited: Settings) -> None:
    repository = Repository.make(tmp_path / "fleet.git")
    commit = repository.commit_files({"a.yaml": ""})
    assert DesiredStateCache().read(repository.source("/"), limited).commit == commit


def test_list_that_cannot_be_read_is_an_error_that_shows_the_form() -> None:
    with pytest.raises(ValidationError, match="is not a host pattern"):
        Settings.model_validate({"allowed_hosts": "https://git.example.com"})


def test_list_is_a_variable_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_SYNC_ALLOWED_HOSTS", "git.example.com, *.example.net")
    assert Settings().allowed_hosts == ("git.example.com", "*.example.net")
    monkeypatch.delenv("FABRIC_SYNC_ALLOWED_HOSTS")
    assert Settings().allowed_hosts == ()
