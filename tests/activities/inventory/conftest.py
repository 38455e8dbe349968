"""Fixtures: fabrics whose inventories are in the real NetBox, and a proxy that makes it fail."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import NetBox
from settings import Settings
from stack.stack import Stack
from tests.support.netbox.browser import Browser
from tests.support.netbox.fabric_inventory import FabricInventory, MakeInventory
from tests.support.netbox.fault_proxy import FaultProxy, fault_proxy
from tests.support.netbox.records import MakeRecord


@pytest.fixture
def short_pages(browser: Browser) -> Iterator[int]:
    """NetBox gives so few rows of a list at a time, as its administrators may have it."""
    rows = 3
    browser.configure(MAX_PAGE_SIZE=rows)
    yield rows
    browser.configure(MAX_PAGE_SIZE=1000)


@pytest.fixture(scope="session")
def inventory_netbox(stack: Stack, constrained_token: str) -> Iterator[InventoryNetBox]:
    """NetBox as the user that workers are, for many rows at a time."""
    client = InventoryNetBox(stack.netbox.url, constrained_token, connect_timeout=5, timeout=60)
    yield client
    client.close()


@pytest.fixture
def make_mirror(
    inventory_netbox: InventoryNetBox, admin: NetBox, make_record: MakeRecord
) -> MakeInventory:
    """Makes fabrics with an empty inventory.

    What they then have stays: fabrics do not touch what others have, and NetBox takes long to delete.
    """
    return lambda **fields: FabricInventory(inventory_netbox, admin, make_record(**fields))


@pytest.fixture
def mirror(make_mirror: MakeInventory) -> FabricInventory:
    """A fabric with an empty inventory, and a site of its own."""
    return make_mirror()


@pytest.fixture
async def between(stack: Stack) -> AsyncIterator[FaultProxy]:
    """What stands between the worker and NetBox."""
    async with fault_proxy(stack.netbox.url) as netbox:
        yield netbox


@pytest.fixture
def through(
    between: FaultProxy, mirror: FabricInventory, constrained_token: str
) -> Iterator[FabricInventory]:
    """The fabric, whose inventory is written through it, as workers do."""
    settings = Settings(netbox_url=between.url, netbox_token=SecretStr(constrained_token))
    client = InventoryNetBox.from_settings(settings)
    yield replace(mirror, netbox=client)
    client.close()
