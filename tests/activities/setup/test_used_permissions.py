"""The record of the permissions that the suite uses."""

import json

import pytest

from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import NetBox
from activities.setup.access import Grant
from fabrics.inventory.model.planned import Model
from tests.support.inventory.small_fabric import RACK
from tests.support.netbox.fabric_inventory import FabricInventory
from tests.support.netbox.fake_api import FakeApi
from tests.support.netbox.records import create_record
from tests.support.netbox.used_permissions import UsedPermissions, find_permissions, find_unused

API = "http://netbox.test/api"


@pytest.mark.parametrize(
    ("method", "path", "permissions"),
    [
        ("GET", "dcim/devices/?limit=500", ["view dcim/devices"]),
        ("GET", "dcim/devices/7/", ["view dcim/devices"]),
        ("POST", "dcim/devices/", ["add dcim/devices"]),
        ("PATCH", "dcim/devices/7/", ["change dcim/devices"]),
        ("DELETE", "dcim/devices/", ["delete dcim/devices"]),
        ("OPTIONS", "dcim/devices/", []),
        ("GET", "dcim/devices/?fields=id&limit=1", []),
    ],
)
def test_request_needs_one_permission_unless_it_only_asks(
    method: str, path: str, permissions: list[str]
) -> None:
    found = find_permissions(method, f"{API}/{path}", None)
    assert [str(permission) for permission in found] == permissions


def test_graphql_needs_permissions_on_lists_and_on_what_it_would_hide() -> None:
    query = "{ list0: vrf_list(filters: {}) { id tags { slug } } list1: cable_list { terminations { id } } }"
    found = find_permissions(
        "POST",
        "http://netbox.test/graphql/",
        json.dumps({"query": query.replace("list {", "list() {")}),
    )
    assert {str(permission) for permission in found} == {
        "view ipam/vrfs",
        "view dcim/cables",
        "view extras/tags",
        "view dcim/cable-terminations",
    }


def test_only_the_workers_user_counts_and_what_nothing_used_is_found() -> None:
    api, worker, person = FakeApi(), UsedPermissions(), UsedPermissions()
    netbox, admin = api.connect(InventoryNetBox), api.connect(NetBox, "admin")
    worker.record_session(netbox._session)
    person.record_session(admin._session)
    FabricInventory(netbox, admin, create_record(admin)).sync(*RACK)

    path = "dcim/devices"
    grant = Grant("trial", ("view", "add", "change", "delete"), {path: Model.DEVICE})
    assert worker.used >= {(path, "view"), (path, "add")}
    assert find_unused(worker.used, [grant]) == [(path, "change"), (path, "delete")]
    assert person.used == set()


def test_what_is_refused_or_done_in_a_pause_does_not_count() -> None:
    api, used = FakeApi(), UsedPermissions()
    netbox = api.connect(InventoryNetBox)
    used.record_session(netbox._session)
    with pytest.raises(Exception, match="Object with ID 7 does not exist"):
        netbox.update("ipam/vrfs", 7, {"name": "x"})
    used.is_paused = True
    netbox.create("ipam/vrfs", {"name": "x"})
    assert used.used == set()
