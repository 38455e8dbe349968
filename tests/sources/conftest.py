"""What the tests of both sources share."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fabrics.config import KubernetesTarget
from fabrics.kinds import READ_KINDS
from settings import Settings
from stack.git_server import GitServer
from stack.kubernetes_api import KubernetesApi, kubernetes_api
from stack.kubernetes_emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.ports import Ports
from tests.fabrics.sets import HEDGEHOG

CREDENTIAL = "lab"
FABRIC_CREDENTIAL = "fabric"
CRDS = HEDGEHOG / "crds"


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
def running_api() -> Iterator[KubernetesApi]:
    """The real kube-apiserver where `KUBEBUILDER_ASSETS` names one, else the emulator."""
    with kubernetes_api(CRDS if CRDS.is_dir() else None) as running:
        yield running


@pytest.fixture
def fabric_credential(settings: Settings) -> Path:
    """The folder of the credential for that API."""
    return settings.credentials_dir / FABRIC_CREDENTIAL


@pytest.fixture
def fabric_api(running_api: KubernetesApi, fabric_credential: Path) -> Iterator[KubernetesApi]:
    """That API, empty, and a credential for it. Only `api` takes faults."""
    running_api.write_credential(fabric_credential)
    yield running_api
    for kind in READ_KINDS:
        running_api.clear(kind)


@pytest.fixture
def fabric_target(fabric_api: KubernetesApi) -> KubernetesTarget:
    """What the fabric's record says about it."""
    return _target(fabric_api)


@pytest.fixture
def own_api(fabric_credential: Path) -> Iterator[KubernetesApi]:
    """Like `fabric_api`, but a new one, whose kinds may be withdrawn."""
    with kubernetes_api() as running:
        running.write_credential(fabric_credential)
        yield running


@pytest.fixture
def own_target(own_api: KubernetesApi) -> KubernetesTarget:
    """What the fabric's record says about it."""
    return _target(own_api)


def _target(api: KubernetesApi) -> KubernetesTarget:
    return KubernetesTarget(server=api.server, namespace="default", credential=FABRIC_CREDENTIAL)


@pytest.fixture(scope="session")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A Git server on loopback."""
    with (
        closing(Ports()) as ports,
        closing(GitServer(tmp_path_factory.mktemp("git"), ports)) as server,
    ):
        yield server
