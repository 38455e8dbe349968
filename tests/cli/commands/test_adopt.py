"""`adopt`: tagged conflicting objects become the fabric's after confirmation."""

import asyncio

import pytest

from activities.netbox.client import Row
from fabrics.inventory.model.ownership import TAG_SLUG
from tests.support.cli.command_line import CommandLine
from tests.support.netbox.fabric_inventory import CHANGES
from tests.support.system.installation import SERVERS, Installation, in_yaml

DEVICES = "dcim/devices"
BY_HAND = ("server-2", "server-3")


@pytest.fixture(autouse=True)
def _inventory_enabled(installation: Installation) -> None:
    installation.overrides["FABRIC_SYNC_INVENTORY"] = "true"


def device(installation: Installation, number: int) -> Row:
    """Return a device as it is now."""
    rows = installation.admin.list_rows(DEVICES, id=number)
    [device] = [row for row in rows if row["id"] == number]
    return device


def by_hand(installation: Installation, fabric_id: str) -> dict[str, int]:
    """Create devices like the fabric's own; return their ids by name."""
    [own] = installation.admin.list_rows(DEVICES, site=fabric_id)
    fields = {name: own[name]["id"] for name in ("site", "role", "device_type")}
    return {
        name: installation.admin.create(DEVICES, {"name": name, **fields})["id"] for name in BY_HAND
    }


def last_change(installation: Installation) -> int:
    """Return the id of NetBox's latest changelog entry about devices."""
    rows = installation.admin.list_rows(CHANGES, fields="id", changed_object_type="dcim.device")
    return max(int(row["id"]) for row in rows)


async def test_only_tagged_objects_are_adopted(
    installation: Installation, starter: CommandLine
) -> None:
    manifests = {"fabric.yaml": in_yaml(SERVERS)}
    fabric = await installation.fabric(manifests, SERVERS[:1], hh_sync_interval=3600)
    name = fabric.fabric_id
    async with installation.worker():
        await installation.start(fabric)
        await fabric.wait_for_inventory()
        ids = await asyncio.to_thread(by_hand, installation, name)
        originals = [device(installation, number) for number in ids.values()]
        fabric.api.apply_all(SERVERS)
        await starter("sync", name, "--full")
        conflicts = await starter("inventory", name, "--json")
        assert (conflicts.code, conflicts.json["report"]["problems"]) == (1, {"conflict": 2})
        assert (await starter("adopt", name, "--yes")).is_refused("Nothing is offered to")

        tag = {"tags": [{"slug": TAG_SLUG}]}
        installation.admin.update(DEVICES, ids["server-2"], tag)
        await starter("sync", name, "--full")
        offered = await starter("inventory", name)
        assert offered.code == 1
        assert "1 offered for adoption" in offered.out
        assert "tagged hedgehog-sync: it can be adopted" in offered.out
        assert (await starter("adopt", name)).is_refused("give --yes")
        declined = await starter.run_with_answer("n", "adopt", name)
        assert declined.code == 130
        assert "Server/default/server-2" in declined.err
        assert "server-3" not in declined.err
        assert device(installation, ids["server-2"])["custom_fields"]["hh_fabric"] is None

        adopted = await starter("adopt", name, "--yes", "--json")
        assert (adopted.code, adopted.json["adopted"]) == (0, 1)
        assert adopted.json["report"]["problems"] == {"conflict": 1}
        own = device(installation, ids["server-2"])
        assert own["custom_fields"]["hh_fabric"] == name
        assert own["custom_fields"]["hh_key"] == "Server/default/server-2"
        assert own["description"] == "number 2"
        assert device(installation, ids["server-3"]) == originals[1]

        before = last_change(installation)
        synced = await starter("sync", name, "--full", "--json")
        written = synced.json["report"]["inventory"]
        assert (written["created"], written["updated"], written["adopted"]) == (0, 0, 0)
        assert last_change(installation) == before
        assert (await starter("adopt", name)).is_refused("Nothing is offered to")
    installation.admin.delete(DEVICES, ids["server-3"])


async def test_confirmation_adopts_all_offered_objects(
    installation: Installation, starter: CommandLine
) -> None:
    manifests = {"fabric.yaml": in_yaml(SERVERS)}
    fabric = await installation.fabric(manifests, SERVERS[:1], hh_sync_interval=3600)
    async with installation.worker():
        await installation.start(fabric)
        await fabric.wait_for_inventory()
        ids = await asyncio.to_thread(by_hand, installation, fabric.fabric_id)
        for number in ids.values():
            installation.admin.update(DEVICES, number, {"tags": [{"slug": TAG_SLUG}]})
        fabric.api.apply_all(SERVERS)
        await starter("sync", fabric.fabric_id, "--full")
        confirmed = await starter.run_with_answer("y", "adopt", fabric.fabric_id)
        assert confirmed.code == 0
        assert "change and delete these objects from now on" in confirmed.err
        assert "2 adopted." in confirmed.err
        assert "offered" not in confirmed.out
        assert (await starter("inventory", fabric.fabric_id)).code == 0
    for number in ids.values():
        assert device(installation, number)["custom_fields"]["hh_fabric"] == fabric.fabric_id
    assert (await starter("adopt", fabric.fabric_id)).is_refused("No worker takes work")
