"""Fixtures: NetBox as the constrained user, and a fabric's record for each test."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest
from pydantic import SecretStr

from activities.inventory.client import InventoryNetBox
from activities.netbox.client import CLUSTERS, NetBox, Row
from activities.record import RecordActivities
from fabrics.installation import Installation
from settings import Settings
from stack.stack import Stack
from tests.e2e.lying_netbox import LyingNetBox, lying_netbox
from tests.netbox.browser import Browser
from tests.netbox.mirror import Mirror

INSTANCE = "default@this-installation"
NUMBERS = count(1)

type MakeRecord = Callable[..., Row]
type MakeMirror = Callable[..., Mirror]


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
    left = {row["id"] for row in admin.records()}
    for row in made:
        if row["id"] in left:
            admin.delete(CLUSTERS, row["id"])


@pytest.fixture
def record(make_record: MakeRecord) -> Row:
    """One record."""
    return make_record()


@pytest.fixture
def activities(netbox: NetBox) -> RecordActivities:
    """The activities as a worker of this installation has them."""
    return RecordActivities(netbox, INSTANCE, Installation(search_attributes=True))


@pytest.fixture
def foreign_cluster(admin: NetBox) -> Iterator[Row]:
    """A cluster of somebody else's type, which is no fabric."""
    type_ = admin.create(
        "virtualization/cluster-types", {"name": "Trial others", "slug": "trial-others"}
    )
    cluster = admin.create(CLUSTERS, {"name": "Trial foreign", "type": type_["id"]})
    yield cluster
    admin.delete(CLUSTERS, cluster["id"])
    admin.delete("virtualization/cluster-types", type_["id"])


@pytest.fixture(scope="session")
def browser(stack: Stack) -> Iterator[Browser]:
    """NetBox's pages as its superuser sees them."""
    browser = Browser(stack)
    yield browser
    browser.close()


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
) -> MakeMirror:
    """Makes fabrics with an empty inventory.

    What they then have stays: fabrics do not touch what others have, and NetBox takes long to delete.
    """
    return lambda **fields: Mirror(inventory_netbox, admin, make_record(**fields))


@pytest.fixture
def mirror(make_mirror: MakeMirror) -> Mirror:
    """A fabric with an empty inventory, and a site of its own."""
    return make_mirror()


@pytest.fixture
async def between(stack: Stack) -> AsyncIterator[LyingNetBox]:
    """What stands between the worker and NetBox."""
    async with lying_netbox(stack.netbox.url) as netbox:
        yield netbox


@pytest.fixture
def through(between: LyingNetBox, mirror: Mirror, constrained_token: str) -> Iterator[Mirror]:
    """The fabric, whose inventory is written through it, as workers do."""
    settings = Settings(netbox_url=between.url, netbox_token=SecretStr(constrained_token))
    client = InventoryNetBox.from_settings(settings)
    yield replace(mirror, netbox=client)
    client.close()
