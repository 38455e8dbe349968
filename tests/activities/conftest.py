"""Fixtures: NetBox as the constrained user with records, and the sources of a fabric."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from activities.record import RecordActivities
from fabrics.loop.installation import Installation
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import LISTED_KINDS
from settings import Settings
from stack.kubernetes.api import KubernetesApi, kubernetes_api
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.processes.ports import PortPool
from stack.services.git_server import GitServer
from stack.stack import Stack
from tests.support.netbox.browser import Browser
from tests.support.netbox.records import INSTANCE, MakeRecord
from tests.support.paths import HEDGEHOG

NUMBERS = count(1)
CREDENTIAL = "lab"
FABRIC_CREDENTIAL = "fabric"
CRDS = HEDGEHOG / "crds"


@pytest.fixture(scope="session")
def netbox(stack: Stack, constrained_token: str) -> Iterator[NetBox]:
    """NetBox as the user that workers are."""
    client = NetBox(stack.netbox.url, constrained_token, connect_timeout=5, timeout=60)
    yield client
    client.close()


@pytest.fixture
def make_record(netbox: NetBox, admin: NetBox) -> Iterator[MakeRecord]:
    """Makes enabled records, each with a name and fabric id of its own; they go with the test."""
    made: list[Row] = []

    def make(**custom_fields: object) -> Row:
        name = f"Trial {next(NUMBERS)}"
        fields = {
            "hh_fabric_id": name.lower().replace(" ", "-"),
            "hh_sync_enabled": True,
            "hh_kubernetes_server": "https://10.0.0.1:6443",
            "hh_git_repository": "https://git.example.com/net/dc1.git",
        }
        made.append(netbox.create_record(name, fields | custom_fields))
        return made[-1]

    yield make
    left = {row["id"] for row in admin.list_records()}
    for row in made:
        if row["id"] in left:
            admin.delete(CLUSTERS_PATH, row["id"])


@pytest.fixture
def record(make_record: MakeRecord) -> Row:
    """One record."""
    return make_record()


@pytest.fixture
def activities(netbox: NetBox) -> RecordActivities:
    """The activities as a worker of this installation has them."""
    return RecordActivities(netbox, INSTANCE, Installation(has_search_attributes=True))


@pytest.fixture(scope="session")
def browser(stack: Stack) -> Iterator[Browser]:
    """NetBox's pages as its superuser sees them."""
    browser = Browser(stack)
    yield browser
    browser.close()


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
    for kind in LISTED_KINDS:
        running_api.delete_all(kind)


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
        closing(PortPool()) as ports,
        closing(GitServer(tmp_path_factory.mktemp("git"), ports)) as server,
    ):
        yield server
