"""What the tests of both sources share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fabrics.config import KubernetesTarget
from settings import Settings
from stack.git_server import GitServer
from stack.kubernetes_emulator import EmulatedKubernetesApi, kubernetes_emulator

CREDENTIAL = "lab"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A worker that may read loopback addresses and gives up quickly."""
    return Settings(
        credentials_dir=tmp_path / "credentials",
        cache_dir=tmp_path / "cache",
        git_allow_local=True,
        git_timeout=20,
        connect_timeout=2,
        read_timeout=2,
    )


@pytest.fixture
def credential(settings: Settings) -> Path:
    """The folder of the credential that the fabric's record names."""
    folder = settings.credentials_dir / CREDENTIAL
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def api(credential: Path) -> Iterator[EmulatedKubernetesApi]:
    """An empty API for which the worker has a credential."""
    with kubernetes_emulator() as running:
        running.write_credential(credential)
        yield running


@pytest.fixture
def target(api: EmulatedKubernetesApi) -> KubernetesTarget:
    """What the fabric's record says about the API."""
    return KubernetesTarget(server=api.server, namespace="default", credential=CREDENTIAL)


@pytest.fixture(scope="session")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A Git server on loopback."""
    server = GitServer(tmp_path_factory.mktemp("git"))
    yield server
    server.close()
