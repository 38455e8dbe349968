"""Fixtures: NetBox as the constrained user, records, and a fabric's sources."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from activities.netbox.http import NotFound
from activities.record import RecordActivities
from fabrics.loop.loop_settings import LoopSettings
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import LISTED_KINDS
from settings import Settings
from stack.kubernetes.api import kubernetes_api
from stack.kubernetes.base import KubernetesApi
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.processes.ports import PortPool
from stack.services.git_server import GitServer
from stack.stack import Stack
from tests.support.netbox.browser import Browser
from tests.support.netbox.records import INSTANCE, MakeRecord, create_record
from tests.support.paths import HEDGEHOG
from tests.support.system.silent_name_server import SilentNameServer

CREDENTIAL = "lab"
FABRIC_CREDENTIAL = "fabric"
CRDS = HEDGEHOG / "crds"


@pytest.fixture(scope="session")
def netbox(stack: Stack, constrained_token: str) -> Iterator[NetBox]:
    """NetBox as the workers' user."""
    client = NetBox(stack.netbox.url, constrained_token, connect_timeout=5, timeout=60)
    yield client
    client.close()


@pytest.fixture
def make_record(netbox: NetBox, admin: NetBox) -> Iterator[MakeRecord]:
    """Return a function that makes enabled, unique records, deleted after the test."""
    with record_maker(netbox, admin) as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_record(netbox: NetBox, admin: NetBox) -> Iterator[MakeRecord]:
    """Like `make_record`, for records that no test changes; deleted after the module."""
    with record_maker(netbox, admin) as make:
        yield make


@contextmanager
def record_maker(netbox: NetBox, admin: NetBox) -> Iterator[MakeRecord]:
    """Yield a function that makes records, and delete these in the end."""
    created: list[Row] = []

    def make(**custom_fields: object) -> Row:
        created.append(create_record(netbox, **custom_fields))
        return created[-1]

    yield make
    for row in created:
        with suppress(NotFound):  # the test has deleted it
            admin.delete(CLUSTERS_PATH, row["id"])


@pytest.fixture
def record(make_record: MakeRecord) -> Row:
    """One record."""
    return make_record()


@pytest.fixture
def activities(netbox: NetBox) -> RecordActivities:
    """The activities of a worker of this installation."""
    return RecordActivities(netbox, INSTANCE, LoopSettings(has_search_attributes=True))


@pytest.fixture(scope="session")
def inventory_netbox(stack: Stack, constrained_token: str) -> Iterator[InventoryNetBox]:
    """NetBox as the user of workers, with requests for many rows."""
    client = InventoryNetBox(stack.netbox.url, constrained_token, connect_timeout=5, timeout=60)
    yield client
    client.close()


@pytest.fixture(scope="session")
def browser(stack: Stack) -> Iterator[Browser]:
    """NetBox's web pages for its superuser."""
    browser = Browser(stack)
    yield browser
    browser.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A worker that may read loopback addresses and is patient with a busy machine."""
    return Settings(
        credentials_dir=tmp_path / "credentials",
        cache_dir=tmp_path / "cache",
        git_allow_local=True,
        git_timeout=60,
        connect_timeout=20,
        read_timeout=20,
    )


@pytest.fixture
def name_server() -> Iterator[SilentNameServer]:
    """A name server that does not answer before the test ends, unless told to."""
    with SilentNameServer.running() as server:
        yield server


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
    """`api` as a record names it."""
    return KubernetesTarget(server=api.server, namespace="default", credential=CREDENTIAL)


@pytest.fixture(scope="session")
def running_api() -> Iterator[KubernetesApi]:
    """The kube-apiserver that `KUBEBUILDER_ASSETS` names, else the emulator."""
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
    """`fabric_api` as a record names it."""
    return _target(fabric_api)


@pytest.fixture
def own_api(fabric_credential: Path) -> Iterator[KubernetesApi]:
    """Like `fabric_api`, but a new one, whose kinds may be withdrawn."""
    with kubernetes_api() as running:
        running.write_credential(fabric_credential)
        yield running


@pytest.fixture
def own_target(own_api: KubernetesApi) -> KubernetesTarget:
    """`own_api` as a record names it."""
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
