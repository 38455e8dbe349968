"""Fixtures: fabrics with an inventory in NetBox or in a fake, and a fault proxy."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import NetBox
from settings import Settings
from stack.demo.fabrics import SAMPLE_FABRICS, make_in_sync_objects
from stack.demo.switch_profiles import make_switch_profiles
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.releases import HedgehogRelease
from stack.stack import Stack
from tests.support.agents.emulated_fabric import Clock, Worker, make_config, run_fabric
from tests.support.git.repositories import Repository
from tests.support.netbox.browser import Browser
from tests.support.netbox.fabric_inventory import FAKE, NETBOX, FabricInventory, MakeInventory
from tests.support.netbox.fake_api import FakeApi
from tests.support.netbox.fault_proxy import FaultProxy, run_fault_proxy
from tests.support.netbox.records import MakeRecord, create_record

OSLO = next(fabric for fabric in SAMPLE_FABRICS if fabric.name == "oslo-dc2")


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the fixture that starts the real NetBox to the tests that need it."""
    if isinstance(item, pytest.Function) and "make_inventory" in item.fixturenames:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if parameters.get("make_inventory") != FAKE:
            item.fixturenames = [*item.fixturenames, "stack"]


@pytest.fixture
def short_pages(browser: Browser) -> Iterator[int]:
    """Limit the pages of NetBox's lists to a few rows, as an administrator may."""
    rows = 3
    browser.configure(MAX_PAGE_SIZE=rows)
    yield rows
    browser.configure(MAX_PAGE_SIZE=1000)


@pytest.fixture
def make_inventory(request: pytest.FixtureRequest) -> MakeInventory:
    """Return a function that creates fabrics with empty inventories, or fakes.

    Inventories stay after a test: no fabric touches those of others, and NetBox is slow at deleting.
    """
    if getattr(request, "param", NETBOX) == FAKE:
        api = FakeApi()
        netbox, admin = api.connect(InventoryNetBox), api.connect(NetBox, "admin")
        make_record: MakeRecord = partial(create_record, admin)
    else:
        names = ("inventory_netbox", "admin", "make_record")
        netbox, admin, make_record = map(request.getfixturevalue, names)
    return lambda **fields: FabricInventory(netbox, admin, make_record(**fields))


@pytest.fixture
def inventory(make_inventory: MakeInventory) -> FabricInventory:
    """A fabric with an empty inventory and a site of its own."""
    return make_inventory()


@pytest.fixture
async def fault_proxy(stack: Stack) -> AsyncIterator[FaultProxy]:
    """A proxy in front of NetBox, without faults at first."""
    async with run_fault_proxy(stack.netbox.url) as proxy:
        yield proxy


@pytest.fixture
def proxied_inventory(
    fault_proxy: FaultProxy, inventory: FabricInventory, constrained_token: str
) -> Iterator[FabricInventory]:
    """The fabric, with a workers' client that writes through the proxy."""
    settings = Settings(netbox_url=fault_proxy.url, netbox_token=SecretStr(constrained_token))
    client = InventoryNetBox.from_settings(settings)
    yield replace(inventory, netbox=client)
    client.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty Git repository."""
    return Repository.make(tmp_path / "fabric.git")


@dataclass
class EmulatedOslo:
    """The demo's fabric of that name while all is well with it."""

    api: EmulatedKubernetesApi
    clock: Clock
    repository: Repository
    worker: Worker

    def commit(self, **files: str) -> None:
        """Commit the fabric's manifests, and more of them by the names of their files."""
        texts = {file.name: file.read_text() for file in OSLO.directory.rglob("*.yaml")}
        self.repository.commit_files(texts | {f"{name}.yaml": files[name] for name in files})

    def upgrade(self) -> None:
        """Install the next release, and let the agents apply what it changes."""
        self.api.upgrade(HedgehogRelease.NEXT)
        self.clock.advance(minutes=1)


@pytest.fixture
def oslo(
    repository: Repository, credential: Path, settings: Settings, inventory: FabricInventory
) -> Iterator[EmulatedOslo]:
    """A fabric in sync whose agents are healthy, and a worker for it."""
    items = [*make_switch_profiles(), *make_in_sync_objects(OSLO.read_desired())]
    clock = Clock()
    with run_fabric(items, credential, clock) as api:
        config = make_config(api, credential, repository, inventory.record)
        fabric = EmulatedOslo(api, clock, repository, Worker(settings, config))
        fabric.commit()
        yield fabric
